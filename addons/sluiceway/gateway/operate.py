"""The operators' port: `/healthz` (the process is alive), `/readyz` (it can take requests), `/metrics`.

It has no credentials, so it is off unless `operate.listen` names an address, and that is best loopback.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import web

from sluiceway.gateway.metrics import CONTENT_TYPE, Metrics

LAG_EVERY_S = 0.5


class LoopLag:
    """How late the event loop runs its timers: CPU-bound work on it shows here first."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._watch())

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due_s = loop.time() + LAG_EVERY_S
            await asyncio.sleep(LAG_EVERY_S)
            self.seconds = max(0.0, loop.time() - due_s)


class Operate:
    """Serves the three paths. `why_not_ready` gives a reason, or None when requests can be taken."""

    def __init__(self, metrics: Metrics, why_not_ready: Callable[[], str | None]) -> None:
        self._metrics = metrics
        self._why_not_ready = why_not_ready
        self._server: asyncio.Server | None = None
        self._web: web.Server | None = None

    async def start(self, host: str, port: int) -> tuple[str, int]:
        """Listens; the address it got."""
        self._web = web.Server(self._answer, access_log=None)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._web, host, port)
        address: tuple[str, int] = self._server.sockets[0].getsockname()[:2]
        return address

    async def stop(self) -> None:
        if self._server is not None and self._web is not None:
            self._server.close()
            await self._web.shutdown(1)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method not in ("GET", "HEAD"):
            return web.Response(status=405, text="only GET\n")
        match request.path:
            case "/healthz":
                return web.Response(text="alive\n")
            case "/readyz":
                reason = self._why_not_ready()
                return web.Response(status=503 if reason else 200, text=f"{reason or 'ready'}\n")
            case "/metrics":
                body = self._metrics.text()
                return web.Response(body=body, headers={"content-type": CONTENT_TYPE})
        return web.Response(status=404, text="there are /healthz, /readyz and /metrics\n")
