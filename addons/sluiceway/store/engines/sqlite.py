"""A store in one SQLite file: where it is, and how it is opened for the one writer and for readers."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self
from urllib.parse import quote

import sqlalchemy
from sqlalchemy import create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import QueuePool

from sluiceway.errors import StoreError
from sluiceway.store.engines.connection import Connection, Dialect
from sluiceway.store.lock import Lock

BUSY_TIMEOUT_MS = 2000
# Steps of SQLite's machine between two looks at the clock: well under a millisecond.
STEPS = 10_000


class SqliteEngine:
    """One file, written by one process."""

    dialect: Dialect = "sqlite"
    shared = False

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = str(path)

    @classmethod
    def of(cls, url: URL) -> Self:
        """From `sqlite:///relative.db` or `sqlite:////absolute.db`."""
        if url.get_backend_name() != "sqlite":
            raise StoreError("store: write sqlite:///sluiceway.db or postgresql://user@host/db")
        if url.query:
            raise StoreError("store: only sqlite:///file.db is supported, without options")
        if not url.database or url.database == ":memory:":
            raise StoreError("store: needs a file, because what is granted must survive a crash")
        return cls(Path(url.database))

    def exists(self) -> bool:
        return self.path.exists()

    def make(self) -> None:
        """Creates an empty database file that only its owner can read."""
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise StoreError(f"{self.path}: cannot be created: {error.strerror}") from error

    def hold(self) -> Callable[[], None]:
        return Lock(self.path).release

    def writer(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        try:
            connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA journal_size_limit = 67108864")
            connection.execute("PRAGMA wal_autocheckpoint = 0")  # the writer does it, off the event loop
        except sqlite3.Error as error:
            connection.close()
            raise StoreError(f"{self.path}: {error}") from error
        return connection

    def reader(self, quick: bool = False) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"file:{quote(str(self.path))}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
        )
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        return connection

    def reading(self) -> sqlalchemy.Engine:
        engine = create_engine("sqlite://", creator=self.reader, poolclass=QueuePool)

        @event.listens_for(engine, "begin")
        def begin(connection: sqlalchemy.Connection) -> None:
            connection.exec_driver_sql("BEGIN")

        return engine

    @contextmanager
    def migrating(self) -> Iterator[sqlalchemy.Connection]:
        engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(self.path))
        try:
            with engine.begin() as connection:
                yield connection
        finally:
            engine.dispose()

    def tables(self, connection: Connection) -> set[str]:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}

    def guards(self, connection: Connection) -> Mapping[str, str]:
        found = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        return dict(found.fetchall())

    def in_turn(self, connection: Connection, what: str) -> None:
        """There is one writer."""

    @contextmanager
    def overwriting(self, connection: Connection) -> Iterator[None]:
        (before,) = connection.execute("PRAGMA secure_delete").fetchone()
        connection.execute("PRAGMA secure_delete = ON")
        try:
            yield
        finally:
            connection.execute(f"PRAGMA secure_delete = {int(before)}")

    @contextmanager
    def bounded(self, connection: sqlalchemy.Connection, seconds: float) -> Iterator[None]:
        raw = connection.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        ends_at = time.monotonic() + seconds
        raw.set_progress_handler(lambda: time.monotonic() > ends_at, STEPS)
        try:
            yield
        except OperationalError as error:
            if str(error.orig) == "interrupted":
                raise TimeoutError from None
            raise
        finally:
            raw.set_progress_handler(None, 0)
