"""Sluiceway inside mitmproxy's own command line: `mitmdump -s addons/gateway.py`.

The same addons and the same gateway as `serve`, behind the port that mitmdump opens. Stock NextLayer,
TlsConfig and ProxyAuth are taken out, because they would decide before ours. What could not give the same
rows (another mode, a second writer, a broken file) is said on stderr and ends mitmdump before it listens
or at the latest before it forwards anything.

    mitmdump -s addons/gateway.py --set sluiceway_config=./sluiceway.yaml \\
             --set confdir=/var/lib/sluiceway/mitmproxy --listen-host 127.0.0.1 --listen-port 8080

mitmdump makes a certificate authority of its own in its confdir (by default ~/.mitmproxy) before any script
is read. It has no name constraints; Sluiceway does not use it, and no machine should trust it.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

from mitmproxy import connection, ctx, exceptions
from mitmproxy.addonmanager import Loader

from sluiceway.app.deployment import Deployment
from sluiceway.app.serve import Service
from sluiceway.errors import ConfigError, SluicewayError
from sluiceway.front.master import OPTIONS, log_class_only
from sluiceway.front.master import addons as front_addons
from sluiceway.front.ports import OwnPorts
from sluiceway.front.revocation import Revocations

REPLACED = ("nextlayer", "tlsconfig", "proxyauth")
# Options of mitmdump that would decide about hosts or people, with what decides here.
WITHOUT_EFFECT = {
    "proxyauth": "the people of `sluiceway employee` are let in",
    "ignore_hosts": "rules/providers.yaml says which hosts are decrypted",
    "allow_hosts": "rules/providers.yaml says which hosts are decrypted",
    "tcp_hosts": "rules/providers.yaml says which hosts are decrypted",
}


class Sluiceway:
    """Starts with mitmdump and ends with it. Until `ready`, no client is let in."""

    def __init__(self) -> None:
        self._service: Service | None = None
        self._revocations: Revocations | None = None
        self._ready = False

    def load(self, loader: Loader) -> None:
        for name in REPLACED:
            if (addon := ctx.master.addons.get(name)) is not None:
                ctx.master.addons.remove(addon)
        ctx.options.update(**OPTIONS)
        loader.add_option("sluiceway_config", str, "sluiceway.yaml", "The deployment's sluiceway.yaml.")

    def configure(self, updated: Iterable[str]) -> None:
        """Called once at start with all options. mitmdump would go on without a script that failed."""
        if self._service is not None:
            if {"sluiceway_config", "mode", *WITHOUT_EFFECT, *OPTIONS}.intersection(updated):
                raise exceptions.OptionsError("these options cannot change while Sluiceway runs")
            return
        try:
            self._start()
        except SluicewayError as error:
            _end(error)

    def _start(self) -> None:
        _check_options()
        service = Service(Deployment.load(Path(ctx.options.sluiceway_config)))
        parts = service.assemble()
        self._service = service
        proxyserver = ctx.master.addons.get("proxyserver")
        visits, ours = front_addons(parts, service.parent, proxyserver)
        ctx.master.addons.add(*ours)
        self._revocations = Revocations(parts, visits, proxyserver)
        if (ports := parts.identity.ports) is not None:
            service.running.own_ports = OwnPorts(ports, parts, visits, ctx.master, proxyserver)

    async def running(self) -> None:
        """mitmdump listens."""
        if self._service is None or self._revocations is None:
            return
        asyncio.get_running_loop().set_exception_handler(log_class_only)
        try:
            await self._service.listening(
                [address[:2] for address in ctx.master.addons.get("proxyserver").listen_addrs()]
            )
        except SluicewayError as error:
            _end(error)
        self._revocations.start()
        self._ready = True
        if self._service.running.own_ports is not None:
            await self._service.running.own_ports.start()

    def client_connected(self, client: connection.Client) -> None:
        if not self._ready:
            client.error = "Sluiceway is not running"  # mitmproxy closes the connection

    async def done(self) -> None:
        """Streams in flight may finish; new connections are turned away."""
        self._ready = False
        if self._revocations is not None:
            self._revocations.stop()
        if self._service is not None:
            if self._service.running.own_ports is not None:
                self._service.running.own_ports.stop()
            await self._service.stop()


def _end(error: SluicewayError) -> NoReturn:
    print(f"sluiceway: {error}", file=sys.stderr)
    raise SystemExit(1)


def _check_options() -> None:
    foreign = [mode for mode in ctx.options.mode if mode.partition("@")[0] != "regular"]
    if foreign:
        raise ConfigError(f"mode {foreign[0]}: Sluiceway works in mode regular only; leave --mode out")
    for name, instead in WITHOUT_EFFECT.items():
        if getattr(ctx.options, name):
            raise ConfigError(f"{name}: not used under Sluiceway, where {instead}; leave it out")


addons = [Sluiceway()]
