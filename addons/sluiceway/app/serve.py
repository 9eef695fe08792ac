"""Puts the rooms together and runs them: store, gateway, front and control, from start-up to drain."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import resource
import secrets
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sluiceway.app import authority, grants, keys, notify, operations, raises, seats
from sluiceway.app.alerts.watch import AlertWatch
from sluiceway.app.breaking import Breaking
from sluiceway.app.control import Control
from sluiceway.app.deployment import Content, Deployment
from sluiceway.app.guard import Guards
from sluiceway.app.housekeeping import Housekeeping
from sluiceway.app.recording import Recording
from sluiceway.app.standing_now import health_told
from sluiceway.app.watching import RulesWatch
from sluiceway.audit.holders import Holders
from sluiceway.audit.keyring import KeyRing
from sluiceway.errors import ConfigError, SluicewayError, StoreError
from sluiceway.front import selftest
from sluiceway.front.egress import Admission
from sluiceway.front.master import Front, Listener
from sluiceway.front.names import normalise
from sluiceway.front.parent import DEFAULT_PORTS, Parent
from sluiceway.front.ports import OwnPorts
from sluiceway.front.visit import Parts
from sluiceway.gateway.deferred import Expiry
from sluiceway.gateway.life import Gateway
from sluiceway.gateway.metrics import Metrics
from sluiceway.gateway.operate import LoopLag, Operate
from sluiceway.gateway.parts import GatewayParts, Rules
from sluiceway.gateway.upstream import Lookup, Upstream
from sluiceway.guard.detection import Detection
from sluiceway.portal import LoggedNotices, NoNotices, Notices, Portal, PortalParts
from sluiceway.settings.config import Settings
from sluiceway.settings.providers import Providers
from sluiceway.store import Store
from sluiceway.types import Raise

logger = logging.getLogger(__name__)

FILES = 65_536
AUDIT_FLUSH_S = 2.0  # what the audit gets at least, also when the drain took all its time


class Service:
    """A running Sluiceway. `start`, then `stop`; everything in between happens on the loop."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._settings = deployment.settings
        self.started_at = datetime.now(UTC)
        self.addresses: list[tuple[str, int]] = []
        self.front: Front | None = None
        self.own_ports: OwnPorts | None = None
        self.store: Store | None = None
        self.parent: Parent | None = None
        self.portal: Portal | None = None
        self._parts: Parts | None = None
        self._upstream: Upstream | None = None
        self._control: Control | None = None
        self._operators: Operate | None = None
        self._guards: Guards | None = None
        self.recording: Recording | None = None
        self._breaking: Breaking | None = None
        self._lag = LoopLag()
        self._drained_at_s = 0.0  # monotonic: when a drain has to be over
        self._watch = RulesWatch(self._settings.rules, self.reload)
        self._housekeeping: Housekeeping | None = None
        self._alerts: AlertWatch | None = None
        self._expiry: Expiry | None = None
        self.rules_problem: str | None = None

    async def start(self) -> None:
        """Raises SluicewayError with nothing left running when something is wrong."""
        try:
            parts = self.assemble()
            self.front = Front(parts, self.parent)
            await self.front.start(listeners_of(self._settings))
            self.own_ports = self.front.own_ports
            await self.listening(self.front.addresses)
        except BaseException:
            await self.close()
            raise

    def assemble(self) -> Parts:
        """Everything but the listening: checks, store, gateway, and what the front's addons need."""
        settings = self._settings
        content = self._deployment.content()
        authority.must_be_good(settings, content.providers.hosts)
        selftest.run()
        self.store = self._deployment.open_store(writable=True, spool=self._deployment.spool())
        contact = self._deployment.contact
        if settings.upstream.proxy is not None:
            self.parent = Parent.of(settings.upstream.proxy, settings.upstream.trusted_ca)
        self._admission = Admission(settings.egress, settings.upstream)
        self._upstream = Upstream(
            lookup_for(self._admission, self.parent),
            trusted_ca=settings.upstream.trusted_ca,
            proxy=settings.upstream.proxy,
            connect_s=settings.timeouts.connect_s,
            first_byte_s=settings.timeouts.first_byte_s,
        )
        self.recording = Recording(self._deployment, self.store, contact)
        rules = rules_of(content, keys.ring(self._deployment, self.store))
        rules.audit = self.recording.follow(content.policy, content.recognizers)
        rules.raises = tuple(each.what for each in self.store.raises.in_force())
        self.gateway = Gateway(
            GatewayParts(
                rules,
                self.store,
                self._upstream,
                settings.zone,
                contact,
                self._deployment.key(),
                body_bytes=settings.limits.body_bytes,
                idle_s=settings.timeouts.idle_s,
                wait_s=settings.wait_s,
                header_bytes=settings.limits.header_bytes,
                meters_sockets=settings.websockets == "meter",
                bounds=settings.upstream,
                tells_tasks=settings.task_types == "all",
                deferred_for=timedelta(hours=settings.deferred.expires_h),
                batches_deferred_for=timedelta(hours=settings.deferred.batch_expires_h),
                metrics=Metrics(self.gauges),
                detection=Detection(secrets.token_bytes(32), settings.guard.deadline_s),
            )
        )
        self._breaking = Breaking(self.gateway.parts, self.store)
        self._content = content
        self._parts = Parts(
            content.providers,
            self.store,
            self._admission,
            authority.leaves(settings),
            self.gateway.accept,
            contact,
            settings.limits.connections_per_principal,
            settings.identity,
            shares_ports=self._deployment.worker is not None,
        )
        for warning in grants.warnings(settings.identity):
            logger.warning(warning)
        self._parts.portal = self.portal = self._open_portal()
        self.store.events.record("started", "serve", {"policy_version": content.policy.version})
        return self._parts

    def _open_portal(self) -> Portal:
        settings = self._settings
        assert self.store and self._parts
        return Portal(
            PortalParts(
                self.store,
                lambda: self.gateway.parts.rules.policy,
                self._providers,
                self._notices,
                settings.certs,
                settings.public_url,
                self._parts.contact,
                settings.zone,
                self._deployment.key(),
                settings.retention,
                settings.portal,
            )
        )

    def _notices(self) -> Notices:
        """The audit as people see it: of the rules in force, and what earlier ones left behind."""
        gate = self.gateway.parts.rules.audit
        assert self.recording and self._parts
        if gate is None and not self.recording.has_log:
            return NoNotices()
        rules, holders = (gate.rules, gate.holders) if gate else ((), Holders())
        log, zone, contact = self.recording.log, self._settings.zone, self._parts.contact
        return LoggedNotices(log, holders, lambda: rules, zone, contact)

    def _providers(self) -> Providers:
        assert self._parts
        return self._parts.providers

    async def listening(self, addresses: Sequence[tuple[str, int]]) -> None:
        """Clients can come: nobody may be led back into the proxy itself, and commands find this process."""
        self.addresses = list(addresses)
        public = urlsplit(self._settings.public_url)
        own = (public.hostname or "localhost", public.port or DEFAULT_PORTS[public.scheme])
        for host, port in (own, *addresses):
            self._admission.add_own(host, port)
        self._guards = Guards(self.gateway.parts.detection, self._settings.guard.workers)
        self._guards.follow(self._content.policy, self._content.recognizers)
        self._control = Control(self._deployment.config, self.operate, self._deployment.worker)
        await self._control.start()
        if self._settings.watch_rules:
            self._watch.start()
        assert self.store
        self._housekeeping = Housekeeping(self.store, self._settings.retention, self._settings.zone)
        self._housekeeping.start()
        self._start_alerts()
        self._expiry = Expiry(self.gateway.parts)
        self._expiry.start()
        if (at := self._settings.operate.listen) is not None:
            self._lag.start()
            self._operators = Operate(self.gateway.parts.metrics, self.why_not_ready)
            port = at.port + (self._deployment.worker or 0)  # each worker has figures of its own
            try:
                await self._operators.start(at.host, port)
            except OSError as error:
                raise ConfigError(
                    f"operate.listen: cannot listen on {at.host}:{port} ({error.strerror}); "
                    "stop what uses it or change the address"
                ) from error

    def _start_alerts(self) -> None:
        assert self.store
        parts = self.gateway.parts
        self._alerts = AlertWatch(
            self.store,
            self._settings.alerts,
            self._settings.zone,
            lambda: parts.rules.policy,
            self._raised,
        )
        self._alerts.know(parts.rules.raises)
        parts.tell, parts.exhausted = self._alerts.tell, self._alerts.exhausted
        self._alerts.start()

    def _raised(self, known: tuple[Raise, ...]) -> None:
        """In force for the next request."""
        self.gateway.parts.rules = replace(self.gateway.parts.rules, raises=known)

    def why_not_ready(self) -> str | None:
        """The reason for a load balancer to send requests elsewhere; None: there is none."""
        return "draining" if self.gateway.parts.draining else None

    def gauges(self) -> dict[str, float]:
        """What is going on now, for Prometheus."""
        assert self.store
        return {
            "requests_in_flight": self.gateway.in_flight,
            "sockets_open": self.gateway.sockets_open,
            "loop_lag_seconds": self._lag.seconds,
            "rules_refused": float(self.rules_problem is not None),
            "guard_waiting": self.gateway.parts.detection.waiting,
            "breakers_open": len(self.gateway.parts.breakers.states()),
            "mirrors_running": self.gateway.parts.copies.running,
            **(self.recording.gauges() if self.recording else {}),
            **self.store.status(),
        }

    async def operate(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        """An operation asked for over the control socket."""
        assert self.store
        if operation == "reload":
            return self.reload()
        if operation == "status":
            return self.status()
        if operation == "health":
            return health_told(self.gateway.parts)
        if operation.startswith("audit."):
            assert self.recording
            return await asyncio.to_thread(self.recording.run, operation, arguments)
        if operation.startswith(keys.PREFIX):
            return await self._change_keys(operation, arguments)
        result = await asyncio.to_thread(
            operations.run, self.store, operation, arguments, self._settings.identity
        )
        if operation.startswith(raises.PREFIX):
            known = await asyncio.to_thread(self.store.raises.in_force)
            self._raised(tuple(each.what for each in known))
        await self.store.refresh_directory()
        if self.own_ports is not None:
            await self.own_ports.sync()
            if operation == "person.port":
                result["problem"] = self.own_ports.problems.get(result["port"])
        return result

    async def _change_keys(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        """In force for the next request; those in flight end with the keys they began with."""
        assert self.store
        result = await asyncio.to_thread(keys.run, self._deployment, self.store, operation, arguments)
        ring = await asyncio.to_thread(keys.ring, self._deployment, self.store)
        self.gateway.parts.rules = replace(self.gateway.parts.rules, keys=ring)
        return result

    def reload(self) -> dict[str, str]:
        """Re-reads the rules. Raises ConfigError and keeps what runs when a file is bad."""
        self._watch.note()
        try:
            return self._reload()
        except SluicewayError as error:
            self.rules_problem = str(error)
            raise

    def _reload(self) -> dict[str, str]:
        content = self._deployment.content()
        assert self._parts
        assert self.store
        if set(content.providers.hosts) - set(self._parts.providers.hosts):
            authority.must_be_good(self._settings, content.providers.hosts)
        rules = rules_of(content, keys.ring(self._deployment, self.store))
        assert self.recording
        rules.audit = self.recording.follow(content.policy, content.recognizers)
        rules.raises = self.gateway.parts.rules.raises
        # Nothing may fail from here on: a reload is all or nothing.
        if self._guards is not None:
            self._guards.follow(content.policy, content.recognizers)
        self.gateway.parts.rules = rules
        self._parts.providers = content.providers
        self.store.events.record("reloaded", "serve", {"policy_version": content.policy.version})
        self.rules_problem = None
        return {"policy_version": content.policy.version}

    def status(self) -> dict[str, Any]:
        """What is going on now, for `sluiceway status`."""
        assert self.store
        return {
            "started_at": self.started_at.isoformat(),
            "listening": [f"{host}:{port}" for host, port in self.addresses],
            "draining": self.gateway.parts.draining,
            "requests_in_flight": self.gateway.in_flight,
            "sockets_open": self.gateway.sockets_open,
            "own_ports": [] if self.own_ports is None else self.own_ports.numbers,
            "own_ports_not_open": [] if self.own_ports is None else list(self.own_ports.problems.values()),
            "policy_version": self.gateway.parts.rules.policy.version,
            "rules_problem": self.rules_problem,
            "seats": self._seats(),
            **self.store.status(),
        }

    def _seats(self) -> list[dict[str, Any]]:
        assert self.store
        try:
            return seats.listing(self.store)
        except StoreError:  # it is away, and status is there to say so
            return []

    async def stop(self) -> None:
        """Drains: no new connections or requests, streams in flight finish within the drain time."""
        self._drained_at_s = time.monotonic() + self._settings.drain_timeout_s
        if self.front is not None:
            self.front.stop_listening()
        if self._parts is not None:
            self._parts.draining = True
            await self.gateway.drain(self._settings.drain_timeout_s)
        await self.close()

    async def close(self) -> None:
        """Without draining: what is open is cut."""
        self._lag.stop()
        self._watch.stop()
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
        if self._guards is not None:
            await self._guards.stop()
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


def rules_of(content: Content, ring: KeyRing) -> Rules:
    """What the gateway decides by."""
    return Rules(content.policy, content.prices, content.providers.by_name, ring)


def lookup_for(admission: Admission, parent: Parent | None) -> Lookup:
    """The gateway's way to checked addresses. A parent proxy is a trusted setting of its own."""

    async def lookup(host: str, port: int) -> tuple[tuple[str, int], ...] | str:
        try:
            asked = normalise(host, port)
            to_parent = parent is not None and asked == parent.at
            admitted = await (admission.admit_parent(asked) if to_parent else admission.admit(asked))
        except SluicewayError as error:
            return str(error)
        return admitted if isinstance(admitted, str) else admitted.addresses

    return lookup


def listeners_of(settings: Settings) -> list[Listener]:
    return [
        Listener(listener.address.host, listener.address.port, tls=listener.tls is not None)
        for listener in settings.listeners
    ]


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
