"""The schema: one table per kind of record. Times are integer microseconds since the epoch, UTC;
money is integer nano-dollars; a column that may be unknown is nullable and never defaults to zero."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    func,
)

metadata = MetaData()

# BigInteger does not autoincrement on SQLite; Integer is 64 bit there.
Id = BigInteger().with_variant(Integer, "sqlite")

ledger = Table(
    "ledger",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("corrects", Text),
    Column("request_id", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("turn", Integer),
    Column("response_id", Text),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("principal", Text, nullable=False),
    Column("principal_kind", Text, nullable=False),
    Column("team", Text, nullable=False),
    Column("project", Text),
    Column("cost_center", Text),
    Column("key_fingerprint", Text),
    Column("key_class", Text, nullable=False),
    Column("client_name", Text),
    Column("client_version", Text),
    Column("agent", Text),
    Column("conversation_id", Text),
    Column("provider_requested", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("dialect", Text),
    Column("upstream_dialect", Text),
    Column("stream", Boolean, nullable=False),
    Column("service_tier", Text),
    Column("model_requested", Text),
    Column("model_routed", Text),
    Column("model_served", Text),
    Column("route_rule", Text),
    Column("route_path", Text),
    Column("task", Text),
    Column("input_tokens", BigInteger),
    Column("cache_read_tokens", BigInteger),
    Column("cache_write_tokens", BigInteger),
    Column("cache_write_1h_tokens", BigInteger),
    Column("output_tokens", BigInteger),
    Column("reasoning_tokens", BigInteger),
    Column("audio_input_tokens", BigInteger),
    Column("audio_output_tokens", BigInteger),
    Column("image_tokens", BigInteger),
    Column("tool_units", Text, nullable=False),  # JSON object {kind: count}
    Column("usage_source", Text, nullable=False),
    Column("cost_nusd", BigInteger),
    Column("cost_basis", Text, nullable=False),
    Column("price_version", Text),
    Column("ttft_ms", Float),
    Column("duration_ms", Float),
    Column("overhead_ms", Float),
    Column("status", Integer),
    Column("upstream_status", Integer),
    Column("outcome", Text, nullable=False),
    Column("metered", Boolean, nullable=False),
    Column("refusal_code", Text),
    Column("refusal_rule", Text),
    Column("error_type", Text),
    Column("guard_findings", Text, nullable=False),  # JSON object {type: count}
    Column("audit", Text, nullable=False),
    Column("policy_version", Text),
    # Internal, not exported: what caps count.
    Column("budgeted", Boolean, nullable=False),
    Column("charged_nusd", BigInteger, nullable=False),
    Column("reserved_nusd", BigInteger, nullable=False),  # 0 once settled
    Column("requests", Integer, nullable=False),  # 1 for the first attempt of an admitted request, else 0
    Column("charged_tokens", BigInteger, nullable=False),
    Column("reserved_tokens", BigInteger, nullable=False),  # 0 once settled
    Column("owner", Text),  # the process boot that holds the open row; NULL once settled
    Column("cost_as_requested_nusd", BigInteger),  # NULL: not moved, or no price known
    Column("identity_path", Text),  # token | port | lease; NULL: not told, or before schema 0004
    Column("swept_from", Text),  # the node that was taken for dead, and whose row somebody settled
    Index("ledger_started", "started_at"),
    # An opening balance sums one person's or one team's rows since a moment.
    Index("ledger_principal", "principal", "started_at"),
    Index("ledger_team", "team", "started_at"),
)
# Few rows are corrections; what corrects a row is found by its request.
Index(
    "ledger_corrects",
    ledger.c.corrects,
    sqlite_where=ledger.c.kind == "correction",
    postgresql_where=ledger.c.kind == "correction",
)
# A NULL turn is distinct from every other NULL, so a plain constraint would let an attempt in twice.
Index(
    "ledger_once",
    ledger.c.request_id,
    ledger.c.attempt,
    func.coalesce(ledger.c.turn, -1),
    unique=True,
    sqlite_where=ledger.c.kind == "request",
    postgresql_where=ledger.c.kind == "request",
)
Index(  # what a turn that the provider remembers had as input (previous_response_id)
    "ledger_response",
    ledger.c.response_id,
    sqlite_where=ledger.c.response_id.is_not(None),
    postgresql_where=ledger.c.response_id.is_not(None),
)
Index(
    "ledger_open",
    ledger.c.owner,
    sqlite_where=ledger.c.owner.is_not(None),
    postgresql_where=ledger.c.owner.is_not(None),
)

# A counter is a running total over the ledger: what the budgeted rows that its scope and window cover are
# charged and have reserved of its unit (store/amounts.py). Which rows a counter covers follows from the rows
# alone (store/scope.py), so nothing records who holds what.

counters = Table(
    "counters",
    metadata,
    Column("counter", Text, primary_key=True),  # types.Cap.counter
    Column("scope", Text, nullable=False),  # JSON list of [dimension, value]
    Column("unit", Text, nullable=False),  # usd | requests | tokens | concurrent
    Column("window", Text, nullable=False),
    Column("starts_at", BigInteger, nullable=False),
    Column("ends_at", BigInteger),
    Column("spent", BigInteger, nullable=False),  # nano-dollars, or a count
    Column("reserved", BigInteger, nullable=False),
)
# A node of many finds the counters of a row by their scopes (store/locking.py).
Index("counters_scope", counters.c.scope, counters.c.ends_at).ddl_if(dialect="postgresql")
# Many counters of minutes come and go; the few that are over long enough to be deleted are found by this.
Index(
    "counters_rates",
    counters.c.ends_at,
    sqlite_where=counters.c.window.in_(["minute", "hour", "rolling"]),
    postgresql_where=counters.c.window.in_(["minute", "hour", "rolling"]),
)

counter_shapes = Table(  # of a shared store: which dimensions the scopes of its counters have
    "counter_shapes",
    metadata,
    Column("shape", Text, primary_key=True),  # JSON list of dimensions
)

nodes = Table(  # of a shared store: the processes that write it
    "nodes",
    metadata,
    Column("node", Text, primary_key=True),  # its boot, which is the owner of its open rows
    Column("host", Text, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),  # by the server's clock
    Column("backend", BigInteger, nullable=False),  # the server's process that serves its writing session
)

slices = Table(  # of a shared store: what a node holds of a hot counter for itself (store/slices.py)
    "slices",
    metadata,
    Column("counter", Text, primary_key=True),
    Column("node", Text, primary_key=True),
    Column("unused", BigInteger, nullable=False),
    Column("spent", BigInteger, nullable=False),
    Column("called", Boolean, nullable=False),  # somebody waits for it
)

carried = Table(  # what deleted rows had been charged: lifetime budgets count it; '' where a row had no value
    "carried",
    metadata,
    Column("principal", Text, nullable=False),
    Column("principal_kind", Text, nullable=False),
    Column("team", Text, nullable=False),
    Column("project", Text, nullable=False),
    Column("cost_center", Text, nullable=False),
    Column("key_fingerprint", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("model_routed", Text, nullable=False),
    Column("client_name", Text, nullable=False),
    Column("nusd", BigInteger, nullable=False),
    Column("requests", BigInteger, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    PrimaryKeyConstraint(
        *("principal", "principal_kind", "team", "project", "cost_center"),
        *("key_fingerprint", "provider", "model_routed", "client_name"),
        name="carried_by",
    ),
)

raises = Table(  # more of a budget for a while: who asked, who agreed, why; never deleted
    "raises",
    metadata,
    Column("id", Id, primary_key=True),
    Column("budget", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("holder", Text),  # for the one of that name alone, where the budget is one for each
    Column("by_amount", BigInteger, nullable=False),  # nano-dollars, or a count
    Column("to_amount", BigInteger),  # instead of the limit, where that is more
    Column("from_at", BigInteger, nullable=False),
    Column("until_at", BigInteger, nullable=False),
    Column("requester", Text, nullable=False),
    Column("approver", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("actor", Text, nullable=False),  # the OS user who entered it
    Column("withdrawn_at", BigInteger),
)

alerts = Table(  # what people are told once, by every channel there is; due_at NULL: nothing is left to do
    "alerts",
    metadata,
    Column("id", Id, primary_key=True),
    Column(
        "once", Text, nullable=False, unique=True
    ),  # what makes it the same alert: rule, window, threshold
    Column("at", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),  # threshold | burn_rate | loop
    Column("detail", Text, nullable=False),  # JSON object, no secrets
    Column("delivered", Text, nullable=False),  # JSON list of the channels that have it
    Column("tries", Integer, nullable=False),
    Column("due_at", BigInteger),
)
Index(
    "alerts_due",
    alerts.c.due_at,
    sqlite_where=alerts.c.due_at.is_not(None),
    postgresql_where=alerts.c.due_at.is_not(None),
)

deferred = Table(  # open rows that no process holds: their usage comes with a later request
    "deferred",
    metadata,
    Column("ledger_id", Id, ForeignKey("ledger.id"), primary_key=True),
    Column("kind", Text, nullable=False),  # response | batch
    Column("digest", LargeBinary, nullable=False),  # keyed hash of provider, kind and the provider's id
    Column("input_tokens", BigInteger, nullable=False),  # estimated, for an answer that never says
    Column("spends", Boolean, nullable=False),  # whether its cost counts on caps
    Column("expires_at", BigInteger, nullable=False),
    Column("settled_at", BigInteger),  # NULL: still waited for
)
Index("deferred_digest", deferred.c.digest)
Index(
    "deferred_waiting",
    deferred.c.expires_at,
    sqlite_where=deferred.c.settled_at.is_(None),
    postgresql_where=deferred.c.settled_at.is_(None),
)

batch_files = Table(  # what files of requests ask for that were seen on their way to a provider
    "batch_files",
    metadata,
    Column("digest", LargeBinary, primary_key=True),  # as in deferred
    Column("figures", Text, nullable=False),  # JSON object: model, requests, bytes, output limit
    Column("kept_at", BigInteger, nullable=False),
)

people = Table(
    "people",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),  # employee | service
    Column("team", Text, nullable=False),
    Column("project", Text),
    Column("cost_center", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("disabled_at", BigInteger),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Id, primary_key=True),
    Column("person_id", Id, ForeignKey("people.id"), nullable=False),
    Column("digest", LargeBinary, nullable=False, unique=True),  # HMAC-SHA256 of the token
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
)

ports = Table(  # per-employee ports: who comes in by one is its owner
    "ports",
    metadata,
    Column("id", Id, primary_key=True),
    Column("person_id", Id, ForeignKey("people.id"), nullable=False),
    Column("port", Integer, nullable=False),
    Column("sources", Text, nullable=False),  # JSON list of networks; empty: whoever can reach the port
    Column("granted_at", BigInteger, nullable=False),
    Column("released_at", BigInteger),
)
Index(
    "ports_once",
    ports.c.port,
    unique=True,
    sqlite_where=ports.c.released_at.is_(None),
    postgresql_where=ports.c.released_at.is_(None),
)
Index(
    "ports_one_each",
    ports.c.person_id,
    unique=True,
    sqlite_where=ports.c.released_at.is_(None),
    postgresql_where=ports.c.released_at.is_(None),
)

leases = Table(  # source addresses: who comes from one is its holder, until it expires
    "leases",
    metadata,
    Column("id", Id, primary_key=True),
    Column("person_id", Id, ForeignKey("people.id"), nullable=False),
    Column("address", Text, nullable=False),  # in its one spelling, never IPv4 as IPv6
    Column("granted_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),  # revoked, or found expired when the address was leased again
)
Index(
    "leases_once",
    leases.c.address,
    unique=True,
    sqlite_where=leases.c.ended_at.is_(None),
    postgresql_where=leases.c.ended_at.is_(None),
)

keys = Table(  # provider keys whose owner the company has told us
    "keys",
    metadata,
    Column("id", Id, primary_key=True),
    Column("label", Text, nullable=False, unique=True),
    Column("provider", Text, nullable=False),
    Column("key_class", Text, nullable=False),  # company | personal
    Column("fingerprint", Text, nullable=False, unique=True),  # keyed, see gateway.credentials
    Column("sealed", LargeBinary),  # the key itself, sealed; only of company keys that may be injected
    Column("created_at", BigInteger, nullable=False),
    Column("retired_at", BigInteger),
)

seats = Table(  # how full the windows of people's subscriptions are, as the provider last said
    "seats",
    metadata,
    Column("principal", Text, primary_key=True),
    Column("provider", Text, primary_key=True),
    Column("window", Text, primary_key=True),  # the provider's word: 5h, 7d, primary, secondary...
    Column("utilisation", Float),  # 0 to 1, above it where the provider lets go on; NULL: not told
    Column("resets_at", BigInteger),
    Column("status", Text),  # the provider's word: allowed, allowed_warning, rejected
    Column("seen_at", BigInteger, nullable=False),
)

discovery = Table(  # hosts on the AI list that were seen and not decrypted
    "discovery",
    metadata,
    Column("day", Text, primary_key=True),  # YYYY-MM-DD, UTC
    Column("host", Text, primary_key=True),
    Column("reason", Text, primary_key=True),  # watched | tls_rejected | not_tls | grpc
    Column("team", Text, primary_key=True),
    Column("connections", BigInteger, nullable=False),
    Column("bytes_up", BigInteger, nullable=False),
    Column("bytes_down", BigInteger, nullable=False),
)

tunnels = Table(  # everything else: a total a day, no host, no person
    "tunnels",
    metadata,
    Column("day", Text, primary_key=True),
    Column("connections", BigInteger, nullable=False),
    Column("bytes_up", BigInteger, nullable=False),
    Column("bytes_down", BigInteger, nullable=False),
)

events = Table(  # what operators did: people changed, a report with names, rules loaded
    "events",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("actor", Text, nullable=False),  # the OS user, or "serve"
    Column("detail", Text, nullable=False),  # JSON object, no secrets
)

versions = Table(  # counts changes, so that a reader sees cheaply whether it must read again
    "versions",
    metadata,
    Column("name", Text, primary_key=True),  # "people"
    Column("value", BigInteger, nullable=False),
)
