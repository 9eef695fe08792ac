"""People, by what they are known, their provider keys and their subscriptions."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, Integer, LargeBinary, Table, Text

from sluiceway.store.tables.schema import Id, metadata

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
