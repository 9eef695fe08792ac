"""The writer of one of many nodes that share a PostgreSQL database.

All orders that wait are one transaction: what they count on is locked and read anew, then judged by the same
rule as anywhere. Money that another node frees is found by looking: while somebody waits here, more and more
slowly. Without its session the node grants nothing, keeps the ends of rows, and tries to come back.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from math import inf

from sluiceway.errors import StoreError
from sluiceway.store import locking, nodes, rows, sets, slices
from sluiceway.store.accounts import Accounts
from sluiceway.store.admission import Line
from sluiceway.store.amounts import Amounts
from sluiceway.store.batch import Batch
from sluiceway.store.engines.adapter import Adapter, Many
from sluiceway.store.engines.connection import Connection, Contended
from sluiceway.store.engines.postgres import PostgresEngine
from sluiceway.store.orders import Admit, Order, Work
from sluiceway.store.records import Spent
from sluiceway.store.scope import COLUMNS, Who
from sluiceway.store.shared_accounts import SharedAccounts
from sluiceway.store.slices import Slices
from sluiceway.store.writer import Writer, log, reason

FIRST_LOOK_S, LAST_LOOK_S = 0.01, 0.25
FIRST_TRY_S, LAST_TRY_S = 0.1, 5.0
# A figure that other nodes move is read again after the first, and is no answer any more after the second.
FRESH_S, KNOWN_S = 1.0, 5.0
_NEVER = (0, -inf)
# Slices hold what was charged and is not yet told the counter; requests count from their start.
_SPENT = """
SELECT c.counter, c.spent + CASE WHEN c.unit = 'requests' THEN c.reserved ELSE 0 END
       + coalesce((SELECT sum(s.spent) FROM slices s WHERE s.counter = c.counter), 0)
