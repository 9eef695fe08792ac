"""One batch of orders in one transaction: all of it is on disk before anybody hears of any of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil, inf
from typing import Any

from sluiceway.errors import StoreError
from sluiceway.store import balances, corrections, rows
from sluiceway.store.accounts import Accounts, Held
from sluiceway.store.admission import Exhausted, Fits, Line, Short, free
from sluiceway.store.amounts import NOTHING, Amounts
from sluiceway.store.engines.connection import Connection
from sluiceway.store.moments import to_us
from sluiceway.store.orders import Admit, Cancel, Correct, Defer, Order, Record, Reply, Settle, TopUp, Work
from sluiceway.store.records import Busy, Granted, Reservation, Spent
from sluiceway.store.scope import Who, who_is
from sluiceway.types import Cap, LedgerRow, Outcome, Unit, UsageSource

RETRY_AFTER_S = 5
EVENT = "INSERT INTO events (at, kind, actor, detail) VALUES (?, ?, ?, ?)"
LONGEST_RETRY_S = 60  # some SDKs sleep as long as they are told, an hour too, without a word to anybody


@dataclass(slots=True)
class Batch:
    """Works on the accounts in memory, order by order, and collects the statements that make it durable.

    `replies` are the answers, to be delivered after the commit. `granted` are the admissions that opened a
    row, `served` those that were in line and got their answer.
    """

    connection: Connection
    accounts: Accounts
    line: Line[Admit]
    boot: str
    now_us: int
    monotonic: float
    replies: list[Reply] = field(default_factory=list)
    granted: list[Admit] = field(default_factory=list)
    served: list[Admit] = field(default_factory=list)
    _inserts: list[tuple[rows.Value, ...]] = field(default_factory=list)
    _top_ups: list[tuple[rows.Value, ...]] = field(default_factory=list)
    _defers: list[tuple[rows.Value, ...]] = field(default_factory=list)
    _waits: list[tuple[rows.Value | bytes, ...]] = field(default_factory=list)
    _settles: list[tuple[rows.Value, ...]] = field(default_factory=list)
    _closes: list[tuple[rows.Value, ...]] = field(default_factory=list)
    _came: list[tuple[rows.Value, ...]] = field(default_factory=list)

    def run(self, orders: Sequence[Order]) -> None:
        """Does everything short of the commit. Raises sqlite3.Error when the database does not play along."""
        self.judge(orders)
        self.write()

    def judge(self, orders: Sequence[Order]) -> None:
        """Decides all of it. What is not written yet needs no answer of the database."""
        for order in orders:
            self._do(order)
        self._serve_line()

    def reopen(self) -> None:
        """After a failure: the counters that those in line wait for may have been undone with the batch."""
        for order in self.line:
            self._open_counters(order)
        self.line.moved = True

    def _do(self, order: Order) -> None:
        match order:
            case Admit():
                self._admit(order)
            case Settle():
                self._settle(order)
            case TopUp():
                self._top_up(order)
            case Defer():
                self._defer(order)
            case Record():
                self._record(order)
            case Correct():
                self._correct(order)
            case Cancel():
                self._cancel(order)
            case Work():
                self._work(order)

    # Admission

    def _admit(self, order: Admit) -> None:
        if order.closes is not None:
            self._settle(order.closes)
        try:
            self._open_counters(order)
        except StoreError as error:
            self.replies.append((order.reply, error))
            return
        verdict = self.line.judge(order, self.accounts.counters)
        if not isinstance(verdict, Short):
            self._answer(order, verdict)
        else:  # served or turned away at the end of the batch, should it be time
            order.deadline = min(order.deadline, self.monotonic + self._rate_ends_in_s(verdict.cap))
            self.line.join(order, verdict, first=order.closes is not None)

    def _open_counters(self, order: Admit) -> None:
        balances.cover(self.connection, self.accounts, order.started_us)
        caps, keys = order.caps + order.watched, order.keys + order.watched_keys
        for cap, key in zip(caps, keys, strict=True):
            self._open_counter(cap, key)
            if not (order.budgeted and self.accounts.counters[key].covers(order.who, order.started_us)):
                raise StoreError(f"the budget {cap.rule!r} does not cover the row it was asked for")

    def _open_counter(self, cap: Cap, key: str) -> None:
        if key not in self.accounts.counters:
            self.write()  # the ledger's sum must include what this batch already did
            balances.open_counter(self.connection, self.accounts, cap, key)

    def _answer(self, order: Admit, verdict: Fits | Exhausted) -> None:
        if isinstance(verdict, Exhausted):
            self.replies.append((order.reply, self._refused(verdict)))
            return
        counters = self.accounts.covering(order.who, order.started_us) if order.budgeted else []
        held = Held(verdict.amounts, order.who, order.started_us, order.budgeted, counters)
        order.ledger_id = self.accounts.reserve(held)
        self._inserts.append(rows.opened(order.ledger_id, self.boot, verdict.amounts, order.params))
        self.granted.append(order)
        self.replies.append((order.reply, self._granted(order, verdict)))

    def _granted(self, order: Admit, verdict: Fits) -> Granted:
        amounts, remaining = verdict.amounts, self._remaining(order)
        reservation = Reservation(order.ledger_id, amounts.usd, order.caps, amounts.tokens)
        nusd, cap = remaining.get("usd", (None, None))
        tokens, _ = remaining.get("tokens", (None, None))
        return Granted(reservation, verdict.limited, nusd, cap, tokens, self._passed(order))

    def _passed(self, order: Admit) -> tuple[Cap, ...]:
        """The caps that only count and are used up."""
        counters = self.accounts.counters
        return tuple(
            [
                cap
                for cap, key in zip(order.watched, order.watched_keys, strict=True)
                if counters[key].spent >= cap.limit
            ]
        )

    def _remaining(self, order: Admit) -> dict[Unit, tuple[int, Cap]]:
        """For each unit that is capped, how much is free on the tightest cap, and that cap."""
        tightest: dict[Unit, tuple[int, Cap]] = {}
        for cap, key in zip(order.caps, order.keys, strict=True):
            left = free(cap, self.accounts.counters[key])
            if cap.unit not in tightest or left < tightest[cap.unit][0]:
                tightest[cap.unit] = left, cap
        return tightest

    def _refused(self, verdict: Exhausted) -> Spent | Busy:
        cap = verdict.cap
        if not cap.is_rate:
            return Spent(cap, verdict.spent, cap.ends_at)
        return Busy(cap, self._retry_after_s(cap, LONGEST_RETRY_S), cap.ends_at)

    def _retry_after_s(self, cap: Cap, longest_s: int) -> int:
        return max(1, ceil(min(longest_s, self._rate_ends_in_s(cap))))

    def _rate_ends_in_s(self, cap: Cap) -> float:
        """When the next minute or hour begins, for which nothing is used yet; never for any other cap."""
        if not cap.is_rate or cap.ends_at is None:
            return inf
        return max(0.0, (to_us(cap.ends_at) - self.now_us) / 1_000_000)

    def _serve_line(self) -> None:
        """Lets in who fits now; then turns away whose time is over, which may let in others."""
        while True:
            if self.accounts.freed or self.line.moved:
                self.accounts.freed = False
                for order, verdict in self.line.ready(self.accounts.counters):
                    self.served.append(order)
                    self._answer(order, verdict)
            self._turn_away()
            if not self.line.moved:
                return

    def _turn_away(self) -> None:
        for order in [order for order in self.line if order.deadline <= self.monotonic]:
            cap = self.line.shortage(order).cap
            self.served.append(order)
            self.replies.append((order.reply, Busy(cap, self._retry_after_s(cap, RETRY_AFTER_S))))
            self.line.leave(order)

    # The rest of a row's life

    def _settle(self, order: Settle) -> None:
        held = self.accounts.open.get(order.ledger_id)
        if held is not None and order.params is None:
            self._close(order.ledger_id, Outcome.INTERNAL_ERROR, UsageSource.ESTIMATED, held.amounts.kept())
        elif held is not None and order.params is not None:
            tokens = held.amounts.tokens if order.charged_tokens is None else order.charged_tokens
            charged = Amounts(order.charged_nusd, held.amounts.requests, tokens)
            self._release(order.ledger_id, charged)
            self._settles.append(order.params)
        # Not open: this is a second try, and the first had reached the disk after all.
        if order.reply is not None:
            self.replies.append((order.reply, None))

    def _close(self, ledger_id: int, outcome: Outcome, source: UsageSource, charged: Amounts) -> None:
        self._release(ledger_id, charged)
        self._closes.append(rows.closing(ledger_id, outcome, source, charged, self.now_us))

    def _release(self, ledger_id: int, charged: Amounts) -> None:
        if self.accounts.open[ledger_id].deferred:
            self._came.append((self.now_us, ledger_id))
        self.accounts.settle(ledger_id, charged)

    def _defer(self, order: Defer) -> None:
        held = self.accounts.open.get(order.ledger_id)
        if held is not None and not held.deferred:
            self.accounts.defer(order.ledger_id)
            self._defers.append((*order.notes, order.ledger_id))
            self._waits.append(order.wait)
        self.replies.append((order.reply, None))

    def _cancel(self, order: Cancel) -> None:
        self.line.leave(order.admit)
        if order.admit.ledger_id in self.accounts.open:  # nothing was forwarded, so nothing is charged
            self._close(order.admit.ledger_id, Outcome.CLIENT_CANCELLED, UsageSource.NONE, NOTHING)

    def _top_up(self, order: TopUp) -> None:
        extra = 0
        if order.ledger_id in self.accounts.open:
            for cap, key in zip(order.caps, order.keys, strict=True):
                self._open_counter(cap, key)
            counters = self.accounts.counters
            pairs = zip(order.caps, order.keys, strict=True)
            extra = max(0, min([order.extra, *(free(cap, counters[key]) for cap, key in pairs)]))
        if extra:
            self.accounts.top_up(order.ledger_id, order.unit, extra)
            added = NOTHING.plus(order.unit, extra)
            self._top_ups.append((added.usd, added.tokens, order.ledger_id))
        self.replies.append((order.reply, extra))

    def _record(self, order: Record) -> None:
        if order.once is not None and self._is_there(order.once):
            self.replies.append((order.reply, None))
            return
        ledger_id = self.accounts.new_id()
        self._add(ledger_id, order.params, order.who, order.started_us, order.charged, order.budgeted)
        self.replies.append((order.reply, None))

    def _is_there(self, row: LedgerRow) -> bool:
        """Whether an attempt has its row; one that was closed since the answer to its opening was lost, while
        the request went on by way of the spool, gets its true end."""
        self.write()
        found = self.connection.execute(rows.FIND, (row.request_id, row.attempt, row.turn)).fetchone()
        if found is not None and found[1] == Outcome.CLIENT_CANCELLED != row.outcome:
            self.connection.execute(rows.SETTLE, rows.settling(row, found[0], 0))
        return found is not None

    def _add(
        self,
        ledger_id: int,
        params: tuple[rows.Value, ...],
        who: Who,
        started_us: int,
        charged: Amounts,
        budgeted: bool,
    ) -> None:
        """A row that never was open, and what it adds to the counters that cover it, or gives back."""
        if budgeted and charged != NOTHING:
            self.accounts.freed |= charged.usd < 0
            balances.cover(self.connection, self.accounts, started_us)
            self.accounts.charge(self.accounts.covering(who, started_us), charged)
        self._inserts.append(rows.recorded(ledger_id, params, charged))

    def _correct(self, order: Correct) -> None:
        """Compares and writes in one transaction, so that nobody corrects a row twice for the same reason."""
        self.write()  # a correction of this batch counts
        truth = order.truth
        try:
            row, standing = corrections.find(self.connection, truth.which)
            needed = corrections.differs(standing, truth)
            ledger_id = self.accounts.new_id()
            row_id = f"{truth.which.request_id}/{ledger_id}"
            params = rows.final(corrections.compensation(row, standing, truth, row_id, self.now_us))
        except StoreError as error:  # a row that was seen and is gone: deleted meanwhile
            self.replies.append((order.reply, error if truth.seen is None else False))
            return
        if needed:
            charged = Amounts(usd=truth.charged_nusd - standing.charged_nusd)
            self._add(ledger_id, params, who_is(row), to_us(row.started_at), charged, row.budgeted)
        if needed and order.event is not None:
            self.connection.execute(EVENT, corrections.note(order.event, self.now_us))
        self.replies.append((order.reply, needed))

    def _work(self, order: Work) -> None:
        self.connection.execute("SAVEPOINT work")
        try:
            result: object = order.do(self.connection)
        except sqlite3.OperationalError:  # the disk, not this piece of work
            raise
        except Exception as error:
            self.connection.execute("ROLLBACK TO work")
            result = error
        self.connection.execute("RELEASE work")
        self.replies.append((order.reply, result))

    def write(self) -> None:
        """Sends the collected statements; rows before what changes them, each kind in one go."""
        collected: tuple[tuple[str, list[Any]], ...] = (
            (rows.INSERT, self._inserts),
            (rows.TOP_UP, self._top_ups),
            (rows.DEFER, self._defers),
            (rows.WAIT, self._waits),
            (rows.SETTLE, self._settles),
            (rows.CLOSE, self._closes),
            (rows.CAME, self._came),
            (rows.CHANGE, self.accounts.changes()),
        )
        for statement, parameters in collected:
            if parameters:
                self.connection.executemany(statement, parameters)
                parameters.clear()
