"""What happened and who is told: operators' deeds, alerts, and traffic that was not decrypted."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text

from sluiceway.store.tables.schema import Id, metadata

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
