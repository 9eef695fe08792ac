"""The provider's side of a WebSocket, and its answer where it does not want to open one."""

from __future__ import annotations

from typing import Any, Literal

import aiohttp
from multidict import CIMultiDictProxy

# Of an answer to an upgrade that was not wanted: an error in JSON, or a page in HTML.
MOST_DECLINED_BYTES = 1024 * 1024
SWITCHED = 101


class ProviderSocket(aiohttp.ClientWebSocketResponse[Literal[False]]):
    """An open socket that remembers the headers its upgrade was answered with."""

    def __init__(
        self,
        reader: Any,
        writer: Any,
        protocol: str | None,
        response: aiohttp.ClientResponse,
        *more: Any,
        **kw: Any,
    ) -> None:
        super().__init__(reader, writer, protocol, response, *more, **kw)
        self.headers = response.headers
        self._upgraded = response

    def abort(self) -> None:
        """Drops the connection without a word."""
        self._upgraded.close()


class Declined(Exception):
    """The provider answered an upgrade with something else, which is the client's to see."""

    def __init__(self, status: int, reason: str | None, headers: CIMultiDictProxy[str], body: bytes) -> None:
        super().__init__(status)
        self.status, self.reason, self.headers, self.body = status, reason, headers, body


async def only_upgraded(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keeps aiohttp from following redirects and from dropping the body of a refused upgrade."""
    answer = await handler(request)
    if answer.status == SWITCHED:
        return answer
    body = bytearray()
    try:
        while len(body) < MOST_DECLINED_BYTES and (piece := await answer.content.read(MOST_DECLINED_BYTES)):
            body += piece
    finally:
        answer.close()
    raise Declined(answer.status, answer.reason, answer.headers, bytes(body[:MOST_DECLINED_BYTES]))
