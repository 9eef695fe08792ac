"""The HTTP server side of the seam: aiohttp's protocol, one per attached connection, with our limits.

Own factories throughout: `web.Server` would drop every limit on a TypeError, cap bodies at 1 MiB, and its
error handler echoes and logs raw request bytes, prompts and keys included.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Literal

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler
from multidict import CIMultiDict

from sluiceway.types import Attachment

logger = logging.getLogger(__name__)

KEEPALIVE_S = 120.0
# Claude Code sends long beta lists; 64 KB in total is what common proxies allow.
LINE_BYTES = 16 * 1024
FIELD_BYTES = 64 * 1024
FIELDS = 256

# Both sides of a socket say goodbye within this time, or it is cut; a client's silence is tried this often.
SOCKET_CLOSE_S = 2.0
SOCKET_PING_S = 30.0
# How long the rest of a refused upload is read and thrown away, so that the client gets to see the refusal.
LINGER_S = 2.0

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
Complain = Callable[[web.BaseRequest, int], web.StreamResponse]


class Protocol(RequestHandler):
    """aiohttp's request handler, silent about contents."""

    __slots__ = ("_complain",)

    def __init__(self, server: Server, complain: Complain, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            server,
            loop=loop,
            keepalive_timeout=KEEPALIVE_S,
            tcp_keepalive=False,  # the front owns the socket
            access_log=None,  # type: ignore[arg-type]  # None turns it off; the annotation omits it
            max_line_size=LINE_BYTES,
            max_field_size=FIELD_BYTES,
            max_headers=FIELDS,
            auto_decompress=False,
            lingering_time=LINGER_S,
        )
        self._complain = complain

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        # Bytes that break a body's framing are queued as a message of their own, to be answered 400 in its
        # turn; whoever reads that body would wait for ever.
        if self._messages and self.receives_body and not isinstance(self._messages[-1][0], RawRequestMessage):
            assert self._current_request
            self._current_request.content.set_exception(web.RequestPayloadError())
            self._current_request.content.feed_eof()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answers bytes that are not HTTP, and what escaped the handler, without repeating any of them."""
        if isinstance(exc, ConnectionError):
            raise exc
        if request.writer.output_size > 0:
            raise ConnectionResetError("the answer has begun; the connection ends here")
        if status >= 500:
            logger.error("request handler failed: %s", type(exc).__name__)
        return self._complain(request, status)

    def log_exception(self, *args: object, **kw: object) -> None:
        logger.error("attached connection failed: %s", type(kw.get("exc_info")).__name__)

    def retire(self) -> None:
        """Ends the connection: at once where it is idle, after its answer where it is busy. One whose request
        is still coming in is left alone: once told to close, aiohttp drops what it receives. So is a
        WebSocket, which ends by a word of its own."""
        if self._payload_parser is not None:
            return
        if self._current_request is None and not self._messages:
            self.force_close()  # `close` would keep it open and deaf
        elif not self.receives_body:
            self.close()

    @property
    def receives_body(self) -> bool:
        """Whether a request's body is still on its way."""
        return self._current_request is not None and not self._current_request.content.is_eof()


class Server(web.Server):
    """Makes protocols for attached connections and drains them at the end."""

    def __init__(self, handler: Handler, complain: Complain) -> None:
        super().__init__(handler, request_factory=_request, handler_cancellation=True)
        self._complain = complain

    def protocol(self) -> asyncio.Protocol:
        return Protocol(self, self._complain, self._loop)

    def pre_shutdown(self) -> None:
        """Retires every connection, as a drain begins."""
        for connection in self.connections:
            if isinstance(connection, Protocol):
                connection.retire()


def _request(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: RequestHandler,
    writer: AbstractStreamWriter,
    task: asyncio.Task[None],
) -> web.BaseRequest:
    return web.BaseRequest(message, payload, protocol, writer, task, asyncio.get_running_loop())


def attachment_of(request: web.BaseRequest) -> Attachment | None:
    """What the front knows about this request's connection; None once the client has gone."""
    return request.transport.get_extra_info("sluiceway") if request.transport else None


class Relayed(web.StreamResponse):
    """A streamed answer with exactly the headers given: no Date, Server or default type of our own. They wait
    for the first bytes, so that both leave together, unless `begin` sends them."""

    _send_headers_immediately = False

    def __init__(self, status: int, reason: str | None, headers: CIMultiDict[str]) -> None:
        super().__init__(status=status, reason=reason, _real_headers=headers)

    async def begin(self, request: web.BaseRequest) -> None:
        """Sends the headers now."""
        await self.prepare(request)
        request.writer.send_headers()

    async def _prepare_headers(self) -> None:
        given = self._headers.copy()
        await super()._prepare_headers()
        for name in ("Date", "Server", "Content-Type"):
            if name not in given:
                self._headers.popall(name, None)


class ClientSocket(web.WebSocketResponse[Literal[False]]):
    """The client's side of a WebSocket; its upgrade is answered with the headers given and no others. Text
    comes as bytes, and close frames are left to the caller."""

    def __init__(self, fields: CIMultiDict[str], protocol: str | None, *, limit_bytes: int) -> None:
        super().__init__(
            timeout=SOCKET_CLOSE_S,
            autoclose=False,
            heartbeat=SOCKET_PING_S,
            protocols=(protocol,) if protocol else (),
            max_msg_size=limit_bytes,
            decode_text=False,
        )
        self.headers.update(fields)
        self._protocol_chosen = protocol

    async def open(self, request: web.BaseRequest) -> None:
        """Answers the upgrade. Raises ValueError where it is not one (RFC 6455 section 4.2.1)."""
        fields = CIMultiDict(request.headers)
        # aiohttp would log the names the client offers and we do not choose; one may be a key.
        fields.popall("sec-websocket-protocol", None)
        if self._protocol_chosen:
            fields["sec-websocket-protocol"] = self._protocol_chosen
        plain = request.clone(headers=fields)
        if not self.can_prepare(plain):
            raise ValueError("not a WebSocket's upgrade")
        await self.prepare(plain)

    async def _prepare_headers(self) -> None:
        given = self._headers.copy()
        await super()._prepare_headers()
        for name in ("Date", "Server", "Content-Type"):
            if name not in given:
                self._headers.popall(name, None)


class Reply(Relayed):
    """A whole answer of our own."""

    def __init__(self, status: int, headers: Iterable[tuple[str, str]], body: bytes) -> None:
        fields = CIMultiDict(headers)
        fields["content-length"] = str(len(body))
        super().__init__(status, None, fields)
        self._whole = body

    async def write_eof(self, data: bytes = b"") -> None:
        await super().write_eof(self._whole)
