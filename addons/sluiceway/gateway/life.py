"""The life of one request, from the client's first header to the settled ledger row.

1. caller    who is this, and is the connection what it claims to be
2. route     what the path is: metered by a dialect, harmless, or not to be used
3. read      the body, within its bounds, into a Call
4. reserve   the open ledger row and the money, in one durable transaction, before a byte is forwarded
5. attempt   to the provider, over pooled and verified TLS
6. relay     chunks pass at once; the tap counts; a cap can end the stream (`relay.py`)
7. settle    exactly once, on whichever of end, error or client gone comes first

Every unexpected error answers 503 in the provider's own form. Nothing fails open.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from dataclasses import replace
from datetime import UTC, datetime

from aiohttp import web

from sluiceway.errors import Refused, StoreError, TooLarge, WireError
from sluiceway.gateway import body, credentials, headers
from sluiceway.gateway.allowance import Allowance, Estimate, reserve
from sluiceway.gateway.exchange import Exchange, costless
from sluiceway.gateway.parts import GatewayParts
from sluiceway.gateway.relay import Attempt, relay
from sluiceway.gateway.server import Reply, Server, attachment_of
from sluiceway.gateway.upstream import Failed
from sluiceway.settings.providers import match
from sluiceway.store.records import Granted
from sluiceway.types import Attachment, Outcome, Refusal, RefusalKind, Rejected, Route
from sluiceway.wire import by_name
from sluiceway.wire.client import identify
from sluiceway.wire.dialect import Target

logger = logging.getLogger(__name__)

WRONG_CREDENTIALS = {
    "unknown_user": "there is no employee or service named '{user}'",
    "wrong_token": "the token of '{user}' is not right",
    "expired": "the token of '{user}' has expired",
    "revoked": "the token of '{user}' was revoked",
    "disabled": "the account '{user}' is disabled",
}


class Gateway:
    """Answers the requests of attached connections. One for the process."""

    def __init__(self, parts: GatewayParts) -> None:
        self.parts = parts
        self.server = Server(self.handle)
        self.in_flight = 0
        self._quiet = asyncio.Event()
        self._quiet.set()

    def accept(self, attachment: Attachment) -> asyncio.Protocol:
        """The front's door: a protocol for one decrypted connection."""
        return self.server.protocol()

    async def drain(self, timeout_s: float) -> None:
        """Refuses new requests, closes idle connections, and waits for those in flight."""
        self.parts.draining = True
        self.server.pre_shutdown()
        try:
            async with asyncio.timeout(timeout_s):
                await self._quiet.wait()
        except TimeoutError:
            logger.warning("%d requests were still in flight after %g s", self.in_flight, timeout_s)
        await self.server.shutdown(timeout=0.5)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request. Counted while in flight, so that a drain can wait for it."""
        self.in_flight += 1
        self._quiet.clear()
        try:
            return await self._handle(request)
        finally:
            self.in_flight -= 1
            if not self.in_flight:
                self._quiet.set()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        attachment = attachment_of(request)
        if attachment is None:
            raise ConnectionResetError("the client has gone")
        exchange = Exchange(
            request,
            attachment,
            self.parts.rules,
            request_id=f"sw_{secrets.token_hex(12)}",
            started_at=datetime.now(UTC),
            started_s=time.monotonic(),
            path=request.raw_path.partition("?")[0],
        )
        try:
            return await self._live(exchange)
        except Refused as refused:
            return await self._refuse(exchange, refused.refusal)
        except ConnectionError:
            raise  # the client has gone, or has to see a broken connection
        except Exception as error:
            # Only the class: texts of foreign exceptions may quote what they choked on.
            logger.error("request %s failed: %s", exchange.request_id, type(error).__name__)
            logger.debug("", exc_info=error)
            return await self._refuse(exchange, INTERNAL)

    async def _live(self, exchange: Exchange) -> web.StreamResponse:
        self._check_caller(exchange)
        route = self._route(exchange)
        if route.dialect is None:
            return await self._pass(exchange)
        await self._read(exchange, route)
        granted, guess = await self._reserve(exchange)
        return await self._attempt(exchange, granted, guess)

    def _check_caller(self, exchange: Exchange) -> None:
        attachment, request = exchange.attachment, exchange.request
        if self.parts.draining:
            raise Refused(RESTARTING)
        identity = attachment.identity
        if isinstance(identity, Rejected):
            raise Refused(self._wrong_credentials(identity.reason, identity.user))
        if not self.parts.store.directory.is_active(identity.principal.id, identity.token_id):
            raise Refused(self._wrong_credentials("revoked", identity.principal.name))
        # As of now: they may have moved to another team since the tunnel was opened.
        exchange.principal = self.parts.store.directory.principal(identity.principal.id) or identity.principal
        disagrees = attachment.misdirected
        host, _, port = request.headers.get("host", "").lower().partition(":")
        if host.rstrip(".") != attachment.host or port not in ("", "443"):
            disagrees = "the Host header"
        if disagrees:
            message = f"Sluiceway: {disagrees} does not name {attachment.host}, the host of this tunnel."
            raise Refused(Refusal(RefusalKind.MISDIRECTED, "host_mismatch", message))

    def _wrong_credentials(self, reason: str, user: str) -> Refusal:
        what = WRONG_CREDENTIALS[reason].format(user=user)
        message = f"Sluiceway: your proxy credentials are not good: {what}. Ask {self.parts.contact}."
        return Refusal(RefusalKind.IDENTITY, f"credentials_{reason}", message)

    def _route(self, exchange: Exchange) -> Route:
        provider, request = exchange.attachment.provider, exchange.request
        route = match(provider, request.method, exchange.path)
        exchange.client = identify({name.lower(): value for name, value in request.headers.items()})
        credential = credentials.credential_of(request.headers, provider)
        exchange.key_class = credentials.key_class(credential)
        exchange.key_fingerprint = credentials.fingerprint(credential, self.parts.key)
        if route is None:
            exchange.operation = "unlisted"
        if "upgrade" in request.headers.get("connection", "").lower():
            # A socket is an endpoint of its own; on a POST's path it speaks the same dialect.
            socket = match(provider, "POST", exchange.path)
            exchange.dialect = by_name(socket.dialect) if socket and socket.dialect else None
            raise Refused(NO_WEBSOCKET)
        if route is None:
            exchange.dialect = by_name(provider.dialect)
            if provider.unlisted == "pass":
                return Route(request.method, exchange.path, None, "unlisted")
            raise Refused(self._unlisted(exchange))
        exchange.operation = route.operation
        if route.dialect is not None:
            exchange.dialect = by_name(route.dialect)
            exchange.metered = True
        return route

    def _unlisted(self, exchange: Exchange) -> Refusal:
        message = (
            f"Sluiceway: {exchange.request.method} requests to this path of {exchange.attachment.host} are not "
            f"on the list of metered or harmless ones. Ask {self.parts.contact} if you need it."
        )
        return Refusal(RefusalKind.POLICY, "path_not_listed", message, rule="providers.yaml")

    async def _read(self, exchange: Exchange, route: Route) -> None:
        """The body, bounded and decoded, into a Reading; what is forwarded stays as it came where it can."""
        request, dialect = exchange.request, exchange.dialect
        assert dialect
        fields = {name.lower(): value for name, value in request.headers.items()}
        encoding = fields.get("content-encoding", "")
        try:
            raw = await body.read(request, self.parts.body_bytes)
            plain = await body.decoded(raw, encoding, self.parts.body_bytes)
            if plain is None:
                raise Refused(UNKNOWN_ENCODING)
            path, _, query = request.raw_path.partition("?")
            exchange.reading = dialect.read(Target(request.method, path, query), fields, plain)
        except TooLarge as error:
            raise Refused(Refusal(RefusalKind.TOO_LARGE, "body_too_large", f"Sluiceway: {error}.")) from error
        except WireError as error:
            raise Refused(Refusal(RefusalKind.REQUEST, "malformed_request", f"Sluiceway: {error}.")) from error
        if encoding and exchange.reading.body is plain:
            exchange.reading = replace(exchange.reading, body=raw)
        elif encoding:
            exchange.recoded = True
        exchange.read_s = time.monotonic()

    async def _reserve(self, exchange: Exchange) -> tuple[Granted, Estimate]:
        try:
            granted, guess = await reserve(exchange, self.parts, exchange.row())
        except StoreError:
            logger.exception("the ledger cannot be written")
            raise Refused(NO_LEDGER) from None
        exchange.remaining_nusd = granted.remaining_nusd
        reading = exchange.reading
        assert reading and exchange.dialect
        call = reading.call
        if not call.stream and granted.remaining_nusd is not None:
            tokens = guess.affordable(granted.reservation.nusd) // call.choices
            if 0 < tokens < guess.most_tokens // call.choices:
                exchange.reading = exchange.dialect.limit_output(reading, tokens)
                exchange.limited_to_tokens = tokens
        return granted, guess

    async def _attempt(self, exchange: Exchange, granted: Granted, guess: Estimate) -> web.StreamResponse:
        """One try at the provider. Whatever happens, the row is settled once."""
        reading = exchange.reading
        assert reading and exchange.dialect
        attempt = Attempt(exchange, self.parts, granted.reservation, exchange.row(), guess)
        try:
            fields = headers.to_provider(exchange.request.headers, exchange.attachment.host)
            if exchange.recoded:
                fields.popall("content-encoding", None)
            if reading.call.usage_added:
                fields["accept-encoding"] = "identity"  # its extra event has to be found and taken out
            exchange.sent_s = time.monotonic()
            answer = await self.parts.upstream.send(
                exchange.request.method, exchange.url, fields, reading.body
            )
            allowance = Allowance(
                self.parts, granted.reservation, guess, reading.call, granted.remaining_nusd is not None
            )
            return await relay(attempt, answer, allowance)
        except Failed as failed:
            return await self._failed(exchange, attempt, failed)
        finally:
            # Reached unsettled only when the client went away or something broke before the relay settled.
            attempt.abandon()

    async def _failed(self, exchange: Exchange, attempt: Attempt, failed: Failed) -> web.StreamResponse:
        """No answer came: nothing was sent and nothing is owed, or it was and the provider may bill it."""
        refusal = Refusal(
            failed.kind,
            failed.error_type,
            f"Sluiceway: no answer from the provider: {failed.message}.",
        )
        answer = exchange.refusal(refusal)
        attempt.failed(answer.status, failed)
        return self._reply(exchange, refusal, answer.status, answer.headers, answer.body)

    async def _pass(self, exchange: Exchange) -> web.StreamResponse:
        """A harmless or tolerated path: bytes pass both ways, unmetered, with a row."""
        request = exchange.request
        row = costless(exchange.row())
        row = replace(row, cost_nusd=None if exchange.operation == "unlisted" else 0)
        attempt = Attempt(exchange, self.parts, None, row, None)
        exchange.read_s = exchange.sent_s = time.monotonic()
        fields = headers.to_provider(request.headers, exchange.attachment.host)
        content = request.content if request.body_exists else None
        if content is not None and request.content_length is not None:
            fields["content-length"] = str(request.content_length)
        try:
            answer = await self.parts.upstream.send(request.method, exchange.url, fields, content)
            return await relay(attempt, answer, None)
        except Failed as failed:
            return await self._failed(exchange, attempt, failed)
        finally:
            attempt.abandon()

    async def _refuse(self, exchange: Exchange, refusal: Refusal) -> web.StreamResponse:
        """The no, in the form the client shows, and its row."""
        answer = exchange.refusal(refusal)
        row = exchange.ended(costless(exchange.row()), status=answer.status, outcome=Outcome.REFUSED)
        if refusal.kind is RefusalKind.INTERNAL:
            row = replace(row, outcome=Outcome.INTERNAL_ERROR)
        row = replace(row, refusal_code=refusal.code, refusal_rule=refusal.rule)
        try:
            await self.parts.store.ledger.record(row)
        except StoreError:
            logger.exception("a refusal could not be written to the ledger")
        return self._reply(exchange, refusal, answer.status, answer.headers, answer.body)

    def _reply(
        self,
        exchange: Exchange,
        refusal: Refusal,
        status: int,
        fields: tuple[tuple[str, str], ...],
        content: bytes,
    ) -> web.StreamResponse:
        own = {**exchange.own_headers(), "x-sluiceway-refused": refusal.code}
        reply = Reply(status, [*fields, *own.items()], content)
        if refusal.kind in CLOSES or not exchange.request.content.is_eof():
            reply.force_close()
        return reply


# After these the connection is of no more use, or the rest of an unread body would follow.
CLOSES = frozenset((RefusalKind.IDENTITY, RefusalKind.MISDIRECTED, RefusalKind.TOO_LARGE))
INTERNAL = Refusal(
    RefusalKind.INTERNAL,
    "internal_error",
    "Sluiceway had a fault of its own; nothing more was forwarded. Try again, and tell whoever runs it.",
)
NO_LEDGER = Refusal(
    RefusalKind.INTERNAL,
    "ledger_unavailable",
    "Sluiceway cannot write its ledger at the moment, so it forwards nothing. Try again in a little while.",
    retry_after_s=5,
)
RESTARTING = Refusal(
    RefusalKind.INTERNAL, "restarting", "Sluiceway is restarting. Try again in a moment.", retry_after_s=2
)
NO_WEBSOCKET = Refusal(
    RefusalKind.UPGRADE,
    "websocket_not_supported",
    "Sluiceway does not carry WebSockets to this provider; use ordinary HTTPS requests.",
)
UNKNOWN_ENCODING = Refusal(
    RefusalKind.UNSUPPORTED,
    "content_encoding",
    "Sluiceway: this content-encoding cannot be read; use gzip, deflate, br, zstd or none.",
)
