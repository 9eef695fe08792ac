"""What a running Sluiceway is asked: to do an operation, to read its rules again, how it is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sluiceway.app import authority, breaking, keys, minting, operations, raises, seats
from sluiceway.app.deployment import Content, Deployment
from sluiceway.app.guard import Guards
from sluiceway.app.recording import Recording
from sluiceway.app.standing_now import health_told
from sluiceway.app.watching import RulesWatch
from sluiceway.audit.holders import Holders
from sluiceway.errors import SluicewayError, StoreError
from sluiceway.front.ports import OwnPorts
from sluiceway.front.visit import Parts
from sluiceway.gateway.life import Gateway
from sluiceway.gateway.operate import LoopLag
from sluiceway.gateway.parts import Rules
from sluiceway.portal import LoggedNotices, NoNotices, Notices
from sluiceway.store import Store
from sluiceway.types import Raise


class Running:
    """The rooms of one process, put together. `own_ports` and `addresses` come as it starts."""

    def __init__(
        self,
        deployment: Deployment,
        store: Store,
        recording: Recording,
        gateway: Gateway,
        front: Parts,
    ) -> None:
        self.deployment = deployment
        self.settings = deployment.settings
        self.store = store
        self.recording = recording
        self.gateway = gateway
        self.front = front
        self.guards = Guards(gateway.parts.detection, self.settings.guard.workers)
        self.own_ports: OwnPorts | None = None
        self.addresses: list[tuple[str, int]] = []
        self.started_at = datetime.now(UTC)
        self.lag = LoopLag()
        self.watch = RulesWatch(self.settings.rules, self.reload)
        self.rules_problem: str | None = None

    async def operate(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        """An operation asked for over the control socket."""
        if operation == "reload":
            return self.reload()
        if operation == "status":
            return self.status()
        if operation == "health":
            return health_told(self.gateway.parts)
        if operation.startswith("audit."):
            return await asyncio.to_thread(self.recording.run, operation, arguments)
        if operation.startswith(keys.PREFIX):
            return await self._change_keys(operation, arguments)
        result = await asyncio.to_thread(
            operations.run, self.store, operation, arguments, self.settings.identity
        )
        if operation.startswith(raises.PREFIX):
            known = await asyncio.to_thread(self.store.raises.in_force)
            self.raised(tuple(each.what for each in known))
        await self.store.refresh_directory()
        if self.own_ports is not None:
            await self.own_ports.sync()
            if operation == "person.port":
                result["problem"] = self.own_ports.problems.get(result["port"])
        return result

    async def _change_keys(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        """In force for the next request; those in flight end with the keys they began with."""
        result = await asyncio.to_thread(keys.run, self.deployment, self.store, operation, arguments)
        ring = await asyncio.to_thread(keys.ring, self.deployment, self.store)
        self.gateway.parts.rules = replace(self.gateway.parts.rules, keys=ring)
        self.gateway.parts.tokens.follow(ring)
        return result

    def raised(self, known: tuple[Raise, ...]) -> None:
        """In force for the next request."""
        self.gateway.parts.rules = replace(self.gateway.parts.rules, raises=known)

    def reload(self) -> dict[str, str]:
        """Re-reads the rules. Raises ConfigError and keeps what runs when a file is bad."""
        self.watch.note()
        try:
            return self._reload()
        except SluicewayError as error:
            self.rules_problem = str(error)
            raise

    def _reload(self) -> dict[str, str]:
        content = self.deployment.content()
        if set(content.providers.hosts) - set(self.front.providers.hosts):
            authority.must_be_good(self.settings, content.providers.hosts)
        rules = rules_of(self.deployment, content, self.store, self.recording)
        rules.raises = self.gateway.parts.rules.raises
        # Nothing may fail from here on: a reload is all or nothing.
        self.guards.follow(content.policy, content.recognizers)
        self.gateway.parts.rules = rules
        self.gateway.parts.tokens.follow(rules.keys)
        self.front.providers = content.providers
        self.store.events.record("reloaded", "serve", {"policy_version": content.policy.version})
        self.rules_problem = None
        return {"policy_version": content.policy.version}

    def status(self) -> dict[str, Any]:
        """What is going on now, for `sluiceway status`."""
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
            "breakers": breaking.listing(self.gateway.parts),
            "access_tokens": minting.listing(self.gateway.parts),
            **self.store.status(),
        }

    def _seats(self) -> list[dict[str, Any]]:
        try:
            return seats.listing(self.store)
        except StoreError:  # it is away, and status is there to say so
            return []

    def why_not_ready(self) -> str | None:
        """The reason for a load balancer to send requests elsewhere; None: there is none."""
        return "draining" if self.gateway.parts.draining else None

    def gauges(self) -> dict[str, float]:
        """What is going on now, for Prometheus."""
        return {
            "requests_in_flight": self.gateway.in_flight,
            "sockets_open": self.gateway.sockets_open,
            "loop_lag_seconds": self.lag.seconds,
            "rules_refused": float(self.rules_problem is not None),
            "guard_waiting": self.gateway.parts.detection.waiting,
            "breakers_open": len(self.gateway.parts.breakers.states()),
            "mirrors_running": self.gateway.parts.copies.running,
            "access_tokens_failing": minting.failing(self.gateway.parts),
            **self.recording.gauges(),
            **self.store.status(),
        }

    def notices(self) -> Notices:
        """The audit as people see it: of the rules in force, and what earlier ones left behind."""
        gate = self.gateway.parts.rules.audit
        if gate is None and not self.recording.has_log:
            return NoNotices()
        rules, holders = (gate.rules, gate.holders) if gate else ((), Holders())
        log, zone, contact = self.recording.log, self.settings.zone, self.front.contact
        return LoggedNotices(log, holders, lambda: rules, zone, contact)


def rules_of(deployment: Deployment, content: Content, store: Store, recording: Recording) -> Rules:
    """What the gateway decides by, except for raises. Raises ConfigError or StoreError."""
    rules = Rules(content.policy, content.prices, content.providers.by_name, keys.ring(deployment, store))
    rules.audit = recording.follow(content.policy, content.recognizers)
    return rules
