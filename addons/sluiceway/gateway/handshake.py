"""Opens both sides of a WebSocket: the provider's first, then the client's with what the provider said."""

from __future__ import annotations

from base64 import b64decode
from urllib.parse import quote

from aiohttp import web

from sluiceway.errors import Refused, WireError
from sluiceway.gateway import headers, injection, refusals
from sluiceway.gateway.credentials import KEY_PROTOCOL
from sluiceway.gateway.exchange import Exchange
from sluiceway.gateway.filling import UNAUTHORIZED, fill, refill
from sluiceway.gateway.parts import GatewayParts
from sluiceway.gateway.provider_socket import SWITCHED, Declined, ProviderSocket
from sluiceway.gateway.scrub import Scrubber
from sluiceway.gateway.server import ClientSocket, Reply
from sluiceway.gateway.upstream import Failed

KEY_BYTES, VERSION = 16, "13"
# Each side has a handshake of its own; what is agreed in it does not travel.
_HANDSHAKE = (
    *("sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions"),
    *("sec-websocket-accept", "sec-websocket-protocol", "content-length"),
)


def offered(request: web.BaseRequest) -> list[str]:
    """The subprotocols the client offers."""
    values = request.headers.getall("sec-websocket-protocol", ())
    return [name for value in values for each in value.split(",") if (name := each.strip())]


def check(request: web.BaseRequest) -> None:
    """Whether it asks for a WebSocket as RFC 6455 section 4.2.1 has it. Raises Refused."""
    fields = request.headers
    try:
        key = b64decode(fields.get("sec-websocket-key", ""), validate=True)
    except ValueError:
        key = b""
    asked = fields.get("upgrade", "").strip().lower() == "websocket" and request.method == "GET"
    if not asked or len(key) != KEY_BYTES or fields.get("sec-websocket-version") != VERSION:
        raise Refused(refusals.BAD_UPGRADE)


async def dial(exchange: Exchange, parts: GatewayParts) -> ProviderSocket:
    """The provider's side, with the client's headers or the company's key. Raises Declined or Failed."""
    await fill(exchange, parts)
    try:
        return await _dialled(exchange, parts)
    except Declined as declined:
        if declined.status != UNAUTHORIZED or not await refill(exchange, parts):
            raise
    return await _dialled(exchange, parts)


async def _dialled(exchange: Exchange, parts: GatewayParts) -> ProviderSocket:
    key = exchange.company_key
    fields = headers.to_provider(exchange.request.headers, exchange.host)
    compress = "permessage-deflate" in fields.get("sec-websocket-extensions", "")
    protocols = offered(exchange.request)
    for name in _HANDSHAKE:
        fields.popall(name, None)
    if key is not None:
        injection.put_in(fields, key, exchange.url, exchange.rules.providers.get(key.provider))
        protocols = [name for name in protocols if not name.startswith(KEY_PROTOCOL)]
    return await parts.upstream.open_socket(exchange.url, fields, protocols, compress, parts.body_bytes)


async def accept(
    exchange: Exchange, provider: ProviderSocket, scrubber: Scrubber | None, limit_bytes: int
) -> ClientSocket:
    """The client's side, its upgrade answered with the headers and the subprotocol of the provider's."""
    try:
        fields = headers.to_client(provider.headers, exchange.own_headers().items())
    except WireError:
        raise Failed(refusals.MALFORMED_ANSWER, sent=False, status=SWITCHED) from None
    for name in _HANDSHAKE:
        fields.popall(name, None)
    client = ClientSocket(
        fields if scrubber is None else scrubber.headers(fields), provider.protocol, limit_bytes=limit_bytes
    )
    try:
        await client.open(exchange.request)
    except ValueError:
        raise Refused(refusals.BAD_UPGRADE) from None
    return client


def reply(exchange: Exchange, declined: Declined, scrubber: Scrubber | None) -> web.StreamResponse:
    """The provider's no to the upgrade, body and all."""
    try:
        fields = headers.to_client(declined.headers, exchange.own_headers().items())
    except WireError:
        raise Failed(refusals.MALFORMED_ANSWER, sent=False, status=declined.status) from None
    body = declined.body
    if scrubber is not None:
        fields, body = scrubber.headers(fields), scrubber.feed(body) + scrubber.rest()
    fields.popall("content-length", None)
    return Reply(declined.status, list(fields.items()), body)


def with_model(query: str, model: str) -> str:
    """The query with another model in it, or at Azure another deployment, and all else as it was."""
    names = ("model", "deployment")
    split = [each.partition("=") for each in query.split("&")]
    return "&".join(
        f"{name}={quote(model)}" if name in names else f"{name}{eq}{it}" for name, eq, it in split
    )
