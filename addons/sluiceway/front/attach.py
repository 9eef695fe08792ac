"""The seam: joins an asyncio protocol to a client connection that mitmproxy has decrypted.

mitmproxy did CONNECT, identity and TLS. From here its layers only carry bytes in: what the client sends
arrives as DataReceived and is fed to the protocol; what the protocol writes is encrypted with the same
OpenSSL objects and goes straight to the client's socket. No loopback socket, no second parser.

Internals of mitmproxy this file touches, each covered by `front.selftest`: `Proxyserver.connections`,
`ConnectionHandler.transports`, `.close_connection` and `.timeout_watchdog`, `ConnectionIO.writer`,
`ClientTLSLayer.tls`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, cast

from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers import ClientTLSLayer
from mitmproxy.proxy.server import ConnectionHandler
from OpenSSL import SSL

from sluiceway.types import Attachment

logger = logging.getLogger(__name__)

Accept = Callable[[Attachment], asyncio.Protocol]
HIGH_WATER_BYTES = 64 * 1024
READ_BYTES = 65535


class Outflow:
    """Stands in for the client's StreamWriter, so that mitmproxy's read loop also waits for our reader.

    mitmproxy reads on only after `drain()`; while the attached protocol has paused reading, so do we.
    """

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.readable = asyncio.Event()
        self.readable.set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._writer, name)

    async def drain(self) -> None:
        if not self.readable.is_set():
            await self.readable.wait()
        await self._writer.drain()


class Pipe(asyncio.Transport):
    """The transport an attached protocol sees: writes are encrypted and sent, with flow control both ways."""

    def __init__(
        self,
        handler: ConnectionHandler,
        tls: Sequence[SSL.Connection],
        attachment: Attachment,
    ) -> None:
        super().__init__({"sluiceway": attachment, "peername": handler.client.peername})
        self._handler = handler
        self._tls = tls  # outermost first; a TLS proxy listener makes it two
        io = handler.transports[handler.client]
        self._writer = cast(asyncio.StreamWriter, io.writer)
        self._outflow = Outflow(self._writer)
        io.writer = cast(asyncio.StreamWriter, self._outflow)
        self._protocol: asyncio.Protocol | None = None
        self._closing = False
        self._paused = False

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = cast(asyncio.Protocol, protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        assert self._protocol
        return self._protocol

    def is_closing(self) -> bool:
        return self._closing

    def get_write_buffer_size(self) -> int:
        return self._writer.transport.get_write_buffer_size()

    def pause_reading(self) -> None:
        self._outflow.readable.clear()

    def resume_reading(self) -> None:
        self._outflow.readable.set()

    def is_reading(self) -> bool:
        return self._outflow.readable.is_set()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._closing or not data:
            return
        try:
            sealed = self._encrypt(bytes(data))
        except SSL.Error:
            # Writing on would stream to a dead connection for ever.
            self.abort()
            return
        self._writer.write(sealed)
        self._handler.timeout_watchdog.last_activity = time.time()
        if not self._paused and self.get_write_buffer_size() > HIGH_WATER_BYTES:
            self._pause()

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(list_of_data))

    def _encrypt(self, data: bytes) -> bytes:
        for tls in reversed(self._tls):
            tls.sendall(data)
            data = _pending(tls)
        return data

    def _pause(self) -> None:
        assert self._protocol
        self._paused = True
        self._protocol.pause_writing()
        self._resume_task = asyncio.get_running_loop().create_task(self._resume_when_drained())

    async def _resume_when_drained(self) -> None:
        try:
            await self._writer.drain()
        except OSError:
            self.abort()
        finally:
            self._paused = False
            if self._protocol and not self._closing:
                self._protocol.resume_writing()

    def can_write_eof(self) -> bool:
        return False

    def close(self) -> None:
        """Flush, say goodbye in TLS and close."""
        if self._closing:
            return
        self._closing = True
        try:
            farewell = b""
            for tls in reversed(self._tls):
                if farewell:
                    tls.sendall(farewell)
                tls.shutdown()
                farewell = _pending(tls)
            self._writer.write(farewell)
        except SSL.Error:
            pass  # the peer has gone; closing is all that is left
        self._shut()

    def abort(self) -> None:
        if not self._closing:
            self._closing = True
            self._writer.transport.abort()
            self._shut()

    def _shut(self) -> None:
        self._outflow.readable.set()
        if self._handler.client in self._handler.transports:
            self._handler.close_connection(self._handler.client)

    def lost(self) -> None:
        """mitmproxy says the client has gone."""
        self._closing = True
        self._outflow.readable.set()
        if self._protocol:
            protocol, self._protocol = self._protocol, None
            protocol.connection_lost(None)


def _pending(tls: SSL.Connection) -> bytes:
    pieces = []
    while True:
        try:
            pieces.append(tls.bio_read(READ_BYTES))
        except SSL.WantReadError:
            break
        if len(pieces[-1]) < READ_BYTES:
            break  # that was all; asking again would only raise
    return b"".join(pieces) if len(pieces) != 1 else pieces[0]


class AttachLayer(layer.Layer):
    """The last layer of a decrypted connection: hands its bytes to a protocol made by `accept`."""

    def __init__(
        self, context: Context, handler: ConnectionHandler, accept: Accept, attachment: Attachment
    ) -> None:
        super().__init__(context)
        self._handler = handler
        self._accept = accept
        self._attachment = attachment
        self._pipe: Pipe | None = None

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        try:
            self._pass_on(event)
        except Exception as error:
            # The bytes that caused it may be a prompt: only the class goes to the log.
            logger.error("attached connection failed: %s", type(error).__name__)
            if self._pipe:
                self._pipe.abort()
            yield commands.CloseConnection(self.context.client)
            return
        if isinstance(event, events.ConnectionClosed):
            # A half-close counts as an end: else mitmproxy would hold the socket until its idle timeout.
            yield commands.CloseConnection(self.context.client)

    def _pass_on(self, event: events.Event) -> None:
        if isinstance(event, events.Start):
            chain = [each.tls for each in self.context.layers if isinstance(each, ClientTLSLayer)]
            protocol = self._accept(self._attachment)
            self._pipe = Pipe(self._handler, chain, self._attachment)
            self._pipe.set_protocol(protocol)
            protocol.connection_made(self._pipe)
        elif isinstance(event, events.DataReceived) and self._pipe and not self._pipe.is_closing():
            cast(asyncio.Protocol, self._pipe.get_protocol()).data_received(event.data)
        elif isinstance(event, events.ConnectionClosed) and self._pipe:
            self._pipe.lost()
