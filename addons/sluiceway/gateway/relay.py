"""The answer on its way back: chunks pass at once, the tap counts them, and the row is settled once."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

import aiohttp
from aiohttp import web

from sluiceway.errors import WireError
from sluiceway.gateway import body, headers
from sluiceway.gateway.allowance import Allowance, Estimate
from sluiceway.gateway.exchange import Exchange, billed, costless
from sluiceway.gateway.parts import GatewayParts
from sluiceway.gateway.server import Relay
from sluiceway.gateway.upstream import Failed
from sluiceway.pricing.estimate import PreviousInput
from sluiceway.store.records import Reservation
from sluiceway.types import Answer, LedgerRow, Outcome, Refusal, RefusalKind
from sluiceway.wire.dialect import Tap

logger = logging.getLogger(__name__)

# A decoded answer may be this large before the tap stops reading it (the client's bytes still pass).
DECODED_ANSWER_BYTES = 256 * 1024 * 1024
CUT_SHORT = "the provider ended its answer before it was complete"


class Attempt:
    """One try at a provider and its one settlement. Without a reservation the row is only recorded."""

    def __init__(
        self,
        exchange: Exchange,
        parts: GatewayParts,
        reservation: Reservation | None,
        row: LedgerRow,
        guess: Estimate | None,
    ) -> None:
        self.exchange = exchange
        self.parts = parts
        self._reservation = reservation
        self._row = row
        self._guess = guess
        self._settled = False

    def settle(self, row: LedgerRow) -> None:
        if self._settled:
            return
        self._settled = True
        if self._reservation is None:
            self.parts.record_soon(row)
        else:
            self.parts.store.ledger.settle(self._reservation, row)

    def end(self, status: int, upstream_status: int, outcome: Outcome, answer: Answer | None) -> None:
        """The answer is over, one way or another."""
        row = replace(
            self.exchange.ended(self._row, status=status, outcome=outcome), upstream_status=upstream_status
        )
        if self._reservation is None:
            self.settle(row)
        elif upstream_status >= 400:
            self.settle(replace(costless(row), error_type=answer.error_type if answer else None))
        else:
            assert answer
            self.settle(billed(self.exchange, self.parts, row, answer))
            self._learn(answer)

    def _learn(self, answer: Answer) -> None:
        """What this answer teaches about the next one of its model, client and conversation."""
        exchange = self.exchange
        call, client = exchange.call, exchange.client
        assert call
        conversations, conversation = self.parts.conversations, exchange.conversation
        name = (client.name if client else None) or ""
        self.parts.learned.observe(call.model or "", name, call, answer, conversations.last(conversation))
        told = answer.usage.input_tokens
        if conversation is not None and answer.complete and told is not None:
            previous = PreviousInput(told, call.input_bytes, call.dense_bytes, answer.usage.output_tokens or 0)
            conversations.remember(conversation, previous)

    def failed(self, status: int, failed: Failed) -> None:
        """No answer came. If the request may have arrived, its input may be billed."""
        row = self.exchange.ended(self._row, status=status, outcome=Outcome.UPSTREAM_ERROR)
        row = replace(row, error_type=failed.error_type)
        self.settle(self._input_owed(row) if failed.sent and self._reservation else costless(row))

    def abandon(self) -> None:
        """The client went away, or we broke, before there was an answer to settle by."""
        if self._settled:
            return
        row = self.exchange.ended(self._row, status=499, outcome=Outcome.CLIENT_CANCELLED)
        sent = self.exchange.sent_s > 0 and self._reservation is not None
        self.settle(self._input_owed(row) if sent else costless(row))

    def _input_owed(self, row: LedgerRow) -> LedgerRow:
        """The provider saw the request and we saw no answer: charged at its estimated input, cost unknown."""
        charged = self._guess.input_nusd if self._guess and row.budgeted else 0
        return replace(row, charged_nusd=charged)


class Watch:
    """Ends an exchange in which nothing has moved for `idle_s`: one timer, re-armed only when it fires."""

    def __init__(self, idle_s: float, expire: asyncio.TimerHandle | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._idle_s = idle_s
        self._moved_s = self._loop.time()
        self._timer = expire
        self.expired = False

    def start(self, answer: aiohttp.ClientResponse, request: web.BaseRequest) -> None:
        self._answer, self._request = answer, request
        self._timer = self._loop.call_later(self._idle_s, self._look)

    def moved(self, writing: bool) -> None:
        self._moved_s = self._loop.time()
        self._writing = writing

    _writing = False

    def _look(self) -> None:
        left = self._moved_s + self._idle_s - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._look)
            return
        self.expired = True
        if self._writing and self._request.transport is not None:
            self._request.transport.abort()  # a client that stopped reading
        self._answer.close()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


async def relay(
    attempt: Attempt, answer: aiohttp.ClientResponse, allowance: Allowance | None
) -> web.StreamResponse:
    """Passes the answer on. Returns the finished response; the row is settled before it returns or raises."""
    flow = Flow(attempt, answer, allowance)
    watch = Watch(attempt.parts.idle_s)
    watch.start(answer, attempt.exchange.request)
    try:
        return await flow.run(watch)
    finally:
        watch.stop()
        flow.settle()
        if not flow.whole:
            answer.close()  # an unfinished answer must not go back to the pool


class Flow:
    """One answer's passage: upstream chunks in, the client's chunks out, the tap beside them."""

    def __init__(
        self, attempt: Attempt, answer: aiohttp.ClientResponse, allowance: Allowance | None
    ) -> None:
        self._attempt = attempt
        self._exchange = attempt.exchange
        self._answer = answer
        self._allowance = allowance
        self._tap = self._make_tap()
        self._encoding = answer.headers.get("content-encoding", "")
        self._decoder = body.decoder(self._encoding, DECODED_ANSWER_BYTES) if self._tap else None
        self._outcome = Outcome.CLIENT_CANCELLED
        self._unanswered = False
        self.whole = False

    def _make_tap(self) -> Tap | None:
        exchange = self._exchange
        if exchange.dialect is None or exchange.call is None:
            return None
        return exchange.dialect.tap(exchange.call, self._answer.status, self._answer.content_type)

    @property
    def _is_stream(self) -> bool:
        return self._answer.content_type == "text/event-stream"

    async def run(self, watch: Watch) -> web.StreamResponse:
        reply = self._reply()
        request = self._exchange.request
        content = self._answer.content
        if self._is_stream and content.total_bytes == 0:
            await reply.prepare(request)  # the client may be waiting for headers to start its clock
        last = b""
        try:
            while True:
                watch.moved(writing=False)
                chunk = await content.readany()
                if not self._exchange.first_s:
                    self._exchange.first_s = asyncio.get_running_loop().time()
                out = self._read(chunk)
                if chunk and self._allowance and self._tap and not await self._allowance.covers(self._tap, len(chunk)):
                    last = out + self._cut()
                    break
                if content.at_eof():
                    last = out + self._finish()
                    break
                if out:
                    watch.moved(writing=True)
                    if not reply.prepared:
                        await reply.prepare(request)
                    await reply.write(out)
        except (aiohttp.ClientError, OSError) as error:
            if request.transport is None or isinstance(error, aiohttp.ClientConnectionResetError):
                raise ConnectionResetError("the client has gone") from None
            last = self._broken(watch, reply)
        watch.moved(writing=True)
        if not reply.prepared:
            await reply.prepare(request)
        await reply.write_eof(last)
        return reply

    def _reply(self) -> Relay:
        call = self._exchange.call
        altered = bool(call and call.usage_added) and self._is_stream
        fields = headers.to_client(self._answer.headers, keep_length=not altered)
        if altered and self._decoder is not None:
            fields.popall("content-encoding", None)
        for name, value in self._exchange.own_headers().items():
            fields[name] = value
        reply = Relay(self._answer.status, self._answer.reason, fields)
        reply._send_headers_immediately = self._is_stream
        return reply

    def _read(self, chunk: bytes) -> bytes:
        """Shows a chunk to the tap; returns what the client gets for it."""
        if self._tap is None or self._decoder is None or not chunk:
            return chunk
        if not self._encoding:
            return self._tap.feed(chunk)
        try:
            shown = self._tap.feed(self._decoder.feed(chunk))
        except WireError:
            self._decoder = None  # the client's bytes pass; the row will say what could not be read
            return chunk
        call = self._exchange.call
        return shown if call and call.usage_added and self._is_stream else chunk

    def _finish(self) -> bytes:
        self.whole = True
        self._outcome = Outcome.OK if self._answer.status < 400 else Outcome.UPSTREAM_ERROR
        rest = self._tap.finish() if self._tap else b""
        if self._tap and self._answer.status < 400 and self._is_stream and not self._tap.answer().complete:
            self._outcome = Outcome.TRUNCATED  # a clean end of the connection is not the end of the answer
        return rest

    def _cut(self) -> bytes:
        """The cap is reached: the stream ends the way the provider ends one at its token limit."""
        assert self._tap
        self._outcome = Outcome.CAPPED
        exchange, parts = self._exchange, self._attempt.parts
        message = f"[Sluiceway: a budget is used up, so this answer ends here. Ask {parts.contact}.]"
        logger.info("request %s reached its cap", exchange.request_id)
        return self._tap.cut(message)

    def _broken(self, watch: Watch, reply: Relay) -> bytes:
        """The provider's side died: say so in its own form, or drop the connection where that is impossible."""
        self._outcome = Outcome.TRUNCATED
        message = "the provider sent nothing for too long" if watch.expired else CUT_SHORT
        refusal = Refusal(RefusalKind.UNREACHABLE, "stream_broken", f"Sluiceway: {message}.")
        reply.force_close()
        if not reply.prepared:
            self._unanswered = True
            raise Failed(RefusalKind.UNREACHABLE, "stream_broken", message, sent=True)
        ending = b""
        if self._tap and self._is_stream:
            ending = self._tap.fail(refusal, self._exchange.request_id)
        if not ending:
            # A JSON answer cut in the middle: only a broken connection tells the client the truth.
            raise ConnectionResetError(message)
        return ending

    def settle(self) -> None:
        """By what the tap saw. A client that hung up after the provider's ending had its whole answer."""
        if self._unanswered:
            return  # the caller answers in the provider's place and settles by that
        seen = self._tap.answer() if self._tap else None
        outcome = self._outcome
        if outcome is Outcome.CLIENT_CANCELLED and seen is not None and seen.complete:
            outcome = Outcome.OK
        status = self._answer.status
        if seen is not None and not seen.complete and seen.error_type is None and outcome is Outcome.OK:
            logger.info("request %s: the answer reported no usage", self._exchange.request_id)
        self._attempt.end(status, status, outcome, seen)
