"""The store as the other rooms see it: opened once, closed once; ledger, people, traffic, events."""

from __future__ import annotations

import asyncio
import concurrent.futures
import sqlite3
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, closing
from pathlib import Path
from typing import Self

from sqlalchemy import Connection

from sluiceway.errors import StoreError
from sluiceway.store import balances, migrate, recovery
from sluiceway.store.audit import AuditStore
from sluiceway.store.corrections import Corrections
from sluiceway.store.database import connect_reader, connect_writer, database_path, make_file, reading_engine
from sluiceway.store.deferred import Deferred
from sluiceway.store.directory import Directory
from sluiceway.store.events import Events
from sluiceway.store.grants import Grants
from sluiceway.store.keys import Keys
from sluiceway.store.ledger import Ledger
from sluiceway.store.lock import Lock
from sluiceway.store.moments import now_us
from sluiceway.store.orders import Work
from sluiceway.store.people import People
from sluiceway.store.records import Discrepancy
from sluiceway.store.retention import Retention
from sluiceway.store.seats import Seats
from sluiceway.store.traffic import Traffic
from sluiceway.store.writer import Writer


class Store:
    """One database: `ledger`, `people`, `grants`, `directory`, `keys`, `audit`, `deferred`, `traffic`,
    `seats`, `events`.

    `recovered` is how many rows a dead process had left open; they were settled when the store was opened.
    """

    def __init__(self, path: Path, key: bytes, boot: str, writable: bool, clock: Callable[[], int]) -> None:
        self._path = path
        self.recovered = 0
        self.traffic = Traffic()
        self.seats = Seats(self._read)
        self.directory = Directory(key, clock)
        self._refreshing = threading.Lock()
        self._writer: Writer | None = None
        self._ledger: Ledger | None = None
        self._corrections: Corrections | None = None
        with ExitStack() as undo:
            if writable:
                undo.callback(Lock(path).release)
            _prepare(path, writable)
            self._reader = undo.enter_context(closing(connect_reader(path)))
            self.directory.refresh(self._reader)
            self._engine = reading_engine(path)
            undo.callback(self._engine.dispose)
            if writable:
                self._start_writing(boot, clock(), undo)
            self._undo = undo.pop_all()
        self.people = People(self._run, self._read, self._refresh, key, clock)
        self.grants = Grants(self._run, self._read, self._refresh, clock)
        self.events = Events(self._run, self._read, clock)
        self.keys = Keys(self._run, self._read, clock)
        self.retention = Retention(self._run)
        self.deferred = Deferred(self._run, self._read)
        self.audit = AuditStore(self._run, self._read)

    def _start_writing(self, boot: str, now_us: int, undo: ExitStack) -> None:
        connection = undo.enter_context(closing(connect_writer(self._path)))
        self.recovered = recovery.recover(connection, boot, now_us)
        self._writer = Writer(connection, self._path, boot, self._due)
        self._ledger = Ledger(self._writer)
        self._corrections = Corrections(self._writer.submit)
        undo.callback(self._writer.close)

    @classmethod
    def open(
        cls,
        url: str,
        *,
        key: bytes,
        boot: str,
        writable: bool = True,
        create: bool = False,
        clock: Callable[[], int] = now_us,
    ) -> Self:
        """Opens `sqlite:///file.db`, for writing under the lock that keeps all other writers out.

        `key` keys the hashes of tokens. `boot` names this start of the process: rows that another boot left
        open are settled. `create` makes a missing database; an older schema is migrated, a newer one refused.
        `clock` gives microseconds since the epoch. Raises StoreError, saying what to do.
        """
        path = database_path(url)
        if not create and not path.exists():
            raise StoreError(f"{path}: there is no store here; run `sluiceway init`")
        try:
            return cls(path, key, boot, writable, clock)
        except sqlite3.Error as error:
            raise StoreError(f"{path}: {error}") from error

    def close(self) -> None:
        """Writes what is queued, checkpoints, frees the lock. The next start settles rows still open."""
        self._undo.close()

    @property
    def ledger(self) -> Ledger:
        """Admission and settlement; only where the store is open for writing."""
        if self._ledger is None:
            raise StoreError("the store is open for reading only")
        return self._ledger

    @property
    def corrections(self) -> Corrections:
        """What puts settled rows right; only where the store is open for writing."""
        if self._corrections is None:
            raise StoreError("the store is open for reading only")
        return self._corrections

    def read(self) -> AbstractContextManager[Connection]:
        """A read-only connection on which everything is seen as of its first query."""
        return self._engine.connect()

    async def refresh_directory(self) -> None:
        """Sees what another process changed about people; one small query when nothing did."""
        await asyncio.to_thread(self._refresh)

    def verify(self) -> list[Discrepancy]:
        """The counters that do not equal the ledger to the nano-dollar; none, unless somebody meddled."""
        with closing(self._read()) as connection:
            connection.execute("BEGIN")
            return balances.discrepancies(connection)

    def status(self) -> dict[str, int]:
        """Open reservations, waiting and queued orders, ends not yet on disk, rows recovered at the start."""
        writing = {} if self._writer is None else self._writer.status()
        return writing | {"recovered": self.recovered}

    def _run[T](self, do: Callable[[sqlite3.Connection], T]) -> T:
        if self._writer is None:
            raise StoreError("the store is open for reading only")
        reply: concurrent.futures.Future[T] = concurrent.futures.Future()
        self._writer.submit(Work(do, reply))
        return reply.result()

    def _due(self) -> tuple[Work, ...]:
        return (*self.traffic.orders(), *self.seats.orders())

    def _read(self) -> sqlite3.Connection:
        return connect_reader(self._path)

    def _refresh(self) -> None:
        with self._refreshing:  # operations run in threads and share this connection
            self.directory.refresh(self._reader)


def _prepare(path: Path, writable: bool) -> None:
    """Makes or migrates the database where it may be written, and checks its schema where it may not."""
    if not writable:
        with closing(connect_reader(path)) as connection:
            found = migrate.revision(connection)
        migrate.check(path, found)
        return
    make_file(path)
    with closing(connect_writer(path)) as connection:
        found = migrate.revision(connection)
    migrate.upgrade(path, found)
