"""Makes the rooms of one process from a deployment's settings: nothing here listens or waits."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import timedelta

from sluiceway.app import authority
from sluiceway.app.deployment import Content, Deployment
from sluiceway.app.running import Running
from sluiceway.errors import SluicewayError
from sluiceway.front.egress import Admission
from sluiceway.front.master import Listener
from sluiceway.front.names import normalise
from sluiceway.front.parent import Parent
from sluiceway.front.visit import Parts
from sluiceway.gateway.life import Gateway
from sluiceway.gateway.metrics import Metrics
from sluiceway.gateway.parts import GatewayParts, Rules
from sluiceway.gateway.upstream import Lookup, Upstream
from sluiceway.guard.detection import Detection
from sluiceway.portal import Portal, PortalParts
from sluiceway.settings.config import Settings
from sluiceway.store import Store


def parent_of(settings: Settings) -> Parent | None:
    """The company's own proxy, where everything leaves through one."""
    if settings.upstream.proxy is None:
        return None
    return Parent.of(settings.upstream.proxy, settings.upstream.trusted_ca)


def upstream_of(settings: Settings, admission: Admission, parent: Parent | None) -> Upstream:
    return Upstream(
        lookup_for(admission, parent),
        trusted_ca=settings.upstream.trusted_ca,
        proxy=settings.upstream.proxy,
        connect_s=settings.timeouts.connect_s,
        first_byte_s=settings.timeouts.first_byte_s,
    )


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


def gateway_of(
    deployment: Deployment,
    rules: Rules,
    store: Store,
    upstream: Upstream,
    gauges: Callable[[], Mapping[str, float]],
) -> Gateway:
    settings = deployment.settings
    parts = GatewayParts(
        rules,
        store,
        upstream,
        settings.zone,
        deployment.contact,
        deployment.key(),
        body_bytes=settings.limits.body_bytes,
        idle_s=settings.timeouts.idle_s,
        wait_s=settings.wait_s,
        header_bytes=settings.limits.header_bytes,
        meters_sockets=settings.websockets == "meter",
        bounds=settings.upstream,
        tells_tasks=settings.task_types == "all",
        deferred_for=timedelta(hours=settings.deferred.expires_h),
        batches_deferred_for=timedelta(hours=settings.deferred.batch_expires_h),
        metrics=Metrics(gauges),
        detection=Detection(secrets.token_bytes(32), settings.guard.deadline_s),
    )
    return Gateway(parts)


def front_of(
    deployment: Deployment, content: Content, store: Store, admission: Admission, gateway: Gateway
) -> Parts:
    """What the front's addons need; the portal is not yet in it."""
    settings = deployment.settings
    return Parts(
        content.providers,
        store,
        admission,
        authority.leaves(settings),
        gateway.accept,
        deployment.contact,
        settings.limits.connections_per_principal,
        settings.identity,
        shares_ports=deployment.worker is not None,
    )


def portal_of(running: Running) -> Portal:
    settings = running.settings
    return Portal(
        PortalParts(
            running.store,
            lambda: running.gateway.parts.rules.policy,
            lambda: running.front.providers,
            running.notices,
            settings.certs,
            settings.public_url,
            running.front.contact,
            settings.zone,
            running.deployment.key(),
            settings.retention,
            settings.portal,
        )
    )


def listeners_of(settings: Settings) -> list[Listener]:
    return [
        Listener(listener.address.host, listener.address.port, tls=listener.tls is not None)
        for listener in settings.listeners
    ]
