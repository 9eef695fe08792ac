"""Tunnels that stay closed to us: bytes are counted, never read; and the layer that hangs up."""

from __future__ import annotations

from collections.abc import Callable

from mitmproxy import connection
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers import TCPLayer

Count = Callable[[int, int], None]


class CountedTunnel(TCPLayer):
    """Relays bytes both ways and reports (up, down) once, when both sides have ended."""

    def __init__(self, context: Context, count: Count) -> None:
        super().__init__(context, ignore=True)
        self._count = count
        self._up = self._down = 0
        self._ended: set[connection.Connection] = set()

    def handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        if isinstance(event, events.DataReceived):
            if event.connection is self.context.client:
                self._up += len(event.data)
            else:
                self._down += len(event.data)
        elif isinstance(event, events.ConnectionClosed) and event.connection not in self._ended:
            self._ended.add(event.connection)
            if len(self._ended) == 2:
                self._count(self._up, self._down)
        yield from super().handle_event(event)


class HangUp(layer.Layer):
    """Closes the client connection: what came is not what this host may be used for."""

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        if isinstance(event, events.Start):
            yield commands.CloseConnection(self.context.client)
        yield from ()
