"""The way out through a parent proxy: where it is, its credentials, and the tunnel it is asked for.

mitmproxy opens the connection to the parent's checked address; before any byte of the employee's passes,
this addon speaks TLS to the parent where its URL says https, and asks it for the destination with CONNECT.
What the parent refuses is answered 502 with its status, not with a tunnel that closes.

Internals of mitmproxy this file touches, covered by `front.selftest`: `ConnectionHandler.transports` before
the first read, an answer set on a CONNECT whose connection was opened, `HttpLayer.connections`.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast
from urllib.parse import unquote, urlsplit

from mitmproxy import connection
from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.proxy import server_hooks
from mitmproxy.proxy.layers import HttpLayer
from mitmproxy.proxy.server import ConnectionHandler

from sluiceway.front.names import Destination, normalise
from sluiceway.front.visit import Visits, answer

logger = logging.getLogger(__name__)

ANSWER_S = 30.0
DEFAULT_PORTS = {"http": 80, "https": 443}


class NoWayError(Exception):
    """The parent did not open the tunnel; the text is for the employee."""


@dataclass(frozen=True, slots=True)
class Parent:
    """`upstream.proxy` as it is dialled. `tls` is set where the parent itself is spoken to in TLS."""

    at: Destination
    tls: ssl.SSLContext | None
    authorization: str | None = field(repr=False)

    @classmethod
    def of(cls, url: str, trusted_ca: Path | None) -> Parent:
        """From the settings' checked URL; user and password in it are percent-encoded."""
        parts = urlsplit(url)
        at = normalise(parts.hostname or "", parts.port or DEFAULT_PORTS[parts.scheme])
        authorization = None
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            authorization = "Basic " + base64.b64encode(pair.encode()).decode()
        return cls(at, _context(trusted_ca) if parts.scheme == "https" else None, authorization)

    async def enter(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: Destination | None
    ) -> None:
        """Makes a fresh connection to the parent ready: TLS, then a tunnel to `target` if there is one.

        Raises NoWayError, TimeoutError or OSError. Bytes that follow the parent's answer stay in `reader`.
        """
        async with asyncio.timeout(ANSWER_S):
            if self.tls is not None:
                await writer.start_tls(self.tls, server_hostname=self.at.host)
            if target is not None:
                writer.write(self._request(target))
                await writer.drain()
                _check(await reader.readuntil(b"\r\n\r\n"))

    def _request(self, target: Destination) -> bytes:
        lines = [f"CONNECT {target.authority} HTTP/1.1", f"Host: {target.authority}"]
        if self.authorization:
            lines.append(f"Proxy-Authorization: {self.authorization}")
        return "\r\n".join((*lines, "", "")).encode()


def _context(trusted_ca: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if trusted_ca is not None:
        context.load_verify_locations(trusted_ca)
    return context


def _check(head: bytes) -> None:
    version, _, rest = head.partition(b"\r\n")[0].partition(b" ")
    status = rest[:3].decode("latin-1")
    if not (version.startswith(b"HTTP/1.") and status.isdecimal()):
        raise NoWayError("the parent proxy's answer is not HTTP")
    if not 200 <= int(status) < 300:
        raise NoWayError(f"the parent proxy answered {status}")


class ThroughParent:
    """The addon that makes connections to the parent ready before mitmproxy uses them."""

    def __init__(self, parent: Parent, visits: Visits, proxyserver: Proxyserver) -> None:
        self._parent = parent
        self._visits = visits
        self._proxyserver = proxyserver

    async def server_connected(self, data: server_hooks.ServerConnectionHookData) -> None:
        handler = self._proxyserver.connections[data.client.id]
        io = handler.transports[data.server]
        reader, writer = cast(asyncio.StreamReader, io.reader), cast(asyncio.StreamWriter, io.writer)
        visit = self._visits.of(data.client)
        if visit is None or not visit.to_parent:
            return
        try:
            await self._parent.enter(reader, writer, visit.destination if visit.waiting else None)
        except Exception as error:
            writer.transport.abort()
            text = str(error) if isinstance(error, NoWayError) else _reason(error)
            logger.warning("no way through the parent proxy: %s", text)
            if visit.waiting is not None and (flow := visit.waiting()) is not None:
                flow.response = answer(502, f"Sluiceway: no tunnel: {text}.")
                _forget(handler, data.server)


def _forget(handler: ConnectionHandler, parent: connection.Server) -> None:
    """A CONNECT that is answered with an error must not hear that its connection was closed: its stream
    would take the event for a mistake of mitmproxy's own."""
    for layer in handler.layer.context.layers:
        if isinstance(layer, HttpLayer):
            layer.connections.pop(parent, None)


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "the parent proxy did not answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the parent proxy's certificate cannot be trusted ({error.verify_message})"
    return f"the parent proxy ended the connection ({type(error).__name__})"
