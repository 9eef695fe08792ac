"""The life of a process that serves: rooms put together, listening, a signal, a drain, the end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import resource
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from sluiceway.app import authority, grants, notify
from sluiceway.app.alerts.watch import AlertWatch
from sluiceway.app.assembly import front_of, gateway_of, listeners_of, parent_of, portal_of, upstream_of
from sluiceway.app.breaking import Breaking
from sluiceway.app.control import Control
from sluiceway.app.deployment import Deployment
from sluiceway.app.housekeeping import Housekeeping
from sluiceway.app.recording import Recording
from sluiceway.app.running import Running, rules_of
from sluiceway.errors import ConfigError, SluicewayError
from sluiceway.front import selftest
from sluiceway.front.egress import Admission
from sluiceway.front.master import Front
from sluiceway.front.parent import DEFAULT_PORTS, Parent
from sluiceway.front.visit import Parts
from sluiceway.gateway.deferred import Expiry
from sluiceway.gateway.life import Gateway
from sluiceway.gateway.operate import Operate
from sluiceway.gateway.upstream import Upstream
from sluiceway.portal import Portal
from sluiceway.store import Store

logger = logging.getLogger(__name__)

FILES = 65_536
AUDIT_FLUSH_S = 2.0  # what the audit gets at least, also when the drain took all its time


class Service:
    """A running Sluiceway. `start`, then `stop`; everything in between happens on the loop, see `running`."""

    gateway: Gateway

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._settings = deployment.settings
        self.front: Front | None = None
        self.store: Store | None = None
        self.parent: Parent | None = None
        self.portal: Portal | None = None
        self.recording: Recording | None = None
        self._running: Running | None = None
        self._upstream: Upstream | None = None
        self._control: Control | None = None
        self._operators: Operate | None = None
        self._breaking: Breaking | None = None
        self._housekeeping: Housekeeping | None = None
        self._alerts: AlertWatch | None = None
        self._expiry: Expiry | None = None
        self._drained_at_s = 0.0  # monotonic: when a drain has to be over

    async def start(self) -> None:
        """Raises SluicewayError with nothing left running when something is wrong."""
        try:
            parts = self.assemble()
            self.front = Front(parts, self.parent)
            await self.front.start(listeners_of(self._settings))
            self.running.own_ports = self.front.own_ports
            await self.listening(self.front.addresses)
        except BaseException:
            await self.close()
            raise

    def assemble(self) -> Parts:
        """Everything but the listening: checks, store, gateway, and what the front's addons need."""
        deployment, settings = self._deployment, self._settings
        content = self._content = deployment.content()
        authority.must_be_good(settings, content.providers.hosts)
        selftest.run()
        store = self.store = deployment.open_store(writable=True, spool=deployment.spool())
        self.parent = parent_of(settings)
        admission = Admission(settings.egress, settings.upstream)
        self._upstream = upstream_of(settings, admission, self.parent)
        self.recording = Recording(deployment, store, deployment.contact)
        rules = rules_of(deployment, content, store, self.recording)
        rules.raises = tuple(each.what for each in store.raises.in_force())
        self.gateway = gateway_of(deployment, rules, store, self._upstream, lambda: self.running.gauges())
        self._breaking = Breaking(self.gateway.parts, store)
        parts = front_of(deployment, content, store, admission, self.gateway)
        running = self._running = Running(deployment, store, self.recording, self.gateway, parts)
        for warning in grants.warnings(settings.identity):
            logger.warning(warning)
        parts.portal = self.portal = portal_of(running)
        store.events.record("started", "serve", {"policy_version": content.policy.version})
        return parts

    async def listening(self, addresses: Sequence[tuple[str, int]]) -> None:
        """Clients can come: nobody may be led back into the proxy itself, and commands find this process."""
        running, settings = self.running, self._settings
        running.addresses = list(addresses)
        public = urlsplit(settings.public_url)
        own = (public.hostname or "localhost", public.port or DEFAULT_PORTS[public.scheme])
        for host, port in (own, *addresses):
            running.front.admission.add_own(host, port)
        running.guards.follow(self._content.policy, self._content.recognizers)
        self._control = Control(self._deployment.config, self.operate, self._deployment.worker)
        await self._control.start()
        if settings.watch_rules:
            running.watch.start()
        self._housekeeping = Housekeeping(running.store, settings.retention, settings.zone)
        self._housekeeping.start()
        self._alerts = self._start_alerts()
        self._expiry = Expiry(self.gateway.parts)
        self._expiry.start()
        if settings.operate.listen is not None:
            await self._start_operators(settings.operate.listen.host, settings.operate.listen.port)

    def _start_alerts(self) -> AlertWatch:
        parts, settings = self.gateway.parts, self._settings
        alerts = AlertWatch(
            self.running.store,
            settings.alerts,
            settings.zone,
            lambda: parts.rules.policy,
            self.running.raised,
        )
        alerts.know(parts.rules.raises)
        parts.tell, parts.exhausted = alerts.tell, alerts.exhausted
        alerts.start()
        return alerts

    async def _start_operators(self, host: str, first: int) -> None:
        """Metrics and health, for those who run this."""
        self.running.lag.start()
        self._operators = Operate(self.gateway.parts.metrics, self.running.why_not_ready)
        port = first + (self._deployment.worker or 0)  # each worker has figures of its own
        try:
            await self._operators.start(host, port)
        except OSError as error:
            raise ConfigError(
                f"operate.listen: cannot listen on {host}:{port} ({error.strerror}); "
                "stop what uses it or change the address"
            ) from error

    @property
    def running(self) -> Running:
        """What `assemble` has put together."""
        assert self._running is not None
        return self._running

    @property
    def addresses(self) -> list[tuple[str, int]]:
        return self.running.addresses

    async def operate(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        """An operation asked for over the control socket."""
        return await self.running.operate(operation, arguments)

    def reload(self) -> dict[str, str]:
        """Re-reads the rules. Raises ConfigError and keeps what runs when a file is bad."""
        return self.running.reload()

    def status(self) -> dict[str, Any]:
        """What is going on now, for `sluiceway status`."""
        return self.running.status()

    async def stop(self) -> None:
        """Drains: no new connections or requests, streams in flight finish within the drain time."""
        self._drained_at_s = time.monotonic() + self._settings.drain_timeout_s
        if self.front is not None:
            self.front.stop_listening()
        if self._running is not None:
            self._running.front.draining = True
            await self.gateway.drain(self._settings.drain_timeout_s)
        await self.close()

    async def close(self) -> None:
        """Without draining: what is open is cut."""
        if self._running is not None:
            self._running.lag.stop()
            self._running.watch.stop()
            await self.gateway.parts.tokens.close()
        if self._housekeeping is not None:
            self._housekeeping.stop()
        if self._alerts is not None:
            await self._alerts.stop()
        if self._expiry is not None:
            self._expiry.stop()
        if self._operators is not None:
            await self._operators.stop()
        if self._control is not None:
            await self._control.stop()
        if self.front is not None:
            await self.front.stop()
        if self._running is not None:
            await self._running.guards.stop()
        if self._upstream is not None:
            await self._upstream.close()
        if self.portal is not None:
            await asyncio.to_thread(self.portal.close)
        if self.recording is not None:
            left_s = self._drained_at_s - time.monotonic() if self._drained_at_s else 0.0
            await asyncio.to_thread(self.recording.close, max(left_s, AUDIT_FLUSH_S))
        if self._breaking is not None:
            await self._breaking.close()
        if self.store is not None:
            await asyncio.to_thread(self.store.close)


async def serve(deployment: Deployment, ready: Callable[[Service], None]) -> None:
    """Runs until SIGTERM or SIGINT, then drains. SIGHUP reloads."""
    _allow_files()
    service = Service(deployment)
    await service.start()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, _reload, service)
    if deployment.worker is not None:
        await _end_with_parent(stop)
    try:
        ready(service)
        notify.tell("READY=1")
        await stop.wait()
        notify.tell("STOPPING=1")
        logger.info("draining for up to %g s; Ctrl-C ends it at once", deployment.settings.drain_timeout_s)
        loop.remove_signal_handler(signal.SIGINT)
    finally:
        await service.stop()


async def _end_with_parent(stop: asyncio.Event) -> None:
    """A worker drains when its supervisor is gone, however that came: the pipe between them ends."""

    class Watch(asyncio.Protocol):
        def connection_lost(self, exc: Exception | None) -> None:
            stop.set()

    await asyncio.get_running_loop().connect_read_pipe(Watch, sys.stdin)


def _allow_files() -> None:
    """A stream holds two files, its client's and its provider's: the usual 1,024 would do for 500."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(hard, FILES)
    if soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _reload(service: Service) -> None:
    try:
        service.reload()
        logger.info("rules reloaded")
    except SluicewayError as error:
        logger.error("the rules were not reloaded, the old ones stay in force:\n%s", error)
