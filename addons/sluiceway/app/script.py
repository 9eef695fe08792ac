"""Sluiceway inside mitmproxy's own command line: `mitmdump -s addons/gateway.py`.

The same addons and the same gateway as `serve`. Stock NextLayer and TlsConfig are taken out: they would
decide before ours. What cannot give the same rows (another mode, a second writer) ends mitmdump at start.

    mitmdump -s addons/gateway.py --set sluiceway_config=./sluiceway.yaml --listen-port 8080
"""

from __future__ import annotations

from pathlib import Path

from mitmproxy import ctx
from mitmproxy.addonmanager import Loader

from sluiceway.app.deployment import Deployment
from sluiceway.app.serve import Service
from sluiceway.errors import ConfigError
from sluiceway.front.master import addons as front_addons

REPLACED = ("nextlayer", "tlsconfig", "proxyauth")


class Sluiceway:
    """Starts with mitmdump and ends with it."""

    def __init__(self) -> None:
        self._service: Service | None = None

    def load(self, loader: Loader) -> None:
        loader.add_option("sluiceway_config", str, "sluiceway.yaml", "The deployment's sluiceway.yaml.")
        for name in REPLACED:
            if (addon := ctx.master.addons.get(name)) is not None:
                ctx.master.addons.remove(addon)

    async def running(self) -> None:
        """mitmdump ends itself when this raises: an error at start-up is fatal to it."""
        foreign = [mode for mode in ctx.options.mode if mode.partition("@")[0] != "regular"]
        if foreign:
            raise ConfigError(f"mode {foreign[0]}: Sluiceway works in mode regular only; leave --mode out")
        if ctx.options.proxyauth:
            raise ConfigError("proxyauth: Sluiceway checks the credentials itself; leave --proxyauth out")
        service = Service(Deployment.load(Path(ctx.options.sluiceway_config)))
        parts = await service.assemble()
        self._service = service
        proxyserver = ctx.master.addons.get("proxyserver")
        _visits, ours = front_addons(parts, proxyserver)
        ctx.master.addons.add(*ours)
        service.listening(proxyserver.listen_addrs())

    async def done(self) -> None:
        if self._service is not None:
            service, self._service = self._service, None
            await service.stop()


addons = [Sluiceway()]
