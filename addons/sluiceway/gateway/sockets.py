"""The life of one WebSocket, from the upgrade to the close frames; each answer on it is a turn (`turn.py`).

1. open   the provider's side first; a no of the provider to the upgrade is the client's answer, body and all
2. ask    a client's frame: read, checked, decided by the routes, reserved for, forwarded; a no is said inside
3. hear   a provider's frame: metered and passed; a turn it begins by itself is reserved for as it begins
4. close  whichever side says so first, its code passed on; turns that run are settled by what was seen

Nothing fails open: a frame that cannot be read ends the socket, and so does a fault of our own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import replace

import aiohttp
from aiohttp import WSMsgType, web

from sluiceway.errors import Refused, WireError
from sluiceway.gateway import handshake, injection, refusals
from sluiceway.gateway.closing import Close, sendable
from sluiceway.gateway.exchange import Exchange
from sluiceway.gateway.judging import Judge
from sluiceway.gateway.parts import GatewayParts
from sluiceway.gateway.provider_socket import SWITCHED, Declined
from sluiceway.gateway.scrub import Scrubber
from sluiceway.gateway.settlement import Settlement
from sluiceway.gateway.telling import told
from sluiceway.gateway.turn import Turn, decided, exchange_of, unbound
from sluiceway.gateway.watch import Watch
from sluiceway.types import Answer, Call, Outcome, Refusal, RefusalKind, Route
from sluiceway.wire.dialect import Target
from sluiceway.wire.refusal import RETRYABLE
from sluiceway.wire.socket import (
    FAULT,
    GOING_AWAY,
    NO_SUCH_DATA,
    NO_SUCH_TYPE,
    POLICY,
    RESTART,
    Frame,
    Heard,
    Parting,
    Session,
    SocketDialect,
    reason,
)

logger = logging.getLogger(__name__)

# OpenAI ends a socket after an hour whatever happens; one on which nothing happens ends here, too.
IDLE_SOCKET_S = 3600.0
DATA = (WSMsgType.TEXT, WSMsgType.BINARY)
UNREAD = Call(dialect="", operation="", model=None, stream=True)  # of a frame that could not be read


class Socket:
    """One connection's passage. Of each turn that runs it keeps a Turn, by the session's name for it."""

    def __init__(self, exchange: Exchange, route: Route, parts: GatewayParts, dialect: SocketDialect) -> None:
        self._exchange = exchange
        self._route = route
        self._parts = parts
        self._dialect = dialect
        self._turns: dict[str, Turn] = {}
        self._number = 0
        self._loop = asyncio.get_running_loop()
        self._stopped: asyncio.Future[Close] = self._loop.create_future()
        self._retiring = False
        self._watch: Watch | None = None
        self._moved_s = self._loop.time()

    # 1. open

    async def carry(self, settlement: Settlement) -> web.StreamResponse:
        """Opens both sides and passes frames until one of them closes. Raises Refused or Failed where it does
        not come to that."""
        exchange, limit = self._exchange, self._parts.body_bytes
        handshake.check(exchange.request)
        self._session = self._begin()
        self._judge = Judge(self._session, self._parts)
        injection.equip(exchange, self._parts)
        unbound(exchange, self._route, self._parts)
        exchange.take_first()
        try:
            self._provider = await handshake.dial(exchange, self._parts)
        except Declined as declined:
            settlement.answered(declined.status, Outcome.UPSTREAM_ERROR, Answer())
            return handshake.reply(exchange, declined, _scrubber(exchange))
        self._scrubber = _scrubber(exchange)
        try:
            self._client = await handshake.accept(exchange, self._provider, self._scrubber, limit)
            exchange.dialect = exchange.call = None  # by itself it costs nothing; its turns have their rows
            await self._run(settlement)
        finally:
            self._provider.abort()
        return self._client

    def _begin(self) -> Session:
        """The session, for the model that the routes say where the address names one."""
        exchange, told = self._exchange, self._exchange.client.conversation_id
        try:
            session = self._dialect.session(Target("GET", exchange.path, exchange.query), told)
        except WireError as error:
            raise Refused(refusals.unreadable(error)) from None
        if session.model is None:
            return session
        exchange.model_requested = session.model
        exchange.call = Call(self._dialect.name, self._route.operation, session.model, stream=True)
        model = decided(exchange, self._parts)
        if model != session.model:
            exchange.call = replace(exchange.call, model=model)
            exchange.upstream_query = handshake.with_model(exchange.query, model)
            session = self._dialect.session(Target("GET", exchange.path, exchange.upstream_query), told)
        return session

    async def _run(self, settlement: Settlement) -> None:
        pumps = [self._loop.create_task(self._pump(side())) for side in (self._ask, self._hear)]
        self._idle = self._loop.call_later(IDLE_SOCKET_S, self._look)
        close = Close(GOING_AWAY, outcome=Outcome.CLIENT_CANCELLED)
        try:
            close = await self._stopped
        finally:
            self._idle.cancel()
            for pump in pumps:
                pump.cancel()
            running = self._settle(close.outcome)
            settlement.answered(SWITCHED, Outcome.OK, None)
        await asyncio.gather(*pumps, return_exceptions=True)
        await self._goodbye(close, running)

    async def _pump(self, side: Coroutine[None, None, Close]) -> None:
        try:
            self._stop(await side)
        except (ConnectionError, aiohttp.ClientError):
            self._stop(Close(GOING_AWAY, outcome=Outcome.CLIENT_CANCELLED))
        except Exception as error:
            # Only the class: texts of foreign exceptions may quote what they choked on.
            logger.error("socket %s failed: %s", self._exchange.request_id, type(error).__name__)
            message = refusals.INTERNAL.message
            self._stop(Close(FAULT, reason(message), refusals.INTERNAL, Outcome.INTERNAL_ERROR))

    # 2. ask

    async def _ask(self) -> Close:
        """The client's frames."""
        while True:
            message = await self._client.receive()
            self._moved_s = self._loop.time()
            if message.type is WSMsgType.CLOSE:
                return Close(sendable(message.data), message.extra or "", outcome=Outcome.CLIENT_CANCELLED)
            if message.type is WSMsgType.ERROR and isinstance(message.data, aiohttp.WebSocketError):
                return await self._unreadable(refusals.FRAME_BROKEN, sendable(message.data.code))
            if message.type not in DATA:
                return Close(GOING_AWAY, outcome=Outcome.CLIENT_CANCELLED)
            if message.type is WSMsgType.BINARY and not self._session.binary:
                return await self._unreadable(refusals.BINARY_FRAME, NO_SUCH_TYPE)
            try:
                frame = self._session.read(message.data)
            except WireError as error:
                return await self._unreadable(refusals.unreadable(error), NO_SUCH_DATA)
            await self._forward(frame, message.type)

    async def _unreadable(self, refusal: Refusal, code: int) -> Close:
        """What was no frame of this API has a row, too, and ends the socket."""
        turn = Turn(self._exchange_of(UNREAD), self._parts)
        self._number_it(turn)
        await turn.refuse(refusal)
        await self._send(self._session.refuse(None, self._told(refusal), self._exchange.request_id))
        return Close(code, reason(refusal.message))

    async def _forward(self, frame: Frame, kind: WSMsgType) -> None:
        if frame.does == "pass" or (frame.does == "unknown" and self._lets_pass):
            _, data = self._session.take(frame, frame.reading)
            await self._provider.send_frame(data, kind)
            return
        turn = Turn(self._exchange_of(frame.reading.call), self._parts)
        try:
            if frame.does == "ask":
                self._number_it(turn)
            frame = await self._judge.asked(turn.exchange, frame)
            if frame.does == "ask":
                await turn.reserve()
                await turn.announce()
        except Refused as refused:
            self._number_it(turn)
            await turn.refuse(refused.refusal)
            parting = self._session.refuse(frame, self._told(refused.refusal), self._exchange.request_id)
            await self._part(parting, refused.refusal)
            return
        try:
            name, data = self._session.take(frame, frame.reading)
        except Exception:
            turn.joins()  # whatever happened, its row ends
            raise
        if frame.does == "ask":
            self._start(name, turn)
        elif frame.does == "setup":
            self._exchange.model_requested = turn.exchange.model_requested
            self._exchange.route_rule = turn.exchange.route_rule
        await self._provider.send_frame(data, kind)

    @property
    def _lets_pass(self) -> bool:
        return self._exchange.provider.unlisted == "pass"

    def _exchange_of(self, call: Call) -> Exchange:
        return exchange_of(self._exchange, self._route, self._parts, call, self._dialect)

    def _number_it(self, turn: Turn) -> None:
        """It will have a row, so it has a number: what is said and brings no answer has neither."""
        if turn.exchange.turn is None:
            self._number += 1
            turn.exchange.turn = self._number

    # 3. hear

    async def _hear(self) -> Close:
        """The provider's frames."""
        while True:
            message = await self._provider.receive()
            self._moved_s = self._loop.time()
            if message.type is WSMsgType.CLOSE:
                said = message.extra or ""
                said = said if self._scrubber is None else self._scrubber.header(said)
                return Close(sendable(message.data), said, refusals.BROKEN_OFF)
            if message.type not in DATA:
                return Close(FAULT, "the provider broke off", refusals.BROKEN_OFF)
            if self._watch is not None:
                self._watch.writing()
            data = message.data
            if self._scrubber is not None:
                data = self._scrubber.feed(data) + self._scrubber.rest()
            heard = self._session.hear(data)
            if heard.begun is not None:
                await self._unasked(heard, heard.begun)
            await self._pass(heard, data, message.type)
            if self._watch is not None:
                self._watch.reading()

    async def _unasked(self, heard: Heard, call: Call) -> None:
        """A turn that the provider begins by itself: it may cost something already, so it is metered even if
        it may not go on."""
        turn = Turn(self._exchange_of(call), self._parts)
        self._number_it(turn)
        assert heard.turn
        turn.exchange.originals = self._judge.originals
        self._start(heard.turn, turn)
        try:
            await self._judge.begun(turn.exchange, call)
            await turn.reserve()
            await turn.announce()
        except Refused as refused:
            turn.denied = refused.refusal
            parting = self._session.deny(heard.turn, self._told(refused.refusal), self._exchange.request_id)
            await self._part(parting, refused.refusal)

    async def _pass(self, heard: Heard, data: bytes, kind: WSMsgType) -> None:
        turn = self._turns.get(heard.turn or "")
        if turn is None:
            await self._client.send_frame(data, kind)
            return
        turn.heard()
        if not turn.hides(heard.ended):
            for each in turn.shown(data, heard.ended):
                await self._client.send_frame(each, kind)
        if heard.ended:
            self._ended(heard.turn or "", heard.status)
        elif await turn.is_spent(len(data)):
            turn.was_cut = True
            message = turn.last_words
            await self._part(self._session.cut(heard.turn or "", message), None, message.strip("[]"))

    def _start(self, name: str | None, turn: Turn) -> None:
        """The turn runs. Without a name it belongs to one that runs already, and ends as that one does."""
        if name is None:
            turn.joins()
            return
        turn.runs(self._session.meter(name))
        self._turns[name] = turn
        if self._watch is None:
            self._watch = Watch(self._parts.idle_s, self, self._exchange.request)

    def _ended(self, name: str, status: int) -> None:
        turn = self._turns.pop(name)
        turn.end(Outcome.TRUNCATED, status)
        self._session.forget(name)
        if not self._turns:
            self._quiet()
        if turn.denied is not None and turn.denied.kind not in RETRYABLE:
            # It would begin the next one as soon as the person speaks again.
            self._stop(Close(POLICY, reason(turn.denied.message)))

    def _quiet(self) -> None:
        """No turn runs: silence is no fault, and it is a good moment to go."""
        if self._watch is not None:
            self._watch.stop()
            self._watch = None
        if self._retiring:
            self._stop(Close(RESTART, reason(refusals.RESTARTING.message)))

    # 4. close

    def retire(self) -> None:
        """A drain begins: no new turns, and the end once none runs."""
        self._retiring = True
        if not self._turns:
            self._quiet()

    def interrupt(self) -> None:
        """The drain is over."""
        self._stop(Close(RESTART, reason(refusals.RESTARTING.message), refusals.RESTARTING))

    def close(self) -> None:
        """The provider has been silent for too long in the middle of a turn."""
        self._stop(Close(FAULT, reason(refusals.SILENT.message), refusals.SILENT))

    def _look(self) -> None:
        """Ends a socket on which nothing happens."""
        left_s = self._moved_s + IDLE_SOCKET_S - self._loop.time()
        if left_s <= 0 and not self._turns:
            self._stop(Close(GOING_AWAY, "nothing was sent for an hour"))
        else:
            self._idle = self._loop.call_later(max(left_s, 60.0), self._look)

    def _stop(self, close: Close) -> None:
        if not self._stopped.done():
            self._stopped.set_result(close)

    def _told(self, refusal: Refusal) -> Refusal:
        return told(refusal, self._parts.contact)

    async def _part(self, parting: Parting, refusal: Refusal | None, message: str = "") -> None:
        await self._send(parting)
        code = parting.close
        if code is None and refusal is not None and refusal.kind is RefusalKind.IDENTITY:
            code = POLICY  # nothing more will be let through
        if code is not None:
            self._stop(Close(code, reason(refusal.message if refusal else message)))
            await asyncio.get_running_loop().create_future()  # until `_run` cancels this side

    async def _send(self, parting: Parting) -> None:
        for data in parting.to_client:
            await self._client.send_frame(data, WSMsgType.TEXT)
        for data in parting.to_provider:
            await self._provider.send_frame(data, WSMsgType.TEXT)

    def _settle(self, outcome: Outcome) -> list[str]:
        """Ends the rows of all turns that run; their names."""
        if self._watch is not None:
            self._watch.stop()
        for turn in self._turns.values():
            turn.end(outcome)
        return [name for name, turn in self._turns.items() if not (turn.was_cut or turn.denied)]

    async def _goodbye(self, close: Close, running: list[str]) -> None:
        """The close frames, and before them what the turns that ran are told."""
        try:
            if close.refusal is not None:
                why = self._told(close.refusal)
                for name in running:
                    await self._send(self._session.fail(name, why, self._exchange.request_id))
        except (ConnectionError, aiohttp.ClientError):
            pass
        said = close.reason.encode()
        await asyncio.gather(
            self._client.close(code=close.code, message=said),
            self._provider.close(code=close.code, message=said),
            return_exceptions=True,
        )


def _scrubber(exchange: Exchange) -> Scrubber | None:
    """Of the key it was dialled with."""
    return Scrubber(exchange.company_key.secret) if exchange.company_key else None
