"""The writer of an SQLite file: one connection, and two ways in.

The express way does what an event loop ordered in one turn right there, in tens of microseconds, and leaves
only the waiting for the disk to a thread (`syncer`): a thread of SQL beside the loop would cost more in
wake-ups and in fights for the interpreter's lock than the SQL itself. Whatever may take longer (a cap's first
use, people, checkpoints, a queue, any failure) goes to the writer thread; while it has work, the express way
is closed, so that orders keep their order.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from sluiceway.errors import StoreError
from sluiceway.store import balances
from sluiceway.store.accounts import Accounts
from sluiceway.store.batch import Batch
from sluiceway.store.moments import now_us
from sluiceway.store.orders import Admit, Cancel, Order, Work, must_survive, resolve
from sluiceway.store.syncer import Syncer, Unsynced
from sluiceway.store.writer import NUDGE, Writer, log

CHECKPOINT_COMMITS = 2000  # about 20 MB of log between two checkpoints


class SqliteWriter(Writer[sqlite3.Connection]):
    """The only writer of its file."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        database: Path,
        boot: str,
        housekeeping: Callable[[], Sequence[Order]],
    ) -> None:
        super().__init__(boot, housekeeping)
        self._file = connection
        self._express: list[Order] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._commits = 0  # since the last checkpoint
        self._forced = True
        self._accounts = balances.load(connection, now_us())
        self._next_id = self._accounts.next_id
        self._syncer = Syncer(database, self._not_synced)
        self._thread.start()

    @property
    def _connection(self) -> sqlite3.Connection:
        return self._file

    def submit_here(self, order: Order) -> None:
        """Takes an order from the event loop that runs now; done at the end of its turn, if it is quick."""
        loop = asyncio.get_running_loop()
        with self._gate:
            if self._closed:
                raise StoreError("the store is closed")
            if not self._express:
                self._loop = loop
                loop.call_soon(self._do_express)
            elif self._loop is not loop:
                self._hand(order)
                return
            self._express.append(order)

    def _do_express(self) -> None:
        """All that the loop ordered in this turn, in one transaction; what cannot be quick is handed over."""
        done = False
        if self._handed == 0 and self._turn.acquire(blocking=False):
            try:
                if self._quick(self._express):
                    orders, self._express = self._express, []
                    done = self._run_express(orders)
            finally:
                self._turn.release()
        if not done:
            with self._gate:
                self._hand_over()

    def _hand_over(self) -> None:
        """Gives what waits for the end of the loop's turn to the thread. The caller holds the gate."""
        orders, self._express = self._express, []
        for order in orders:
            self._hand(order)

    def _quick(self, orders: Sequence[Order]) -> bool:
        """Whether the batch needs nothing but the accounts in memory and a few small statements."""
        accounts = self._accounts
        if accounts is None or self._fresh or self._unsettled or self._line or self._handed or self._closed:
            return False
        return all(self._is_quick(order, accounts) for order in orders)

    def _is_quick(self, order: Order, accounts: Accounts) -> bool:
        if isinstance(order, Admit):
            known = order.started_us >= accounts.covered_from_us
            keys = order.keys + order.watched_keys
            return known and order.closes is None and all(key in accounts.counters for key in keys)
        return not isinstance(order, Work)

    def _run_express(self, orders: Sequence[Order]) -> bool:
        """True, because either way the orders are taken care of."""
        error, batch = self._attempt(orders, wait=False)
        if error is not None or batch is None:
            self._mend(orders, error, batch)
            self.submit(NUDGE)  # for the ends that are kept and tried again
            return True
        if self._line or self._commits >= CHECKPOINT_COMMITS:
            self.submit(NUDGE)  # somebody waits until a deadline that only the thread watches
        if batch.granted or any(must_survive(order) for order in orders):
            self._syncer.force(Unsynced(batch.replies, batch.granted))
        else:
            resolve(batch.replies)
        return True

    def _not_synced(self, granted: Sequence[Admit], reason: str) -> None:
        log.error("commits did not reach the disk: %s", reason)
        with contextlib.suppress(StoreError):
            for order in granted:
                self.submit(Cancel(order))

    def close(self) -> None:
        if not self._closed:
            super().close()
            self._syncer.close()

    def _after_batch(self) -> None:
        """Moves the log into the database, here and not at some commit on the loop: it waits for the disk."""
        if self._commits >= CHECKPOINT_COMMITS:
            self._commits = 0
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def _load(self) -> Accounts:
        return balances.load(self._connection, now_us(), self._next_id)

    def _transact(self, batch: Batch, orders: Sequence[Order], wait: bool) -> None:
        self._force_to_disk(wait and (bool(self._line) or any(must_survive(order) for order in orders)))
        self._connection.execute("BEGIN IMMEDIATE")
        if self._fresh:
            batch.reopen()
        batch.run(orders)
        self._connection.execute("COMMIT")
        self._commits += 1

    def _force_to_disk(self, needed: bool) -> None:
        """Whether the next commit waits for the disk (fsync) or only for the operating system.

        Either way it survives the end of this process. A power failure may undo the second kind, until the
        next forced commit takes it along: then an ended row is open again, and recovery charges what it had
        reserved. This halves the fsyncs, a large part of what a request costs when few run at once.
        """
        if needed != self._forced:
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if needed else 'NORMAL'}")
            self._forced = needed

    def _undo(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _roll_back(self) -> None:
        if self._accounts is not None:
            self._next_id = self._accounts.next_id
        super()._roll_back()

    def _let_go(self) -> None:
        try:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            self._connection.close()
