"""What budgets count, who of many nodes holds it, and what raises a limit."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, PrimaryKeyConstraint, Table, Text

from sluiceway.store.tables.schema import Id, metadata

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
