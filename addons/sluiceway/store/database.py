"""The SQLite file: where it is, and how it is opened for the one writer and for readers."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import QueuePool

from sluiceway.errors import StoreError

BUSY_TIMEOUT_MS = 2000


def database_path(url: str) -> Path:
    """The file of `sqlite:///relative.db` or `sqlite:////absolute.db`."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StoreError("store: not a database URL; write sqlite:///sluiceway.db") from error
    if parsed.get_backend_name() in ("postgresql", "postgres"):
        raise StoreError("PostgreSQL stores are not supported by this version; use sqlite:///sluiceway.db")
    if parsed.get_backend_name() != "sqlite" or parsed.query:
        raise StoreError("store: only sqlite:///file.db is supported, without options")
    if not parsed.database or parsed.database == ":memory:":
        raise StoreError("store: needs a file, because what is granted must survive a crash")
    return Path(parsed.database)


def make_file(path: Path) -> None:
    """Creates an empty database file that only its owner can read."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreError(f"{path}: cannot be created: {error.strerror}") from error


def connect_writer(path: Path) -> sqlite3.Connection:
    """The writing connection, without implicit transactions; every commit is forced to disk."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA journal_size_limit = 67108864")
        connection.execute("PRAGMA wal_autocheckpoint = 0")  # the writer does it, off the event loop
    except sqlite3.Error as error:
        connection.close()
        raise StoreError(f"{path}: {error}") from error
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that cannot write."""
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
    )
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    return connection


def reading_engine(path: Path) -> Engine:
    """Reads for reports: each transaction sees one unchanging moment."""
    engine = create_engine("sqlite://", creator=lambda: connect_reader(path), poolclass=QueuePool)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine
