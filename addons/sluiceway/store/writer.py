"""The one thread that writes: takes the orders that wait, does them in one transaction, answers.

What is the same whatever the database: who waits, batches, and what happens when one fails. The connection,
what a transaction is and what is loaded are the engine's own (sqlite_writer, shared_writer).

A batch that fails answers everybody in it with a StoreError and is undone in memory too, by reading the
accounts again; only the ends of rows are kept and tried again, because their money is spent.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import logging
import queue
import sqlite3
import threading
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path

from sluiceway.errors import StoreAway, StoreError
from sluiceway.store import balances
from sluiceway.store.accounts import Accounts
from sluiceway.store.admission import Line
from sluiceway.store.amounts import REQUESTS
from sluiceway.store.batch import Batch
from sluiceway.store.engines.connection import Connection, Contended
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
)
from sluiceway.store.probe import without_bad_values

log = logging.getLogger("sluiceway.store")

MAX_BATCH = 1000
RETRY_S = 1.0
HOUSEKEEPING_S = 5.0
MINUTE_US = 60 * 1_000_000
# How long after its window a counter stays in memory, where a late row costs no query.
RECENT_US = 5 * MINUTE_US
# How long after its window the counter of a minute or an hour stays in the database, and how often we look.
KEEP_RATES_US = 24 * 60 * MINUTE_US
CLEARING_S = 600.0


class Writer[C: Connection](ABC):
    """Owns the writing connection and the accounts. `housekeeping` runs in a batch every few seconds."""

    def __init__(self, boot: str, housekeeping: Callable[[], Sequence[Order]]) -> None:
        self._boot = boot
        self._housekeeping = housekeeping
        self._orders: queue.SimpleQueue[Order | None] = queue.SimpleQueue()
        self._gate = threading.Lock()
        self._turn = threading.Lock()  # whoever holds it uses the connection and the accounts
        self._handed = 0  # orders the thread has been given and has not done; behind the gate
        self._closed = False
        self._line: Line[Admit] = Line()
        self._accounts: Accounts | None = None
        self._at_work: list[Order] = []
        self._fresh = False  # the accounts were read anew: counters may be missing that somebody waits for
        self._unsettled: list[Settle | Cancel] = []
        self._said = ""  # why the last batch failed, if it did
        self._next_housekeeping = time.monotonic() + HOUSEKEEPING_S
        self._next_clearing = 0.0
        self._thread = threading.Thread(target=self._work, name="sluiceway-store", daemon=True)

    def submit(self, order: Order) -> None:
        """Takes an order from any thread. Raises StoreError once the store is closed."""
        with self._gate:
            if self._closed:
                raise StoreError("the store is closed")
            self._hand(order)

    def submit_here(self, order: Order) -> None:
        """Takes an order from the event loop that runs now."""
        self.submit(order)

    def _hand(self, order: Order | None) -> None:
        self._handed += 1
        self._orders.put(order)

    def close(self) -> None:
        """Does what is queued, turns away who waits, and ends the thread."""
        with self._gate:
            if self._closed:
                return
            self._closed = True
            self._hand_over()
            self._orders.put(None)
        self._thread.join()

    def spent(self, key: str) -> int | None:
        """What is spent on a counter, requests from their start on; None where it is not in memory."""
        accounts = self._accounts
        counter = None if accounts is None else accounts.counters.get(key)
        if counter is None:
            return None
        return counter.spent + (counter.reserved if counter.place == REQUESTS else 0)

    async def look(self, keys: Sequence[str]) -> None:  # noqa: B027 - nothing to do where nobody else writes
        """Has `spent` know these counters, where what is in memory says little about them."""

    def status(self) -> dict[str, int]:
        """How much is going on."""
        accounts = self._accounts
        return {
            "open_reservations": 0 if accounts is None else len(accounts.open),
            "waiting": len(self._line),
            "queued": self._orders.qsize(),
            "unsettled": len(self._unsettled),
        }

    def _work(self) -> None:
        try:
            closing = False
            while not closing:
                self._at_work, closing = self._gather()
                taken = len(self._at_work)
                with self._turn:
                    if closing or time.monotonic() >= self._next_housekeeping:
                        self._at_work.extend(self._tidy())
                    self._do([order for order in self._at_work if order is not NUDGE])
                    self._after_batch()
                self._at_work = []
                with self._gate:
                    self._handed -= taken
        except BaseException as error:
            log.critical("the store's writer died, nothing is admitted any more: %s", reason(error))
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

    def _clear(self, connection: Connection) -> None:
        if self._accounts is not None:
            balances.let_go(connection, self._accounts, now_us() - KEEP_RATES_US)

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
        if isinstance(error, Contended) and batch is not None:
            orders = self._again(batch, orders)
            error, batch = self._attempt(orders)
        if isinstance(error, BAD_VALUE) and batch is not None:
            orders, refused = self._without_bad_values(batch, orders)
            error, batch = self._attempt(orders)
        if error is None and batch is not None:
            deliver([*batch.replies, *refused])
        else:
            deliver(refused)
            self._fail(orders, batch, reason(error))

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
            self._transact(batch, orders, wait)
            self._fresh, self._said = False, ""
        except Exception as error:
            failure = error
        else:
            return None, batch
        self._roll_back()
        self._say(reason(failure))
        return failure, batch

    def _say(self, why: str) -> None:
        """Once, until a batch succeeds or fails in another way: while a database is away, each does."""
        if why != self._said:
            self._said = why
            log.error("a batch of the store failed and was undone: %s", why)

    def _roll_back(self) -> None:
        self._accounts = None
        with contextlib.suppress(sqlite3.Error):
            self._undo()
            self._read_accounts()

    def _read_accounts(self) -> Accounts:
        self._accounts = self._load()
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
                replies.append((each.reply, StoreAway(f"the store cannot write: {reason}")))
        # Should the commit have reached the disk although it failed, these rows have no owner: close them.
        self._unsettled.extend(Cancel(order) for order in (batch.granted if batch else ()))
        deliver(replies)

    def _without_bad_values(self, batch: Batch, orders: Sequence[Order]) -> tuple[list[Order], list[Reply]]:
        """The orders of an undone batch, less those at fault."""
        again = self._again(batch, orders)
        try:
            return without_bad_values(self._connection, again)
        except sqlite3.Error:  # the disk as well: the next try will say so
            return again, []

    def _again(self, batch: Batch, orders: Sequence[Order]) -> list[Order]:
        """The orders of an undone batch, and those it had taken from the line."""
        again = list(dict.fromkeys([*batch.served, *orders]))
        for order in again:
            if isinstance(order, Admit):
                self._line.leave(order)
        return again

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
            self._let_go()

    # What the engine does in its own way

    @property
    @abstractmethod
    def _connection(self) -> C:
        """The writing connection. Raises sqlite3.Error where there is none now."""

    @abstractmethod
    def _load(self) -> Accounts:
        """The accounts as the database has them."""

    @abstractmethod
    def _transact(self, batch: Batch, orders: Sequence[Order], wait: bool) -> None:
        """Does a batch in one transaction. Raises whatever goes wrong, and leaves undoing to `_undo`."""

    @abstractmethod
    def _undo(self) -> None:
        """Rolls back what is open, if the connection can."""

    @abstractmethod
    def _let_go(self) -> None:
        """The last thing the thread does."""

    @abstractmethod
    def _after_batch(self) -> None:
        """What is due between two batches."""

    @abstractmethod
    def _hand_over(self) -> None:
        """Gives the thread what is kept for later. The caller holds the gate."""


def _nothing(connection: Connection) -> None:
    """Work that does nothing."""


# Wakes the thread, which then looks at deadlines and checkpoints.
NUDGE = Work(_nothing, concurrent.futures.Future())


def reason(error: BaseException | None) -> str:
    """The database's own words name tables and columns at most; of other errors, the type and the place."""
    if error is None or isinstance(error, sqlite3.Error):
        return str(error)
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}"
