"""The ledger as the gateway sees it: admit, top up, settle, replace, record. Call it on the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import Any, Literal

from sluiceway.errors import StoreAway, StoreError
from sluiceway.store import rows
from sluiceway.store.amounts import DEFERRED, PLACE, Amounts, tokens_used
from sluiceway.store.moments import to_us
from sluiceway.store.orders import Admit, Cancel, Defer, Record, Settle, TopUp, log
from sluiceway.store.records import Answer, Granted, Later, Reservation, Spent, Waiting, Want
from sluiceway.store.scope import who_is
from sluiceway.store.spool import Spool
from sluiceway.store.spooling import Spooling
from sluiceway.store.writer import Writer
from sluiceway.types import Cap, LedgerRow

# The last deferred rows that were ended here, so that a second end is told apart from a mistake. The writer
# itself ends none twice.
MOST_COLLECTED = 10_000
# The same of admissions whose callers left: mostly their rows are recorded within the same turn of the loop.
MOST_LEFT = 10_000


class Ledger:
    """One per store. Answers come after the commit: what was granted, topped up or settled is on disk.

    Every method raises StoreError when the store cannot write; then nothing was done and nothing may be
    forwarded. Compute caps for the row's own `started_at`: a cap that does not cover its row is an error.
    """

    def __init__(self, writer: Writer[Any], spool: Spool | None = None) -> None:
        self._writer = writer
        self._spooling = None if spool is None else Spooling(spool)
        self._unsettled: set[int] = set()
        self._collected: dict[int, None] = {}  # the last of them, in order
        self._left: dict[tuple[str, int, int | None], None] = {}  # as well

    def spent(self, cap: Cap) -> int | None:
        """How much of a cap is spent, in its unit; None: nobody has counted on it in this window, or other
        nodes write it and `look` was not asked a moment ago."""
        return self._writer.spent(cap.counter)

    async def look(self, caps: Sequence[Cap]) -> None:
        """Before `spent` is asked: reads what other nodes may have changed. Does nothing where nobody else
        writes; what cannot be read stays unknown."""
        await self._writer.look([cap.counter for cap in caps])

    async def admit(self, row: LedgerRow, want: Want, caps: Sequence[Cap], wait_s: float) -> Answer:
        """Opens the row and reserves on all caps, or nothing. Waits at most `wait_s` for money others hold.

        A caller cancelled here leaves no open row and nothing reserved.
        """
        try:
            return await self._admitted(self._admission(row, want, caps, wait_s), row)
        except StoreAway:
            if self._spooling is None or row.spends:
                raise
            return await self._spooling.admit(row)

    def used_up(self, caps: Sequence[Cap], floor: Want) -> Spent | None:
        """A cap with less left than the floor of a want, as far as this process knows: a cheap look before
        anything else is done for a request. None: perhaps not, and `admit` will say. Never a rate's, and
        never what is only reserved."""
        least = Amounts(floor.floor_nusd, 1, floor.least_tokens)
        for cap in caps:
            if cap.on_exceed != "block" or cap.is_rate:
                continue
            spent = self._writer.spent(cap.counter)
            if spent is not None and cap.limit - spent < least[PLACE[cap.unit]]:
                return Spent(cap, spent, cap.ends_at)
        return None

    async def replace(
        self,
        reservation: Reservation,
        ended: LedgerRow,
        row: LedgerRow,
        want: Want,
        caps: Sequence[Cap],
        wait_s: float,
    ) -> Answer:
        """Settles an attempt with its final row `ended` and admits the next one in the same transaction.

        The next attempt stands in front of those who wait: its request was admitted before theirs.
        Whatever the answer, and also when cancelled, the first attempt is settled.
        """
        if self._spooling is not None and self._spooling.has(reservation):
            await self._spooling.settle(reservation, ended)
            return await self.admit(row, want, caps, wait_s)
        order = self._admission(row, want, caps, wait_s)
        if self._ends(reservation):
            order.closes = self._ending(reservation, ended)
        return await self._admitted(order, row)

    async def top_up(
        self, reservation: Reservation, extra: int, unit: Literal["usd", "tokens"] = "usd"
    ) -> int:
        """Adds nano-dollars, or tokens, to a reservation without waiting.

        Returns what was added: less, or 0, when the caps on that unit have no more left.
        """
        if extra <= 0 or reservation.ledger_id not in self._unsettled:
            return 0
        reply: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        caps = tuple([cap for cap in reservation.caps if cap.unit == unit])
        keys = tuple([cap.counter for cap in caps])
        self._writer.submit_here(TopUp(reservation.ledger_id, caps, keys, unit, extra, reply))
        return await reply

    def settle(self, reservation: Reservation, row: LedgerRow) -> asyncio.Future[None]:
        """Ends the row once: the reservation is released and `row.charged_nusd` is spent.

        Takes effect whether or not the future is awaited or cancelled; it is done when the end is on disk.
        A disk that fails is tried again, and meanwhile the reservation holds.
        """
        if self._spooling is not None and self._spooling.has(reservation):
            return self._spooling.settle(reservation, row)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not self._ends(reservation):
            done.set_result(None)
            return done
        order = self._ending(reservation, row)
        order.reply = done
        self._writer.submit_here(order)
        return done

    async def defer(self, reservation: Reservation, row: LedgerRow, later: Later) -> None:
        """Keeps the row open, its money reserved, beyond its request and this process: `collect` or `settle`
        ends it. Of `row` the answer's id, statuses and latencies are kept. On disk when this returns."""
        if reservation.ledger_id not in self._unsettled:
            return
        ledger_id = reservation.ledger_id
        told = (row.response_id, row.status, row.upstream_status, row.ttft_ms, row.overhead_ms)
        expires_us = to_us(later.expires_at)
        wait = (ledger_id, later.kind, later.digest, later.input_tokens, row.spends, expires_us)
        reply: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._writer.submit_here(Defer(ledger_id, (DEFERRED, *told), wait, reply))
        await reply

    def collect(self, waiting: Waiting, row: LedgerRow) -> asyncio.Future[None] | None:
        """Ends a deferred row, whoever held it; as `settle`. None: this process has ended it already.
        Should it have ended in any other way, the writer finds it closed and changes nothing."""
        reservation = Reservation(waiting.ledger_id, waiting.reserved_nusd, ())
        if waiting.ledger_id in self._collected:
            return None
        self._collected[waiting.ledger_id] = None
        if len(self._collected) > MOST_COLLECTED:
            del self._collected[next(iter(self._collected))]
        self._unsettled.discard(waiting.ledger_id)
        order = self._ending(reservation, row)
        order.reply = asyncio.get_running_loop().create_future()
        self._writer.submit_here(order)
        return order.reply

    async def record(self, row: LedgerRow) -> None:
        """Writes a row that never was open: a refusal, an unmetered pass, a correction. Of an admission that
        was cancelled, the writer may have it already."""
        reply: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        params, started_us = rows.final(row), to_us(row.started_at)
        charged = Amounts(usd=row.charged_nusd, tokens=tokens_used(row) or 0)
        is_left = self._left.pop(_place(row), True) is None
        once = row if is_left else None
        self._writer.submit_here(Record(params, who_is(row), started_us, row.budgeted, charged, reply, once))
        try:
            await reply
        except StoreAway:
            if self._spooling is None or row.spends:
                raise
            await self._spooling.record(row)

    def _admission(self, row: LedgerRow, want: Want, caps: Sequence[Cap], wait_s: float) -> Admit:
        requests = 1 if row.attempt == 1 else 0  # a next attempt is ours, not one more request
        holding = [cap for cap in caps if cap.holds]
        watched = [cap for cap in caps if not cap.holds]
        return Admit(
            params=rows.opening(row),
            who=who_is(row),
            started_us=to_us(row.started_at),
            budgeted=row.budgeted,
            most=Amounts(want.nusd, requests, want.tokens, 1),
            least=Amounts(want.floor_nusd, requests, want.least_tokens, 1),
            caps=tuple(holding),
            keys=tuple([cap.counter for cap in holding]),
            watched=tuple(watched),
            watched_keys=tuple([cap.counter for cap in watched]),
            deadline=time.monotonic() + wait_s,
            reply=asyncio.get_running_loop().create_future(),
        )

    async def _admitted(self, order: Admit, row: LedgerRow) -> Answer:
        self._writer.submit_here(order)
        try:
            answer = await order.reply
        except asyncio.CancelledError:
            # Whether it waits, is being committed or was granted a moment ago: the writer undoes it.
            with contextlib.suppress(StoreError):
                self._writer.submit_here(Cancel(order))
            self._left[_place(row)] = None
            if len(self._left) > MOST_LEFT:
                del self._left[next(iter(self._left))]
            raise
        if isinstance(answer, Granted):
            self._unsettled.add(answer.reservation.ledger_id)
        return answer

    def _ends(self, reservation: Reservation) -> bool:
        if reservation.ledger_id in self._unsettled:
            self._unsettled.discard(reservation.ledger_id)
            return True
        if reservation.ledger_id in self._collected:
            return False  # a poll was quicker than the stream it asked about
        log.error("ledger row %d was settled twice; the second end is ignored", reservation.ledger_id)
        return False

    def _ending(self, reservation: Reservation, row: LedgerRow) -> Settle:
        """The end as given; if it cannot even be encoded, a plain end charged what was reserved."""
        try:
            tokens = tokens_used(row)
            params = rows.settling(row, reservation.ledger_id, tokens)
        except (StoreError, TypeError, ValueError) as error:
            log.error(
                "the end of ledger row %d cannot be stored (%s); it is charged what it reserved",
                reservation.ledger_id,
                type(error).__name__,
            )
            return Settle(reservation.ledger_id, None, 0, None)
        return Settle(reservation.ledger_id, params, row.charged_nusd, tokens)


def _place(row: LedgerRow) -> tuple[str, int, int | None]:
    """What there is one row of."""
    return row.request_id, row.attempt, row.turn