FROM counters c WHERE c.counter = ANY(?)
"""
_OWN_ROWS = (
    f"SELECT id, reserved_nusd, requests, reserved_tokens, {COLUMNS}, started_at, budgeted "  # noqa: S608 - our own column names
    "FROM ledger WHERE owner = ? ORDER BY id"
)


class SharedWriter(Writer[Adapter]):
    """Opens its session, and settles what dead nodes left open, before it takes the first order."""

    def __init__(
        self, engine: PostgresEngine, boot: str, housekeeping: Callable[[], Sequence[Order]]
    ) -> None:
        super().__init__(boot, housekeeping)
        self._engine = engine
        self._link: Adapter | None = None
        self._ids: deque[int] = deque()
        self._failures, self._retry_at, self._why = 0, 0.0, ""
        self._sweeps_from = 0.0
        self._next_beat = 0.0
        self._look_s, self._next_look = FIRST_LOOK_S, 0.0
        self._nodes = 1
        self._next_tidy = 0.0
        self._seen: dict[str, tuple[int, float]] = {}  # what was spent of a counter, and when that was so
        self._accounts = self._load()
        self.recovered = self._sweep()
        self._thread.start()

    # The session

    @property
    def _connection(self) -> Adapter:
        return self._link or self._connect()

    def _connect(self) -> Adapter:
        if time.monotonic() < self._retry_at:
            raise sqlite3.OperationalError(self._why)
        try:
            link = self._engine.writer()
            link.in_one = sets.FORMS
            try:
                nodes.join(link, self._boot, socket.gethostname())
            except sqlite3.Error:
                link.close()
                raise
        except (StoreError, sqlite3.Error) as error:
            self._failures += 1
            self._why = str(error)
            self._retry_at = time.monotonic() + min(LAST_TRY_S, FIRST_TRY_S * 2**self._failures)
            raise
        if self._failures:
            log.warning("the store is back")
            # Nobody could say that they live while the database was away.
            self._sweeps_from = time.monotonic() + nodes.SILENT_S
        self._failures, self._link = 0, link
        return link

    def _drop(self, why: str) -> None:
        """Gives a session up that cannot be trusted any more."""
        if self._link is not None:
            with contextlib.suppress(Exception):
                self._link.close()
        self._link, self._accounts = None, None
        self._failures = max(1, self._failures)
        self._retry_at, self._why = 0.0, why

    def _load(self) -> Accounts:
        own = Slices(self._boot)
        own.load(self._connection)
        accounts = SharedAccounts(self._ids, own)
        for ledger_id, nusd, requests, tokens, *who, started_us, budgeted in self._connection.execute(
            _OWN_ROWS, (self._boot,)
        ):
            amounts = Amounts(nusd, requests, tokens, 1)
            accounts.adopt(ledger_id, amounts, Who(*who), started_us, budgeted, deferred=False)
        return accounts

    def _undo(self) -> None:
        link = self._link
        if link is None:
            raise sqlite3.OperationalError(self._why)
        try:
            if not link.broken and link.in_transaction:
                link.execute("ROLLBACK")
        finally:
            if link.broken:
                self._drop("the connection to the database is lost")
        if link.broken:
            raise sqlite3.OperationalError(self._why)

    # A batch

    def _do(self, orders: list[Order]) -> None:
        """Money apart from other work, in the order they came: nobody waits for locks of somebody else's."""
        if not orders:
            super()._do([])
        for group in _apart(orders):
            super()._do(group)

    def _transact(self, batch: Batch, orders: Sequence[Order], wait: bool) -> None:
        link, accounts = self._connection, batch.accounts
        assert isinstance(accounts, SharedAccounts)
        if orders and all(isinstance(order, Work) for order in orders):
            batch.line = Line()  # nobody in line is looked at: no counter is locked
            link.execute("BEGIN")
        else:
            self._lock(link, accounts, orders)
            if not link.in_transaction:
                link.execute("BEGIN")
            if self._line:
                batch.reopen()
        batch.judge(orders)
        with link.together():
            batch.write()
            if batch.line is self._line:
                self._slice(link, accounts, batch, orders)
            link.execute("COMMIT")
        now_s = time.monotonic()
        for _, answer in batch.replies:
            if isinstance(answer, Spent):
                self._seen[answer.cap.counter] = answer.spent, now_s

    def _lock(self, link: Adapter, accounts: SharedAccounts, orders: Sequence[Order]) -> None:
        """A session that turns out to be gone before anything was written is worth another try at once."""
        try:
            locking.lock(link, accounts, orders, self._line)
        except sqlite3.OperationalError as error:
            if not link.broken:
                raise
            self._drop(str(error))
            raise Contended("the connection to the database was lost") from error

    def _slice(self, link: Adapter, accounts: SharedAccounts, batch: Batch, orders: Sequence[Order]) -> None:
        """Of counters that are hot here, takes what the next batches will need."""
        asked = [order for order in orders if isinstance(order, Admit)]
        short = {key for order in self._line for key in self._line.shortage(order).keys}
        accounts.slices.took(batch.granted, time.monotonic())
        taken = accounts.slices.wanted(asked, short, accounts.counters, self._nodes)
        if taken:
            link.executemany(rows.CHANGE, accounts.reserve_slices(taken))
        accounts.slices.write(link, taken)
        if self._nodes > 1:
            accounts.slices.call(link, short)

    # What is known of counters without a lock

    def spent(self, key: str) -> int | None:
        """As of a moment ago, if it was read then; an old figure is none."""
        spent, seen_s = self._seen.get(key, _NEVER)
        return spent if seen_s > time.monotonic() - KNOWN_S else None

    async def look(self, keys: Sequence[str]) -> None:
        now_s = time.monotonic()
        stale = [key for key in keys if self._seen.get(key, _NEVER)[1] <= now_s - FRESH_S]
        if not stale:
            return
        reply: asyncio.Future[dict[str, int]] = asyncio.get_running_loop().create_future()
        with contextlib.suppress(StoreError):
            self.submit(Work(lambda link: dict(link.execute(_SPENT, (Many(stale),)).fetchall()), reply))
            for key, spent in (await reply).items():
                self._seen[key] = spent, now_s

    # Between two batches

    def _somebody_is_due(self) -> bool:
        if not self._line or time.monotonic() < self._next_look:
            return super()._somebody_is_due()
        self._look_s = min(LAST_LOOK_S, self._look_s * 2)
        self._next_look = time.monotonic() + self._look_s
        return True

    def _patience(self) -> float:
        due = [super()._patience(), self._next_beat - time.monotonic()]
        if isinstance(self._accounts, SharedAccounts) and self._accounts.slices.held:
            due.append(self._next_tidy - time.monotonic())
        if self._line:
            due.append(self._next_look - time.monotonic())
        return max(0.0, min(due))

    def _tidy(self) -> Sequence[Order]:
        before_s = time.monotonic() - KNOWN_S
        for key in [key for key, (_, seen_s) in list(self._seen.items()) if seen_s < before_s]:
            self._seen.pop(key, None)
        return super()._tidy()

    def _clear(self, connection: Connection) -> None:
        assert isinstance(connection, Adapter)
        locking.forget_shapes(connection)
        super()._clear(connection)

    def _after_batch(self) -> None:
        if not self._line:
            self._look_s = FIRST_LOOK_S
        self._tidy_slices()
        if time.monotonic() < self._next_beat:
            return
        self._next_beat = time.monotonic() + nodes.BEAT_S
        try:
            if self._accounts is None:
                self._read_accounts()
            if not nodes.beat(self._connection, self._boot):
                self._drop("this node was taken for dead")
                self._read_accounts()
            self._nodes = len(nodes.listing(self._connection))
            self._sweep()
        except (sqlite3.Error, StoreError) as error:
            log.error("the store cannot be reached: %s", reason(error))
            with contextlib.suppress(sqlite3.Error):
                self._undo()

    def _tidy_slices(self) -> None:
        accounts = self._accounts
        if not isinstance(accounts, SharedAccounts) or not accounts.slices.held:
            return
        if time.monotonic() < self._next_tidy:
            return
        self._next_tidy = time.monotonic() + LAST_LOOK_S
        try:
            accounts.slices.tidy(self._connection, accounts.counters, self._nodes)
        except (sqlite3.Error, StoreError) as error:
            log.error("slices could not be given back: %s", reason(error))
            self._roll_back()

    def _hand_over(self) -> None:
        """Nothing is kept for later."""

    def _sweep(self) -> int:
        link = self._connection
        gone = nodes.sweep_gone(link, self._boot, socket.gethostname())
        if time.monotonic() < self._sweeps_from or nodes.server_up_s(link) < nodes.SILENT_S:
            return gone
        return gone + nodes.sweep(link, self._boot)

    def _let_go(self) -> None:
        link = self._link
        if link is None:
            return
        try:
            slices.give_back(link, self._boot)
            left = link.execute("SELECT 1 FROM ledger WHERE owner = ? LIMIT 1", (self._boot,)).fetchone()
            nodes.leave(link, self._boot, clean=left is None)
        finally:
            link.close()

    def status(self) -> dict[str, int]:
        held = self._accounts.slices.held if isinstance(self._accounts, SharedAccounts) else {}
        return super().status() | {
            "slices": len(held),
            "nodes": self._nodes,
            "store_away": int(self._link is None),
        }


def _apart(orders: Sequence[Order]) -> Iterator[list[Order]]:
    for _, group in groupby(orders, key=lambda order: isinstance(order, Work)):
        yield list(group)
