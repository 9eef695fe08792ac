"""The one connection that writes: takes the orders that wait, does them in one transaction, answers.

There are two ways in. The express way does what an event loop ordered in one turn right there, in tens of
microseconds, and leaves only the waiting for the disk to a thread (`syncer`): a thread of SQL beside the loop
would cost more in wake-ups and in fights for the interpreter's lock than the SQL itself. Whatever may take
longer (a cap's first use, people, checkpoints, a queue, any failure) goes to the writer thread; while it has
work, the express way is closed, so that orders keep their order.

A batch that fails answers everybody in it with a StoreError and is undone in memory too, by reading the
accounts again; only the ends of rows are kept and tried again, because their money is spent.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import logging
import queue
import sqlite3
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from sluiceway.errors import StoreError
from sluiceway.store import balances
from sluiceway.store.accounts import Accounts
from sluiceway.store.admission import Line
from sluiceway.store.batch import Batch
from sluiceway.store.moments import now_us
from sluiceway.store.orders import (
    BAD_VALUE,
    Admit,
    Cancel,
    Order,
    Reply,
    Settle,
    Work,
    deliver,
    must_survive,
    resolve,
)
from sluiceway.store.probe import without_bad_values
from sluiceway.store.syncer import Syncer, Unsynced

log = logging.getLogger("sluiceway.store")

MAX_BATCH = 1000
RETRY_S = 1.0
HOUSEKEEPING_S = 5.0
CHECKPOINT_COMMITS = 2000  # about 20 MB of log between two checkpoints
MINUTE_US = 60 * 1_000_000
# How long after its window a counter stays in memory, where a late row costs no query.
RECENT_US = 5 * MINUTE_US
# How long after its window the counter of a minute or an hour stays in the database, and how often we look.
KEEP_RATES_US = 24 * 60 * MINUTE_US
CLEARING_S = 600.0


class Writer:
    """Owns the writing connection and the accounts. `housekeeping` runs in a batch every few seconds."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        database: Path,
        boot: str,
        housekeeping: Callable[[], Sequence[Order]],
    ) -> None:
        self._connection = connection
        self._boot = boot
        self._housekeeping = housekeeping
        self._orders: queue.SimpleQueue[Order | None] = queue.SimpleQueue()
        self._gate = threading.Lock()
        self._turn = threading.Lock()  # whoever holds it uses the connection and the accounts
        self._handed = 0  # orders the thread has been given and has not done; behind the gate
        self._express: list[Order] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._commits = 0  # since the last checkpoint
        self._closed = False
        self._line: Line[Admit] = Line()
        self._accounts: Accounts | None = balances.load(connection, now_us())
        self._next_id = self._accounts.next_id
        self._at_work: list[Order] = []
        self._fresh = False  # the accounts were read anew: counters may be missing that somebody waits for
        self._forced = True
        self._unsettled: list[Settle | Cancel] = []
        self._next_housekeeping = time.monotonic() + HOUSEKEEPING_S
        self._next_clearing = 0.0
        self._syncer = Syncer(database, self._not_synced)
        self._thread = threading.Thread(target=self._work, name="sluiceway-store", daemon=True)
        self._thread.start()

    def submit(self, order: Order) -> None:
        """Takes an order from any thread. Raises StoreError once the store is closed."""
        with self._gate:
            if self._closed:
                raise StoreError("the store is closed")
            self._hand(order)

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

    def _hand(self, order: Order | None) -> None:
        self._handed += 1
        self._orders.put(order)

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
            return known and order.closes is None and all(key in accounts.counters for key in order.keys)
        return not isinstance(order, Work)

    def _run_express(self, orders: Sequence[Order]) -> bool:
        """True, because either way the orders are taken care of."""
        error, batch = self._attempt(orders, wait=False)
        if error is not None or batch is None:
            self._mend(orders, error, batch)
            self.submit(_NUDGE)  # for the ends that are kept and tried again
            return True
        if self._line or self._commits >= CHECKPOINT_COMMITS:
            self.submit(_NUDGE)  # somebody waits until a deadline that only the thread watches
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
        """Does what is queued, turns away who waits, and ends the thread."""
        with self._gate:
            if self._closed:
                return
            self._closed = True
            self._hand_over()
            self._orders.put(None)
        self._thread.join()
        self._syncer.close()

    def status(self) -> dict[str, int]:
        """How much is going on."""
        accounts = self._accounts
        return {
            "open_reservations": 0 if accounts is None else len(accounts.open),
            "waiting": len(self._line),
            "queued": self._orders.qsize(),
            "unsettled": len(self._unsettled),
        }

    def spent(self, counter: str) -> int | None:
        """What a counter stands at as of now, without waiting for anybody; None: it is not in memory."""
        accounts = self._accounts
        found = None if accounts is None else accounts.counters.get(counter)
        return None if found is None else found.spent

    def _work(self) -> None:
        try:
            closing = False
            while not closing:
                self._at_work, closing = self._gather()
                taken = len(self._at_work)
                with self._turn:
                    if closing or time.monotonic() >= self._next_housekeeping:
                        self._at_work.extend(self._tidy())
                    self._do([order for order in self._at_work if order is not _NUDGE])
                    self._checkpoint()
                self._at_work = []
                with self._gate:
                    self._handed -= taken
        except BaseException as error:
            log.critical("the store's writer died, nothing is admitted any more: %s", _reason(error))
        self._finish()

    def _tidy(self) -> Sequence[Order]:
        """What is due every few seconds; once a minute, counters whose windows are over leave memory."""
        self._next_housekeeping = time.monotonic() + HOUSEKEEPING_S
        before_us = now_us() - RECENT_US
        if self._accounts is not None and self._accounts.covered_from_us < before_us - MINUTE_US:
            self._accounts.forget(before_us, {key for order in self._line for key in order.keys})
        if time.monotonic() < self._next_clearing:
            return self._housekeeping()
        self._next_clearing = time.monotonic() + CLEARING_S
        return [*self._housekeeping(), Work(self._clear, concurrent.futures.Future())]

    def _clear(self, connection: sqlite3.Connection) -> None:
        if self._accounts is not None:
            balances.let_go(connection, self._accounts, now_us() - KEEP_RATES_US)

    def _checkpoint(self) -> None:
        """Moves the log into the database, here and not at some commit on the loop: it waits for the disk."""
        if self._commits >= CHECKPOINT_COMMITS:
            self._commits = 0
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def _gather(self) -> tuple[list[Order], bool]:
        """Waits for the first order or the next thing due; then takes all that is there."""
        orders: list[Order] = []
        with contextlib.suppress(queue.Empty):
            order = self._orders.get(timeout=self._patience())
            while order is not None:
                orders.append(order)
                if len(orders) == MAX_BATCH:
                    return orders, False
                order = self._orders.get_nowait()
            return orders, True
        return orders, False

    def _patience(self) -> float:
        due = [self._next_housekeeping, *(order.deadline for order in self._line)]
        if self._unsettled:
            due.append(time.monotonic() + RETRY_S)
        return max(0.0, min(due) - time.monotonic())

    def _do(self, orders: list[Order]) -> None:
        orders, self._unsettled = [*self._unsettled, *orders], []
        if not orders and not self._somebody_is_due():
            return
        error, batch = self._attempt(orders)
        if error is None and batch is not None:
            deliver(batch.replies)
        else:
            self._mend(orders, error, batch)

    def _mend(self, orders: Sequence[Order], error: Exception | None, batch: Batch | None) -> None:
        """After a failed batch: once more without what was at fault, else everybody is told."""
        refused: list[Reply] = []
        if isinstance(error, BAD_VALUE) and batch is not None:
            orders, refused = self._without_bad_values(batch, orders)
            error, batch = self._attempt(orders)
        if error is None and batch is not None:
            deliver([*batch.replies, *refused])
        else:
            deliver(refused)
            self._fail(orders, batch, _reason(error))

    def _somebody_is_due(self) -> bool:
        now = time.monotonic()
        return any(order.deadline <= now for order in self._line)

    def _attempt(self, orders: Sequence[Order], wait: bool = True) -> tuple[Exception | None, Batch | None]:
        """Runs and commits a batch, or undoes it on disk and in memory and says why it failed.

        `wait`: the commit itself waits for the disk where it has to; else the caller sees to that.
        """
        batch = None
        try:
            accounts = self._accounts or self._read_accounts()
            batch = Batch(self._connection, accounts, self._line, self._boot, now_us(), time.monotonic())
            self._force_to_disk(wait and (bool(self._line) or any(must_survive(order) for order in orders)))
            self._connection.execute("BEGIN IMMEDIATE")
            if self._fresh:
                batch.reopen()
            batch.run(orders)
            self._connection.execute("COMMIT")
            self._commits += 1
            self._fresh = False
        except Exception as error:
            failure = error
        else:
            return None, batch
        self._roll_back()
        log.error("a batch of the store failed and was undone: %s", _reason(failure))
        return failure, batch

    def _force_to_disk(self, needed: bool) -> None:
        """Whether the next commit waits for the disk (fsync) or only for the operating system.

        Either way it survives the end of this process. A power failure may undo the second kind, until the
        next forced commit takes it along: then an ended row is open again, and recovery charges what it had
        reserved. This halves the fsyncs, a large part of what a request costs when few run at once.
        """
        if needed != self._forced:
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if needed else 'NORMAL'}")
            self._forced = needed

    def _roll_back(self) -> None:
        if self._accounts is not None:
            self._next_id = self._accounts.next_id
        self._accounts = None
        with contextlib.suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            self._read_accounts()

    def _read_accounts(self) -> Accounts:
        self._accounts = balances.load(self._connection, now_us(), self._next_id)
        self._fresh = True
        return self._accounts

    def _fail(self, orders: Sequence[Order], batch: Batch | None, reason: str) -> None:
        """Answers everybody with a StoreError, but keeps the ends of rows for the next try."""
        replies: list[Reply] = []
        overdue = [order for order in self._line if order.deadline <= time.monotonic()]
        for order in overdue:
            self._line.leave(order)
        for each in [*orders, *overdue, *(batch.served if batch else ())]:
            if isinstance(each, Settle | Cancel):
                self._unsettled.append(each)
                continue
            if isinstance(each, Admit) and each.closes is not None:
                self._unsettled.append(each.closes)
            if not (isinstance(each, Admit) and each in self._line):
                replies.append((each.reply, StoreError(f"the store cannot write: {reason}")))
        # Should the commit have reached the disk although it failed, these rows have no owner: close them.
        self._unsettled.extend(Cancel(order) for order in (batch.granted if batch else ()))
        deliver(replies)

    def _without_bad_values(self, batch: Batch, orders: Sequence[Order]) -> tuple[list[Order], list[Reply]]:
        """The orders of an undone batch, and those it had taken from the line, less those at fault."""
        again = list(dict.fromkeys([*batch.served, *orders]))
        for order in again:
            if isinstance(order, Admit):
                self._line.leave(order)
        try:
            return without_bad_values(self._connection, again)
        except sqlite3.Error:  # the disk as well: the next try will say so
            return again, []

    def _finish(self) -> None:
        """Answers whoever is left, so that nobody waits for a thread that is gone."""
        with self._gate:
            self._closed = True
        if self._unsettled:
            log.error(
                "%d ends of rows did not reach the disk; the next start settles them", len(self._unsettled)
            )
        left: list[Order | None] = [*self._at_work, *self._unsettled, *self._line]
        while not self._orders.empty():
            left.append(self._orders.get())
        deliver(
            (order.reply, StoreError("the store is closing"))
            for order in left
            if order is not None and not isinstance(order, Cancel) and order.reply is not None
        )
        with contextlib.suppress(sqlite3.Error):
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()


def _nothing(connection: sqlite3.Connection) -> None:
    """Work that does nothing."""


# Wakes the thread, which then looks at deadlines and checkpoints.
_NUDGE = Work(_nothing, concurrent.futures.Future())


def _reason(error: BaseException | None) -> str:
    """SQLite's own words name tables and columns at most; of other errors, the type and the place."""
    if error is None or isinstance(error, sqlite3.Error):
        return str(error)
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}"
