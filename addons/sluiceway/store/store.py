"""The store as the other rooms see it: opened once, closed once; ledger, people, traffic, events."""

from __future__ import annotations

import asyncio
import concurrent.futures
import sqlite3
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, closing
from typing import Any, Self

import sqlalchemy

from sluiceway.errors import StoreError
from sluiceway.store import balances, landing, migrate
from sluiceway.store.alerts import Alerts
from sluiceway.store.audit import AuditStore
from sluiceway.store.bounded import BOUNDS
from sluiceway.store.corrections import Corrections
from sluiceway.store.deferred import Deferred
from sluiceway.store.directory import Directory
from sluiceway.store.engines import engine_of
from sluiceway.store.engines.connection import Connection, Engine
from sluiceway.store.events import Events
from sluiceway.store.grants import Grants
from sluiceway.store.keys import Keys
from sluiceway.store.ledger import Ledger
from sluiceway.store.moments import now_us
from sluiceway.store.orders import Record, Work
from sluiceway.store.people import People
from sluiceway.store.raises import Raises
from sluiceway.store.records import Discrepancy
from sluiceway.store.retention import Retention
from sluiceway.store.seats import Seats
from sluiceway.store.spool import Spool, SpoolPlan
from sluiceway.store.traffic import Traffic
from sluiceway.store.writer import Writer
from sluiceway.store.writers import start_writer


class Store:
    """One database: `ledger`, `people`, `grants`, `directory`, `keys`, `audit`, `deferred`, `traffic`,
    `seats`, `events`.

    `recovered` is how many rows a dead process had left open; they were settled when the store was opened.
    """

    def __init__(
        self,
        engine: Engine,
        key: bytes,
        boot: str,
        writable: bool,
        clock: Callable[[], int],
        spool: SpoolPlan | None,
    ) -> None:
        self._engine, self.boot = engine, boot
        self._spool: Spool | None = None
        self.recovered = 0
        self.traffic = Traffic()
        self.seats = Seats(engine.reader)
        self.directory = Directory(key, clock)
        self._refreshing = threading.Lock()
        self._reader: Connection | None = None
        self._writer: Writer[Any] | None = None
        self._ledger: Ledger | None = None
        self._corrections: Corrections | None = None
        with ExitStack() as undo:
            if writable:
                undo.callback(engine.hold())
            _prepare(engine, writable)
            undo.callback(self._drop_reader)
            self._refresh()
            self._reading = engine.reading().execution_options(**{BOUNDS: engine})
            undo.callback(self._reading.dispose)
            if writable:
                self._start_writing(boot, clock(), undo, spool)
            self._undo = undo.pop_all()
        self.people = People(self._run, engine.reader, self._refresh, key, clock)
        self.grants = Grants(self._run, engine.reader, self._refresh, clock)
        self.events = Events(self._run, engine.reader, clock)
        self.keys = Keys(self._run, engine.reader, clock)
        self.raises = Raises(self._run, engine.reader, clock)
        self.alerts = Alerts(self._run, engine.reader, clock)
        self.retention = Retention(self._run)
        self.deferred = Deferred(self._run, engine.reader)
        self.audit = AuditStore(self._run, engine)

    def _start_writing(self, boot: str, now_us: int, undo: ExitStack, plan: SpoolPlan | None) -> None:
        if plan is not None and plan.needed:
            self._spool = undo.enter_context(closing(Spool(plan.folder, plan.name, plan.most_bytes)))
        self._writer, self.recovered = start_writer(self._engine, boot, now_us, self._due, undo)
        self._ledger = Ledger(self._writer, self._spool if plan and plan.on else None)
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
        spool: SpoolPlan | None = None,
    ) -> Self:
        """Opens `sqlite:///file.db`, for writing under the lock that keeps all other writers out, or
        `postgresql://user@host/db`, as one of many nodes.

        `key` keys the hashes of tokens. `boot` names this start of the process: rows that another boot left
        open are settled. `create` makes a missing database; an older schema is migrated, a newer one refused.
        `clock` gives microseconds since the epoch. `spool`: where rows may go while the database is away.
        Raises StoreError, saying what to do.
        """
        engine = engine_of(url)
        if not create and not engine.exists():
            raise StoreError(f"{engine.name}: there is no store here; run `sluiceway init`")
        try:
            return cls(engine, key, boot, writable, clock, spool)
        except sqlite3.Error as error:
            if isinstance(error, StoreError):
                raise
            raise StoreError(f"{engine.name}: {error}") from error

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

    def read(self) -> AbstractContextManager[sqlalchemy.Connection]:
        """A read-only connection on which everything is seen as of its first query."""
        return self._reading.connect()

    async def refresh_directory(self) -> None:
        """Sees what another process changed about people; one small query when nothing did."""
        await asyncio.to_thread(self._refresh)

    def verify(self) -> list[Discrepancy]:
        """The counters that do not equal the ledger to the nano-dollar; none, unless somebody meddled."""
        with closing(self._engine.reader()) as connection:
            connection.execute("BEGIN")
            return balances.discrepancies(connection)

    def status(self) -> dict[str, int]:
        """Open reservations, waiting and queued orders, ends not yet on disk, rows recovered at the start."""
        writing = {} if self._writer is None else self._writer.status()
        spooled = {} if self._spool is None else self._spool.status()
        return writing | {"recovered": self.recovered} | spooled

    def _run[T](self, do: Callable[[Connection], T]) -> T:
        if self._writer is None:
            raise StoreError("the store is open for reading only")
        reply: concurrent.futures.Future[T] = concurrent.futures.Future()
        self._writer.submit(Work(do, reply))
        return reply.result()

    def _due(self) -> tuple[Work | Record, ...]:
        landing_now = () if self._spool is None else landing.orders(self._spool)
        return (*self.traffic.orders(), *self.seats.orders(), *landing_now)

    def _refresh(self) -> None:
        """Raises StoreError where the database cannot be read; what was read before stays."""
        with self._refreshing:  # operations run in threads and share this connection
            try:
                self._reader = self._reader or self._engine.reader(quick=True)
                self.directory.refresh(self._reader)
            except sqlite3.OperationalError as error:
                self._drop_reader()
                raise StoreError(f"{self._engine.name}: {error}") from error

    def _drop_reader(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None


def _prepare(engine: Engine, writable: bool) -> None:
    """Makes or migrates the database where it may be written, and checks its schema where it may not."""
    if not writable:
        with closing(engine.reader()) as connection:
            found = migrate.revision(engine, connection)
        migrate.check(engine.name, found)
        return
    engine.make()
    with closing(engine.writer()) as connection:
        found = migrate.revision(engine, connection)
    migrate.upgrade(engine, found)
