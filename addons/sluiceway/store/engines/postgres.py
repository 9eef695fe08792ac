"""A store in a PostgreSQL database, written by many nodes: how it is reached, and what it must promise.

A node that hangs must not hold what others need: the server ends its idle transactions, gives up on locks
that are not free in time, and notices a dead network within seconds, as our side does. One that is alive and
brings no answers (a balancer or a disk that hangs) is given up by our side's own clock. Connect to the server
itself or through a pool of sessions: locks and settings of a session are part of how nodes stay apart.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from math import inf
from typing import Any, Self

import psycopg
import sqlalchemy
from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import OperationalError

from sluiceway.errors import StoreError
from sluiceway.store.engines.adapter import Adapter, WholeNumbers, translated
from sluiceway.store.engines.connection import Connection, Dialect
from sluiceway.store.engines.impatient import Impatient

CONNECT_S = 5
# How long the network may be silent, and a transaction idle or waiting for a lock, before it is given up.
SILENT_MS = 10_000
# How long a statement of a writer may take. The longest are opening balances and waits for locks.
ANSWER_S = 15.0
# How long a transaction of a writer may hold its locks, whatever its client does: one whose statements came
# only in part is not idle. Before PostgreSQL 17 the other nodes end such a session (store/nodes.py, 22 s).
TRANSACTION_MS = 20_000
KNOWS_TRANSACTION_TIMEOUT = 170_000
MIGRATION_LOCK = 0x536C7569636577  # "Sluicew": one migration at a time
TURNS = 0x7475726E  # "turn": our other half of advisory locks of two numbers (store/locking.py)
_SETTINGS = {
    "application_name": "sluiceway",
    "connect_timeout": CONNECT_S,
    "tcp_user_timeout": SILENT_MS,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
}
_WRITING = (
    f"-c idle_in_transaction_session_timeout={SILENT_MS} -c lock_timeout={SILENT_MS} "
    f"-c tcp_user_timeout={SILENT_MS} -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 "
    "-c tcp_keepalives_count=3 -c synchronous_commit=on -c default_transaction_isolation=read\\ committed "
    "-c default_transaction_read_only=off "
    # What a batch ends was written a moment ago: an index leads to it without a seek. By the default (4) a
    # ledger of less than ten thousand rows is read whole each time.
    "-c random_page_cost=1.1"
)
_READING = "-c default_transaction_isolation=repeatable\\ read -c default_transaction_read_only=on"
_TRIGGERS = """
SELECT t.tgname, regexp_replace(p.prosrc, '\\s+', ' ', 'g'), t.tgenabled IN ('O', 'A')
FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_class c ON c.oid = t.tgrelid
WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace
"""


class PostgresEngine:
    """One database on a server; its schema is the first of the user's search path."""

    dialect: Dialect = "postgresql"
    shared = True

    def __init__(self, url: URL) -> None:
        self._url = url.set(drivername="postgresql")
        self.name = url.set(drivername="postgresql", query={}).render_as_string(hide_password=True)

    @classmethod
    def of(cls, url: URL) -> Self:
        """From `postgresql://user@host/db`; libpq's parameters may follow, such as ?sslmode=verify-full."""
        if url.drivername not in ("postgresql", "postgresql+psycopg"):
            raise StoreError("store: write postgresql://user@host/db")
        if not url.database:
            raise StoreError("store: name the database, as in postgresql://user@host/db")
        return cls(url)

    def exists(self) -> bool:
        return True

    def make(self) -> None:
        """Nothing: the operator makes the database, empty, and the user who owns it."""

    def hold(self) -> Callable[[], None]:
        return lambda: None

    def writer(self) -> Adapter:
        link = self._connect(_WRITING, ANSWER_S)
        if link.raw.info.server_version >= KNOWS_TRANSACTION_TIMEOUT:
            link.execute(f"SET transaction_timeout = {TRANSACTION_MS}")
        return link

    def reader(self, quick: bool = False) -> Adapter:
        return self._connect(_READING, ANSWER_S if quick else inf)

    def reading(self) -> sqlalchemy.Engine:
        engine = create_engine(
            "postgresql+psycopg://", creator=lambda: self._raw(_READING, autocommit=False), pool_pre_ping=True
        )

        @event.listens_for(engine, "connect")
        def connected(connection: Any, _: object) -> None:
            connection.adapters.register_loader("numeric", WholeNumbers)

        return engine

    @contextmanager
    def migrating(self) -> Iterator[sqlalchemy.Connection]:
        engine = create_engine(
            "postgresql+psycopg://", creator=lambda: self._raw("-c lock_timeout=60000", autocommit=False)
        )
        try:
            with engine.begin() as connection:
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
                yield connection
        finally:
            engine.dispose()

    def tables(self, connection: Connection) -> set[str]:
        found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
        return {name for (name,) in found}

    def guards(self, connection: Connection) -> Mapping[str, str]:
        return {name: source.strip() for name, source, enabled in connection.execute(_TRIGGERS) if enabled}

    def in_turn(self, connection: Connection, what: str) -> None:
        connection.execute("SELECT pg_advisory_xact_lock(?, hashtext(?))", (TURNS, what))

    def overwriting(self, connection: Connection) -> AbstractContextManager[None]:
        """It cannot: a deleted row's bytes stay in its page until vacuum and reuse, and in the log (WAL)."""
        return nullcontext()

    @contextmanager
    def bounded(self, connection: sqlalchemy.Connection, seconds: float) -> Iterator[None]:
        """Each statement takes at most this long."""
        connection.execute(text(f"SET LOCAL statement_timeout = {max(1, int(seconds * 1000))}"))
        try:
            yield
        except OperationalError as error:
            if isinstance(error.orig, psycopg.errors.QueryCanceled):
                raise TimeoutError from None
            raise
        connection.execute(text("SET LOCAL statement_timeout = 0"))

    def _connect(self, options: str, within_s: float) -> Adapter:
        raw = self._raw(options, autocommit=True)
        raw.within_s = within_s
        return Adapter(raw)

    def _raw(self, options: str, autocommit: bool) -> Impatient:
        uri = self._url.render_as_string(hide_password=False)
        given = self._url.query.get("options", "")
        settings: dict[str, Any] = {**_SETTINGS, "options": f"{given} {options}".strip()}
        try:
            return Impatient.connect(uri, autocommit=autocommit, **settings)
        except psycopg.Error as error:
            raise Unreachable(f"{self.name}: {_plain(str(translated(error)))}") from None


class Unreachable(StoreError, sqlite3.OperationalError):
    """No connection can be made now; as far as a batch is concerned, the database failed."""


def _plain(words: str) -> str:
    """libpq's sentence without the address it repeats."""
    return re.sub(r"^(connection is bad: )?(connection (to server .*? )?failed: )?", "", words)
