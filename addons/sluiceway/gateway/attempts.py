"""The attempts of one request, until an answer is fit for the client or there is nowhere else to go.

For each way in turn (`ways.py`): money and an open row, which take the place of the failed attempt's in one
transaction; the request, bounded in time; and, while there is somewhere else to go, a look at how the answer
begins (`ahead.py`). Once its first byte has reached the client there is no other attempt. If none does, the
client gets the last provider's own answer.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime

import aiohttp

from sluiceway.errors import Refused
from sluiceway.gateway import auditing, degrading, refusals
from sluiceway.gateway.ahead import TIMED_OUT, Ahead
from sluiceway.gateway.allowance import Allowance
from sluiceway.gateway.body import Upload
from sluiceway.gateway.breaker import NEITHER
from sluiceway.gateway.exchange import Exchange
from sluiceway.gateway.failing import Failure, is_failure, retry_after_s
from sluiceway.gateway.parts import GatewayParts
from sluiceway.gateway.reservation import output_limit, tops_up
from sluiceway.gateway.sending import head_of, send
from sluiceway.gateway.settlement import Settlement
from sluiceway.gateway.upstream import Failed
from sluiceway.gateway.ways import Way, Ways
from sluiceway.types import Decision, KeyClass, Refusal
from sluiceway.wire.quirks import renamed


@dataclass(slots=True)
class Tried:
    """What came of a way. Without `failure` the answer is fit for the client; `ahead` has what was read of
    it."""

    way: Way
    allowance: Allowance | None = None
    answer: aiohttp.ClientResponse | None = None
    ahead: Ahead | None = None
    failed: Failed | None = None
    failure: Failure | None = None

    @property
    def head(self) -> bytes:
        return b"" if self.ahead is None else self.ahead.held

    def let_go(self) -> None:
        """Another takes over: nobody will read on."""
        if self.ahead is not None:
            self.ahead.let_go()


class Attempts:
    """One request, from its decision until an answer can be passed on. `run` once."""

    def __init__(
        self, judged: Exchange, decision: Decision, parts: GatewayParts, settlement: Settlement
    ) -> None:
        self._judged, self._decision, self._parts, self._settlement = judged, decision, parts, settlement
        self._ways = Ways(judged, decision, parts)
        self._made = 0
        self._last: Tried | None = None

    async def run(self, upload: Upload) -> Tried:
        """What to pass on. Raises Refused where the request may not go, and Failed where no answer came."""
        try:
            return await self._run(upload)
        except BaseException:
            if self._last is not None:
                self._last.let_go()
            raise

    async def _run(self, upload: Upload) -> Tried:
        parts = self._parts
        way: Way | None = await self._ways.first(upload)
        last: Tried | None = None
        refusal: Refusal | None = None
        while way is not None:
            try:
                allowance = await self._open(way, last)
            except Refused as refused:
                self._not_taken(way)
                self._ways.not_sent(way)
                if last is None or self._settlement.is_open_for(way.exchange):
                    raise
                refusal = refused.refusal
            except BaseException:
                self._not_taken(way)
                self._ways.not_sent(way)
                raise
            else:
                if last is not None and last.failure is not None:
                    last.let_go()
                    parts.metrics.failed_over(last.way.target.provider, last.failure.reason)
                self._last = None
                self._last = last = await self._try(way, allowance)
                refusal = None
                if last.failure is None:
                    break
                await self._fails(last, last.failure)
            way = await self._ways.next(upload) if self._may_go_on else None
        self._ways.clear()
        assert last is not None
        return self._final(last, refusal)

    async def _open(self, way: Way, last: Tried | None) -> Allowance | None:
        """The open row with its money, on disk, and what a stream may say for it. Raises Refused."""
        exchange, parts, settlement = way.exchange, self._parts, self._settlement
        self._number(exchange, last)
        if exchange.sealed and not way.upload.untouched:
            raise Refused(refusals.SIGNED_BODY)
        if exchange.rules.audit is not None:
            await auditing.consider(exchange, parts, way.upload)
        admit = settlement.admission(exchange)
        row, granted, guess = await degrading.reserve_for(way, parts, admit)
        settlement.opened(row, granted.reservation, exchange)
        exchange.remaining_nusd = granted.remaining_nusd
        limit = output_limit(way.upload.reading.call, guess, granted)
        if limit is not None and exchange.sealed:
            raise Refused(refusals.SIGNED_LIMIT)
        if limit is not None:
            assert exchange.dialect
            limited = exchange.dialect.limit_output(way.upload.reading, limit)
            way.upload = way.upload.limited(renamed(limited, exchange.provider.quirks))
            exchange.call = way.upload.reading.call
            exchange.limited_to_tokens = exchange.call.max_output_tokens
        if exchange.trail is not None:
            await auditing.begin(exchange.trail)
        call = way.upload.reading.call
        capped = (granted.remaining_nusd, granted.remaining_tokens) != (None, None)
        return Allowance(parts, granted, guess, call) if capped and tops_up(call) else None

    def _number(self, exchange: Exchange, last: Tried | None) -> None:
        """Which attempt it is, and when it began. The first began with the request."""
        exchange.tried = list(self._ways.notes)
        if last is None:
            self._settlement.exchange = exchange
            return
        exchange.attempt = self._made + 1
        exchange.started_at, exchange.started_s = datetime.now(UTC), time.monotonic()
        exchange.read_s = exchange.started_s

    async def _try(self, way: Way, allowance: Allowance | None) -> Tried:
        """Sends it, and looks at how the answer begins where it could be had elsewhere."""
        tried, exchange, parts = Tried(way, allowance), way.exchange, self._parts
        self._made += 1
        looks = self._ways.more and self._may_go_on
        within_s = self._patience_s(way) if looks else None
        try:
            fields = head_of(exchange, way.upload)
            tried.answer = await send(exchange, parts, fields, way.upload.to_send, within_s)
            if looks or self._asks_for_a_pause(tried.answer):
                tried.ahead = Ahead(exchange, tried.answer)
                elapsed_s = time.monotonic() - exchange.sent_s
                await tried.ahead.look((within_s or parts.idle_s) - elapsed_s)
                tried.failure = tried.ahead.failure
        except Failed as failed:
            tried.failed = failed
            tried.failure = Failure(failed.refusal.code, failed.sent, failed.status)
        except BaseException:
            self._not_taken(way)
            if tried.answer is not None:
                tried.answer.close()
            raise
        return tried

    def _patience_s(self, way: Way) -> float:
        """Until the first event, where it could be had elsewhere."""
        bounds = self._parts.bounds
        return bounds.first_event_s if way.upload.reading.call.stream else self._parts.upstream.first_byte_s

    async def _fails(self, last: Tried, failure: Failure) -> None:
        """It did not do: what that means for its place, and for what is tried next."""
        self._settlement.fails(failure)
        if last.way.leave is not None:
            self._parts.breakers.ended(last.way.leave, failure.ending, time.monotonic())
        alone = not self._ways.more and last.answer is not None and self._asks_for_a_pause(last.answer)
        self._ways.failed(last.way, failure)
        if alone and failure.retry_after_s is not None:
            await asyncio.sleep(failure.retry_after_s)
            self._ways.once_more(last.way)

    def _asks_for_a_pause(self, answer: aiohttp.ClientResponse) -> bool:
        """Whether the only target there is wants to be asked again soon, and it is ours to do."""
        if self._made > 1 or self._decision.chain or self._judged.key_class is not KeyClass.COMPANY:
            return False
        pause_s = retry_after_s(answer.headers, datetime.now(UTC)) if is_failure(answer.status) else None
        return pause_s is not None and pause_s <= self._parts.bounds.retry_s and self._may_go_on

    @property
    def _may_go_on(self) -> bool:
        """Whether another attempt may begin."""
        bounds = self._parts.bounds
        elapsed_s = time.monotonic() - self._judged.read_s
        return self._made < bounds.attempts and elapsed_s < bounds.failover_s

    def _not_taken(self, way: Way) -> None:
        """Nothing was learnt of its place, and nothing of it is kept."""
        if way.leave is not None:
            self._parts.breakers.ended(way.leave, NEITHER, time.monotonic())
        if way.exchange.trail is not None and self._settlement.exchange is not way.exchange:
            way.exchange.trail.ended(way.exchange.row())

    def _final(self, last: Tried, refusal: Refusal | None) -> Tried:
        """The last there was. `refusal`: why the one after it was not paid for."""
        failed = last.failed
        if last.failure is not None and last.failure.seen is not None and last.answer is not None:
            last.answer.close()  # it broke off, and the client has nothing of it
            why = refusals.SILENT if last.failure.reason == TIMED_OUT else refusals.BROKEN_OFF
            failed = Failed(why, sent=True, status=last.answer.status)
        if refusal is not None and not self._settlement.is_open_for(last.way.exchange):
            told = last.way.exchange.refusal(failed.refusal).status if failed else None
            self._settlement.turned_down(refusal, told or (last.answer.status if last.answer else 0))
            self._settlement.exchange = last.way.exchange  # the client is told who was asked
        if failed is not None:
            raise failed
        return last
