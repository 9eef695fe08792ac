"""The HTTP server side of the seam: aiohttp's protocol, one per attached connection, with our limits.

Own factories throughout: `web.Server` would drop every limit on a TypeError, cap bodies at 1 MiB, and its
error handler echoes and logs raw request bytes, prompts and keys included.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

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

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Protocol(RequestHandler):
    """aiohttp's request handler, silent about contents."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answers bytes that are not HTTP (400) and our own faults (503) without repeating any of them."""
        if isinstance(exc, ConnectionError):
            raise exc
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun; the connection ends here")
        if status >= 500:
            logger.error("request handler failed: %s", type(exc).__name__)
            status, text = 503, "Sluiceway could not handle this request; nothing more was forwarded."
        else:
            text = "Sluiceway could not read this as an HTTP request."
        body = b'{"error":{"type":"invalid_request","message":"%s"}}' % text.encode()
        answer = Reply(status, [("content-type", "application/json")], body)
        answer.force_close()
        return answer

    def log_exception(self, *args: object, **kw: object) -> None:
        error = kw.get("exc_info")
        logger.error("attached connection failed: %s", type(error).__name__)


class Server(web.Server):
    """Makes protocols for attached connections and drains them at the end."""

    def __init__(self, handler: Handler) -> None:
        super().__init__(handler, request_factory=_request, handler_cancellation=True)

    def protocol(self) -> asyncio.Protocol:
        return Protocol(
            self,
            loop=self._loop,
            keepalive_timeout=KEEPALIVE_S,
            tcp_keepalive=False,  # the front owns the socket
            access_log=None,  # type: ignore[arg-type]  # None turns it off; the annotation omits it
            max_line_size=LINE_BYTES,
            max_field_size=FIELD_BYTES,
            max_headers=FIELDS,
            auto_decompress=False,
            lingering_time=2.0,
        )


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


class Relay(web.StreamResponse):
    """A streamed answer that carries exactly the headers given: no Date, Server or default type of our own."""

    def __init__(self, status: int, reason: str | None, headers: CIMultiDict[str]) -> None:
        super().__init__(status=status, reason=reason, _real_headers=headers)

    async def _prepare_headers(self) -> None:
        given = self._headers.copy()
        await super()._prepare_headers()
        for name in ("Date", "Server", "Content-Type"):
            if name not in given:
                self._headers.popall(name, None)


class Reply(Relay):
    """A whole answer of our own."""

    def __init__(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        fields = CIMultiDict(headers)
        fields["content-length"] = str(len(body))
        super().__init__(status, None, fields)
        self._whole = body

    async def write_eof(self, data: bytes = b"") -> None:
        await super().write_eof(self._whole)
