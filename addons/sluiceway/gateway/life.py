"""The life of one request, from the client's first header to the settled ledger row.

1. recognise  what the path is: metered by a dialect, harmless, or not to be used; whose key, which client
2. check      who is this, and is the connection what it claims to be
3. read       the body, within its bounds, into a Call
4. guard      secrets and personal data in it are counted, masked, or keep it from going on (`guarding.py`):
              by the rules for what was asked and by those for where a route will lead it
5. route      denied, sent on as asked, or to another model or provider, and where next if that fails
6. attempt    (`attempts.py`) for each way it may go, while no answer has begun (`ways.py`):
   aim        the request is written for it and gets the key for exactly there (`aiming.py`), perhaps audited
   reserve    the open ledger row and the money, in one durable transaction, before a byte is forwarded
   send       over pooled and verified TLS (`sending.py`); where there is another way, a look at how the
   answer
              begins (`ahead.py`)
7. relay      chunks pass at once; the tap counts; a cap can end the stream (`relay.py`)
8. settle     exactly once, on whichever of end, error or client gone comes first (`settlement.py`)

Every unexpected error answers 503 in the provider's own form. Nothing fails open.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import time
import weakref
from collections.abc import AsyncIterable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import aiohttp
from aiohttp import web

from sluiceway.errors import Refused, WireError
from sluiceway.gateway import (
    body,
    credentials,
    deferred,
    gates,
    handshake,
    headers,
    injection,
    refusals,
    signature,
    uploads,
)
from sluiceway.gateway.attempts import Attempts, Tried
from sluiceway.gateway.body import Upload
from sluiceway.gateway.counting import counted
from sluiceway.gateway.exchange import Exchange
from sluiceway.gateway.guarding import inspect
from sluiceway.gateway.held import held_input
from sluiceway.gateway.lessons import begins_well, learn_from
from sluiceway.gateway.mirror import mirrored
from sluiceway.gateway.parts import GatewayParts
from sluiceway.gateway.relay import Flow
from sluiceway.gateway.sending import send
from sluiceway.gateway.server import Reply, Server, attachment_of
from sluiceway.gateway.settlement import Settlement
from sluiceway.gateway.sockets import Socket
from sluiceway.gateway.tasks import tell_task
from sluiceway.gateway.upstream import Failed
from sluiceway.policy import decide
from sluiceway.settings.providers import match, socket_at
from sluiceway.types import Attachment, Decision, ErrorAnswer, Outcome, Refusal, Rejected, Route, Target
from sluiceway.wire.client import identify
from sluiceway.wire.dialect import Target as Asked

logger = logging.getLogger(__name__)

# Ids have to be unique, not secret; asking the kernel for each would cost a system call.
_NUMBERS = random.Random(secrets.randbits(256))  # noqa: S311


class Gateway:
    """Answers the requests of attached connections. One for the process."""

    def __init__(self, parts: GatewayParts) -> None:
        self.parts = parts
        self.server = Server(self.handle, self.complain)
        self.in_flight = 0
        self._flows: weakref.WeakSet[Flow] = weakref.WeakSet()
        self._sockets: set[Socket] = set()
        self._quiet = asyncio.Event()
        self._quiet.set()

    @property
    def sockets_open(self) -> int:
        """WebSockets that are being opened or open."""
        return len(self._sockets)

    def accept(self, attachment: Attachment) -> asyncio.Protocol:
        """The front's door: a protocol for one decrypted connection, whose transport carries `attachment`."""
        return self.server.protocol()

    async def drain(self, timeout_s: float) -> None:
        """Refuses new requests, closes idle connections, waits for those in flight, and ends what is left."""
        self.parts.draining = True
        self.server.pre_shutdown()
        for socket in list(self._sockets):
            socket.retire()
        try:
            async with asyncio.timeout(timeout_s):
                await self._quiet.wait()
        except TimeoutError:
            logger.warning("%d requests were still in flight after %g s", self.in_flight, timeout_s)
            passages: list[Flow | Socket] = [*self._flows, *self._sockets]
            for passage in passages:
                passage.interrupt()
        await self.parts.copies.stop()
        await self.server.shutdown(timeout=0.5)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request. Counted while in flight, so that a drain can wait for it."""
        self.in_flight += 1
        self._quiet.clear()
        try:
            return await self._handle(self._exchange(request))
        finally:
            self.in_flight -= 1
            if not self.in_flight:
                self._quiet.set()

    def complain(self, request: web.BaseRequest, status: int) -> web.StreamResponse:
        """The answer to bytes that are no HTTP request, and to what escaped `handle`; with a row, too."""
        exchange = self._exchange(request)
        identity = exchange.attachment.identity
        if not isinstance(identity, Rejected):
            exchange.principal = identity.principal
        refusal = refusals.INTERNAL if status >= 500 else refusals.NOT_HTTP
        answer = exchange.refusal(refusal)
        Settlement(exchange, self.parts).complained(answer.status, refusal)
        reply = self._reply(exchange, refusal.code, answer)
        reply.force_close()
        return reply

    def _exchange(self, request: web.BaseRequest) -> Exchange:
        attachment = attachment_of(request)
        if attachment is None:
            raise ConnectionResetError("the client has gone")
        path, _, query = request.raw_path.partition("?")
        return Exchange(
            request,
            attachment,
            self.parts.rules,
            request_id=f"sw_{_NUMBERS.getrandbits(96):024x}",
            started_at=datetime.now(UTC),
            started_s=time.monotonic(),
            path=path,
            sent_query=query,
            voice=self.parts.dialect_of(attachment.provider.dialect),
            contact=self.parts.contact,
        )

    async def _handle(self, exchange: Exchange) -> web.StreamResponse:
        settlement = Settlement(exchange, self.parts)
        try:
            return await self._live(exchange, settlement)
        except Refused as refused:
            return await self._refuse(settlement, refused.refusal)
        except Failed as failed:
            return self._failed(settlement, failed)
        except ConnectionError:
            raise  # the client has gone, or has to see a broken connection
        except Exception as error:
            # Only the class: texts of foreign exceptions may quote what they choked on.
            logger.error("request %s failed: %s", exchange.request_id, type(error).__name__)
            if exchange.request.writer.output_size > 0:
                settlement.abandoned(Outcome.INTERNAL_ERROR)
                raise ConnectionResetError("the answer has begun; the connection ends here") from None
            return await self._refuse(settlement, refusals.INTERNAL)
        finally:
            settlement.abandoned()

    async def _live(self, exchange: Exchange, settlement: Settlement) -> web.StreamResponse:
        self._recognise(exchange)
        self._check_caller(exchange)
        self._check_target(exchange)
        if exchange.presented.fault is not None:
            raise Refused(exchange.presented.fault)
        if exchange.socket is not None:
            return await self._carry(exchange, settlement, exchange.socket)
        await uploads.sort_out(exchange, self.parts.idle_s)
        if exchange.dialect is None:
            injection.equip(exchange, self.parts)
            exchange.take_first()
            await deferred.check(exchange, self.parts)
            return await self._pass(exchange, settlement)
        upload, decision = await self._judged(exchange)
        if (count := counted(exchange, decision.target, self.parts)) is not None:
            settlement.answered_here()
            return Reply(200, [*exchange.own_headers().items(), *count.headers], count.body)
        tried = await Attempts(exchange, decision, self.parts, settlement).run(upload)
        assert tried.answer
        flow = self._flow(
            tried.way.exchange,
            tried.answer,
            allowance=tried.allowance,
            head=tried.head,
            begun=begins_well(tried.way, self.parts, mirrored(exchange, upload, decision, self.parts)),
        )
        # What was sent, or read ahead, is not kept: a stream may run for minutes without it.
        del upload, tried.way.upload
        tried.ahead = None
        return await self._relayed(flow, tried, settlement)

    async def _relayed(self, flow: Flow, tried: Tried, settlement: Settlement) -> web.StreamResponse:
        """The answer passed on, and what its end teaches about the target."""
        assert tried.answer
        way = tried.way
        try:
            return await flow.relay(settlement)
        finally:
            if tried.failure is None:
                learn_from(way, tried.answer, settlement.final, self.parts)

    async def _carry(self, exchange: Exchange, settlement: Settlement, route: Route) -> web.StreamResponse:
        """A WebSocket, for as long as it is open."""
        dialect = self.parts.socket_of(route.dialect or "")
        socket = Socket(exchange, route, self.parts, dialect)
        self._sockets.add(socket)
        try:
            return await socket.carry(settlement)
        finally:
            self._sockets.discard(socket)

    async def _judged(self, exchange: Exchange) -> tuple[Upload, Decision]:
        """The request as it may be sent, read, given a key and guarded, and where it goes. Refused where a
        rule says no."""
        upload = await self._read(exchange)
        tell_task(exchange, self.parts, upload.reading)
        await injection.look_at_budgets(exchange, self.parts)
        injection.equip(exchange, self.parts)
        policy, call = exchange.rules.policy, upload.reading.call
        if policy.loops is not None:
            gates.circling(exchange, self.parts, upload, policy.loops)
        if not (policy.routes or policy.guard):
            # Nothing would look at the facts, and gathering them costs.
            return upload, Decision(Target(exchange.provider.name, call.model or ""), None, None, ())
        facts = injection.outlook_of(exchange, self.parts, upload.reading)
        decision = decide(policy, exchange.principal, call, facts)
        if policy.guard:
            if decision.refusal is None:
                gates.spent(exchange, self.parts, decision.target)
            upload = await inspect(exchange, self.parts, upload, facts, decision.target)
        exchange.route_rule = decision.rule
        if decision.refusal is not None:
            raise Refused(decision.refusal)
        return upload, decision

    def _recognise(self, exchange: Exchange) -> None:
        """What can be said of a request by its head, whoever sends it: also of one that is refused."""
        provider, request = exchange.provider, exchange.request
        exchange.fields = {name.lower(): value for name, value in request.headers.items()}
        exchange.client = identify(exchange.fields)
        exchange.signed = signature.is_signed(request.headers)
        keys = credentials.credentials_of(request.headers, provider, exchange.query)
        keys += credentials.in_subprotocols(handshake.offered(request))
        parts, ring = self.parts, exchange.rules.keys
        attachment = exchange.attachment
        found = credentials.recognise_again(attachment, keys, provider, ring, parts.key, parts.contact)
        exchange.came_with(found)
        upgrade = _wants_upgrade(request)
        if upgrade and parts.meters_sockets and (socket := socket_at(provider, exchange.path)) is not None:
            exchange.socket = socket
            exchange.route = replace(socket, operation="websocket")
            exchange.dialect = exchange.voice = parts.socket_of(socket.dialect or "")
            return
        # A socket is an endpoint of its own; on a POST's path it speaks the same dialect.
        route = match(provider, "POST" if upgrade else request.method, exchange.path)
        if route is not None:
            exchange.route = replace(route, operation="websocket") if upgrade else route
            if route.dialect is not None:
                exchange.dialect = exchange.voice = self.parts.dialect_of(route.dialect)

    def _check_caller(self, exchange: Exchange) -> None:
        attachment, request = exchange.attachment, exchange.request
        if self.parts.draining:
            raise Refused(refusals.RESTARTING)
        identity, contact = attachment.identity, self.parts.contact
        if isinstance(identity, Rejected):
            raise Refused(refusals.wrong_credentials(identity.reason, identity.user, contact))
        who, directory = identity.principal, self.parts.store.directory
        # As of now: they may have moved to another team since the tunnel was opened.
        exchange.principal = directory.principal(who.id) or who
        if (ended := directory.problem(identity, attachment.client_address)) is not None:
            raise Refused(refusals.wrong_credentials(ended.reason, ended.user, contact))
        disagrees = attachment.misdirected
        host, _, port = request.headers.get("host", "").lower().partition(":")
        if host.rstrip(".") != attachment.host or port not in ("", "443"):
            disagrees = "the Host header"
        if disagrees:
            raise Refused(refusals.misdirected(disagrees, attachment.host))

    def _check_target(self, exchange: Exchange) -> None:
        provider, request = exchange.provider, exchange.request
        target = request.raw_path
        if not (target.startswith("/") and target.isascii() and target.isprintable()):
            raise Refused(refusals.BAD_TARGET)  # it could not be put behind the provider's host name
        if len(b"".join(chain.from_iterable(request.raw_headers))) > self.parts.header_bytes:
            raise Refused(refusals.LONG_HEADERS)
        if _wants_upgrade(request) and exchange.socket is None:
            raise Refused(refusals.NO_WEBSOCKET)
        if exchange.route is None and provider.unlisted == "refuse":
            raise Refused(refusals.unlisted(request.method, exchange.attachment.host, self.parts.contact))

    async def _read(self, exchange: Exchange) -> Upload:
        """The body, bounded and decoded, as a Call."""
        request, dialect, limit = exchange.request, exchange.dialect, self.parts.body_bytes
        assert dialect
        target = Asked(request.method, exchange.path, exchange.query)
        try:
            raw = await body.read(request, limit, self.parts.idle_s, exchange.begun)
            plain = await body.decoded(raw, request.headers.get("content-encoding", ""), limit)
            asked = exchange.provider.quirks.stream_usage == "asked" and not exchange.sealed
            reading = dialect.read(target, exchange.fields, plain, add_usage=asked)
        except WireError as error:
            raise Refused(refusals.unreadable(error)) from None
        if reading.call.background:
            reading = replace(reading, call=await deferred.begun(exchange, self.parts, reading.call))
        exchange.call = reading.call
        exchange.model_requested = reading.call.model
        exchange.held_input = await held_input(exchange, self.parts)
        exchange.read_s = time.monotonic()
        return Upload(raw, plain, reading)

    async def _pass(self, exchange: Exchange, settlement: Settlement) -> web.StreamResponse:
        """A harmless or tolerated path: bytes pass both ways, unmetered, with a row."""
        request = exchange.request
        if not exchange.begun:
            await body.proceed(request)
        exchange.read_s = time.monotonic()
        fields = headers.to_provider(request.headers, exchange.host)
        if exchange.sealed:
            signature.keep(fields, request.headers)
        content: AsyncIterable[bytes] | None = request.content if request.body_exists else None
        if content is not None and request.content_length is not None:
            fields["content-length"] = str(request.content_length)
        if content is not None and exchange.begun:
            content = body.whole(exchange.begun, request.content)
        if exchange.route is not None and exchange.route.collects and "accept-encoding" in fields:
            fields["accept-encoding"] = headers.accepted(", ".join(fields.getall("accept-encoding")))
        answer = await send(exchange, self.parts, fields, content)
        return await self._flow(exchange, answer).relay(settlement)

    def _flow(self, exchange: Exchange, answer: aiohttp.ClientResponse, **more: Any) -> Flow:
        provider = exchange.provider.name
        flow = Flow(exchange, answer, contact=self.parts.contact, idle_s=self.parts.idle_s, **more)
        flow.on_job = lambda job: deferred.collect_soon(self.parts, provider, job)
        self._flows.add(flow)
        return flow

    def _failed(self, settlement: Settlement, failed: Failed) -> web.StreamResponse:
        """No answer came: nothing was sent and nothing is owed, or it was and the provider may bill it."""
        exchange = settlement.exchange
        answer = exchange.refusal(failed.refusal)
        settlement.failed(answer.status, failed)
        return self._reply(exchange, failed.refusal.code, answer)

    async def _refuse(self, settlement: Settlement, refusal: Refusal) -> web.StreamResponse:
        """The no, in the form the client shows, and its row."""
        exchange = settlement.exchange
        upgrade = _wants_upgrade(exchange.request)
        answer = exchange.refusal(refusals.of_upgrade(refusal) if upgrade else refusal)
        await settlement.refused(answer.status, refusal)
        reply = self._reply(exchange, refusal.code, answer)
        if refusal.kind in refusals.CLOSES:
            reply.force_close()
        return reply

    def _reply(self, exchange: Exchange, code: str, answer: ErrorAnswer) -> Reply:
        own = {**exchange.own_headers(), "x-sluiceway-refused": code}
        reply = Reply(answer.status, [*answer.headers, *own.items()], answer.body)
        content = exchange.request.content
        if self.parts.draining or content.exception() is not None or not content.is_eof():
            reply.force_close()  # no next request is wanted, or a body would have to be read to its end first
        return reply


def _wants_upgrade(request: web.BaseRequest) -> bool:
    return any("upgrade" in value.lower() for value in request.headers.getall("connection", ()))
