"""Plain HTTP towards the proxy itself: answers of our own leave at once, whatever upload is still to come.

mitmproxy reads an upload whole into memory before it sends an answer that a hook has set, so a client without
credentials could fill it. Here such an answer is sent at once, with `Connection: close`; what still comes of
the body is dropped, never parsed as a request, and after a while the connection is closed on it.

Internals of mitmproxy this file touches, covered by `front.selftest`: `HttpLayer.make_stream` and `.streams`,
`HttpStream`'s states and `send_response`.
"""

from __future__ import annotations

import time
import weakref

from mitmproxy import http
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.layers.http import HttpLayer, HttpStream, SendHttp
from mitmproxy.proxy.layers.http._base import HttpEvent
from mitmproxy.proxy.layers.http._events import (
    RequestData,
    RequestEndOfMessage,
    RequestHeaders,
    ResponseEndOfMessage,
)
from mitmproxy.proxy.layers.http._hooks import HttpResponseHeadersHook

# A client that is still sending should get to read the answer before the connection is closed on it.
DROPPED_BYTES = 1024 * 1024

_direct: weakref.WeakSet[http.Request] = weakref.WeakSet()


def is_direct(request: http.Request) -> bool:
    """Whether a request was made to the proxy itself (`GET /path`), not through it (`GET http://host/path`).
    mitmproxy takes the destination off Host in the first case and then makes both look alike."""
    return request in _direct


class PlainStream(HttpStream):
    """One request and its answer."""

    _dropped_bytes = 0

    def state_wait_for_request_headers(self, event: HttpEvent) -> layer.CommandGenerator[None]:
        assert isinstance(event, RequestHeaders)
        if not event.request.authority and not event.request.host:
            _direct.add(event.request)
        yield from super().state_wait_for_request_headers(event)
        if (
            self.client_state == self.state_consume_request_body
            and self.flow.response
            and not event.end_stream
        ):
            yield from self._answer_now()

    def _answer_now(self) -> layer.CommandGenerator[None]:
        assert self.flow.response
        self.flow.response.headers["connection"] = "close"
        self.flow.response.timestamp_start = time.time()
        yield HttpResponseHeadersHook(self.flow)
        yield from self.send_response()
        self.flow.live = False
        self.client_state = self.state_drop_request_body
        yield SendHttp(ResponseEndOfMessage(self.stream_id), self.context.client)
        yield commands.CloseTcpConnection(self.context.client, half_close=True)

    def state_drop_request_body(self, event: events.Event) -> layer.CommandGenerator[None]:
        """The end of the body ends the connection by itself: the answer said so."""
        if isinstance(event, RequestData):
            self._dropped_bytes += len(event.data)
        if isinstance(event, RequestEndOfMessage) or self._dropped_bytes > DROPPED_BYTES:
            yield commands.CloseConnection(self.context.client)


class PlainLayer(HttpLayer):
    """mitmproxy's HTTP layer with our streams."""

    def make_stream(self, stream_id: int) -> layer.CommandGenerator[None]:
        self.streams[stream_id] = PlainStream(self.context.fork(), stream_id)
        yield from self.event_to_child(self.streams[stream_id], events.Start())
