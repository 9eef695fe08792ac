"""Attempts, and those whose usage comes with a later request."""

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
    Table,
    Text,
    func,
)

from sluiceway.store.tables.schema import Id, metadata

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
