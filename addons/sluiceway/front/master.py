"""Runs mitmproxy as a library: its own Master with the few core addons the front needs, and ours.

mitmdump carries thirty addons and dispatches every hook to each; the front needs three of them.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from mitmproxy import hooks, options
from mitmproxy.addonmanager import AddonManager
from mitmproxy.addons.core import Core
from mitmproxy.addons.disable_h2c import DisableH2C
from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.master import Master

from sluiceway.errors import SluicewayError
from sluiceway.front.door import Door
from sluiceway.front.entrance import admit, mode_at
from sluiceway.front.identity import Identify
from sluiceway.front.intercept import NextLayer
from sluiceway.front.parent import Parent, ThroughParent
from sluiceway.front.ports import OwnPorts
from sluiceway.front.revocation import Revocations, cut
from sluiceway.front.visit import Parts, Visits

logger = logging.getLogger(__name__)

# Agent sessions sit silent for as long as a person thinks or a build runs.
TCP_TIMEOUT_S = 7200
BACKLOG = 1024
# What the front needs of mitmproxy's options, under `serve` and under mitmdump alike.
OPTIONS: dict[str, object] = {
    "connection_strategy": "eager",  # server-first protocols such as SSH hang otherwise
    "tcp_timeout": TCP_TIMEOUT_S,
    "upstream_cert": False,
}


@dataclass(frozen=True, slots=True)
class Listener:
    """One proxy address; with `tls` clients speak TLS to the proxy itself. Port 0: any free one."""

    host: str
    port: int
    tls: bool = False


class CannotListen(SluicewayError):
    """A listening address cannot be had; the text says which and why."""


class QuickHooks(AddonManager):
    """Skips hooks that no addon has: that is most of them, and each connection fires a dozen."""

    def __init__(self, master: Master) -> None:
        self._absent: dict[str, bool] = {}
        super().__init__(master)  # type: ignore[no-untyped-call]  # bare in mitmproxy

    async def trigger_event(self, event: hooks.Hook) -> None:
        absent = self._absent.get(event.name)
        if absent is None:
            absent = not any(True for addon in self.chain for _ in self._iter_hooks(addon, event))
            self._absent[event.name] = absent
        if not absent:
            await super().trigger_event(event)

    def register(self, addon: object) -> object:
        self._absent.clear()
        registered: object = super().register(addon)  # type: ignore[no-untyped-call]  # bare in mitmproxy
        return registered


class ProxyMaster(Master):
    """mitmproxy's Master without its command line and its log."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(options.Options(), event_loop=loop)
        self.addons = QuickHooks(self)


def addons(parts: Parts, parent: Parent | None, proxyserver: Proxyserver) -> tuple[Visits, Sequence[object]]:
    """The front's own addons, the same under `serve` and under `mitmdump -s addons/gateway.py`."""
    visits, door = Visits(), Door(parts.portal)
    ours: list[object] = [
        NextLayer(parts, visits, proxyserver),
        Identify(parts, visits, door, parent),
        door,
    ]
    if parent is not None:
        ours.append(ThroughParent(parent, visits, proxyserver))
    return visits, ours


class Front:
    """The proxy's client side: listens, identifies, decrypts or tunnels. `start`, then `stop`."""

    def __init__(self, parts: Parts, parent: Parent | None = None) -> None:
        self._parts = parts
        self._parent = parent
        self._servers: list[asyncio.Server] = []
        self._master: ProxyMaster | None = None
        self._revocations: Revocations | None = None
        self.addresses: list[tuple[str, int]] = []
        self.own_ports: OwnPorts | None = None

    async def start(self, listeners: Sequence[Listener]) -> None:
        """Opens all listeners, or raises CannotListen with none left open."""
        loop = asyncio.get_running_loop()
        loop.set_task_factory(asyncio.eager_task_factory)
        loop.set_exception_handler(log_class_only)
        self._master = ProxyMaster(loop)
        self._proxyserver = Proxyserver()
        visits, ours = addons(self._parts, self._parent, self._proxyserver)
        self._master.addons.add(Core(), self._proxyserver, DisableH2C(), *ours)
        self._master.options.update(**OPTIONS)
        try:
            for listener in listeners:
                await self._listen(listener)
        except CannotListen:
            self.stop_listening()
            raise
        await self._master.running()
        if (ports := self._parts.identity.ports) is not None:
            self.own_ports = OwnPorts(ports, self._parts, visits, self._master, self._proxyserver)
            await self.own_ports.start()
        self._revocations = Revocations(self._parts, visits, self._proxyserver)
        self._revocations.start()

    async def _listen(self, listener: Listener) -> None:
        mode = mode_at(listener.host, listener.port)

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            assert self._master
            await admit(self._master, self._proxyserver, mode, reader, writer)

        try:
            server = await asyncio.start_server(
                handle, listener.host, listener.port, backlog=BACKLOG, reuse_port=self._parts.shares_ports
            )
        except OSError as error:
            raise CannotListen(_why(listener, error)) from error
        self._servers.append(server)
        for listening in server.sockets:
            address = listening.getsockname()[:2]
            self.addresses.append(address)
            if listener.tls:
                self._parts.tls_ports |= {address[1]}

    def stop_listening(self) -> None:
        """No new connections; those that are open go on."""
        self._parts.draining = True
        for server in self._servers:
            server.close()
        if self.own_ports is not None:
            self.own_ports.stop()

    async def stop(self) -> None:
        """Closes what is still open and leaves mitmproxy."""
        self.stop_listening()
        if self._master is None:
            return
        if self._revocations is not None:
            self._revocations.stop()
        for handler in list(self._proxyserver.connections.values()):
            cut(self._proxyserver, handler.client)
        for _ in range(50):
            if not self._proxyserver.connections:
                break
            await asyncio.sleep(0.02)
        await self._master.done()
        asyncio.get_running_loop().set_task_factory(None)


def _why(listener: Listener, error: OSError) -> str:
    at = f"{listener.host}:{listener.port}"
    if error.errno == errno.EADDRINUSE:
        return f"cannot listen on {at}: the port is taken. Stop what uses it or change `listeners`."
    if error.errno == errno.EACCES:
        return f"cannot listen on {at}: ports below 1024 need rights this user does not have."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"cannot listen on {at}: this machine has no such address."
    return f"cannot listen on {at}: {error.strerror or type(error).__name__}"


def log_class_only(loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    """Unhandled errors in tasks: the class and where, never a text that may quote what was being handled."""
    error = context.get("exception")
    logger.error("unhandled error in a task: %s", type(error).__name__ if error else context.get("message"))
