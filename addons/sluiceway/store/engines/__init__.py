"""The databases a store can be kept in, and all that differs between them; which one follows from the URL."""

from __future__ import annotations

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from sluiceway.errors import StoreError
from sluiceway.store.engines.connection import Engine
from sluiceway.store.engines.sqlite import SqliteEngine


def engine_of(url: str) -> Engine:
    """The engine of a `store:` URL; nothing is opened yet. Raises StoreError without repeating the URL."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StoreError("store: not a database URL; write sqlite:///sluiceway.db") from error
    if parsed.get_backend_name() in ("postgresql", "postgres"):
        return _postgres(parsed)
    return SqliteEngine.of(parsed)


def _postgres(url: URL) -> Engine:
    from sluiceway.store.engines.postgres import PostgresEngine  # psycopg: 0.2 s that SQLite does without

    return PostgresEngine.of(url)
