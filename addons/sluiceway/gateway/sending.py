"""How a request leaves: the head of a metered one, and the company's key put in at the last moment."""

from __future__ import annotations

import time
from collections.abc import AsyncIterable

import aiohttp
from multidict import CIMultiDict

from sluiceway.errors import Refused
from sluiceway.gateway import headers, injection, refusals, signature
from sluiceway.gateway.body import Upload
from sluiceway.gateway.exchange import Exchange
from sluiceway.gateway.filling import UNAUTHORIZED, fill, refill
from sluiceway.gateway.parts import GatewayParts
from sluiceway.wire import cousins


def head_of(exchange: Exchange, upload: Upload) -> CIMultiDict[str]:
    """The header fields of a metered request, such that its answer can be metered."""
    if exchange.crossing is not None:
        return exchange.crossing.head(exchange.request.headers, exchange.host)
    fields = headers.to_provider(exchange.request.headers, exchange.host)
    if not upload.untouched:
        fields.popall("content-encoding", None)
    if upload.reading.call.stream:
        fields["accept-encoding"] = "identity"  # we may have to write the stream's end
    elif offered := exchange.request.headers.getall("accept-encoding", None):
        fields["accept-encoding"] = headers.accepted(", ".join(offered))
    for name, value in cousins.headers_of(exchange.upstream_dialect).items():
        fields.setdefault(name, value)
    if exchange.sealed:
        signature.keep(fields, exchange.request.headers)
    return fields


async def send(
    exchange: Exchange,
    parts: GatewayParts,
    fields: CIMultiDict[str],
    content: bytes | AsyncIterable[bytes] | None,
    within_s: float | None = None,
) -> aiohttp.ClientResponse:
    """The answer, once its headers are there. Raises Failed where none came, Refused where a key would
    stray. A 401 may be a minted token's fault: then it is asked once more with another."""
    await fill(exchange, parts, within_s)
    answer = await _sent(exchange, parts, fields, content, within_s)
    if answer.status == UNAUTHORIZED and (content is None or isinstance(content, bytes)):
        try:
            again = await refill(exchange, parts)
        except BaseException:
            answer.close()
            raise
        if again:
            answer.close()
            answer = await _sent(exchange, parts, fields, content, within_s)
    return answer


async def _sent(
    exchange: Exchange,
    parts: GatewayParts,
    fields: CIMultiDict[str],
    content: bytes | AsyncIterable[bytes] | None,
    within_s: float | None,
) -> aiohttp.ClientResponse:
    url, key = exchange.url, exchange.company_key
    if key is not None:
        asked = exchange.attachment.provider.credential_headers
        injection.put_in(fields, key, url, exchange.rules.providers.get(key.provider), asked)
    elif exchange.moved:
        raise Refused(refusals.KEY_ASTRAY)  # what the client sent is for the provider it named
    exchange.sent_s = time.monotonic()
    return await parts.upstream.send(exchange.request.method, url, fields, content, within_s)
