"""What the front remembers of one client connection, from its CONNECT to its end."""

from __future__ import annotations

import functools
import logging
import weakref
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mitmproxy import connection, http

from sluiceway.front.attach import Accept
from sluiceway.front.egress import Admission
from sluiceway.front.leaf import Leaves
from sluiceway.front.names import Destination
from sluiceway.settings.identity import IdentityPaths
from sluiceway.settings.providers import Providers
from sluiceway.store import Store
from sluiceway.types import Identity, Provider, Rejected

if TYPE_CHECKING:
    from sluiceway.front.door import Portal

logger = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Visit:
    """One CONNECT (or plain request): who, where to, and what was checked for it.

    `provider` is set for AI hosts, which are decrypted; `dial` is the checked address of any other tunnel,
    the parent proxy's where `to_parent`, and an AI host's where gRPC may pass (`is_grpc`: it does). `waiting`
    is the CONNECT that the parent has yet to carry out; weak, because a flow holds the client connection by
    which visits are forgotten.
    """

    identity: Identity | Rejected
    destination: Destination
    provider: Provider | None = None
    dial: tuple[str, int] | None = None
    to_parent: bool = False
    waiting: weakref.ref[http.HTTPFlow] | None = None
    misdirected: str | None = None
    is_grpc: bool = False


@dataclass(slots=True)
class Parts:
    """What the front's addons work with; `providers` is replaced by a reload."""

    providers: Providers
    store: Store
    admission: Admission
    leaves: Leaves
    accept: Accept
    contact: str
    connections_each: int = 200
    identity: IdentityPaths = field(default_factory=IdentityPaths)
    tls_ports: frozenset[int] = frozenset()
    portal: Portal | None = None
    draining: bool = False
    shares_ports: bool = False  # several processes listen on the same ports


class Visits:
    """Visits by client connection. Weak: a closed connection is forgotten by itself."""

    def __init__(self) -> None:
        self._visits: weakref.WeakKeyDictionary[connection.Client, Visit] = weakref.WeakKeyDictionary()
        self._clients: dict[int, weakref.WeakSet[connection.Client]] = {}
        self._grants: weakref.WeakKeyDictionary[connection.Client, int] = weakref.WeakKeyDictionary()

    def came_by(self, client: connection.Client, grant: int) -> None:
        """Notes that a client came in by a person's own port, and by which grant."""
        self._grants[client] = grant

    def grant_of(self, client: connection.Client) -> int | None:
        """The grant of the port a client came in by; None: an ordinary listener."""
        return self._grants.get(client)

    def of(self, client: connection.Client) -> Visit | None:
        return self._visits.get(client)

    def remember(self, client: connection.Client, visit: Visit) -> None:
        self._visits[client] = visit
        if isinstance(visit.identity, Identity):
            self._clients.setdefault(visit.identity.principal.id, weakref.WeakSet()).add(client)

    def open_for(self, who: Identity) -> int:
        """How many client connections this person has open."""
        return len(self._clients.get(who.principal.id, ()))

    def tunnels(self) -> list[tuple[connection.Client, Visit]]:
        """Open visits that are not decrypted: nothing else re-checks who they belong to."""
        found = self._visits.items()
        return [(client, visit) for client, visit in found if visit.provider is None or visit.is_grpc]


type FlowHook[A] = Callable[[A, http.HTTPFlow], Awaitable[None]]


def fail_closed[A](hook: FlowHook[A]) -> FlowHook[A]:
    """Wraps a flow hook: an unexpected error answers 503, because mitmproxy would log it and forward."""

    @functools.wraps(hook)
    async def wrapped(addon: A, flow: http.HTTPFlow) -> None:
        try:
            await hook(addon, flow)
        except Exception as error:
            logger.error("front hook %s failed: %s", hook.__name__, type(error).__name__)
            flow.response = answer(503, "Sluiceway could not handle this request; nothing was forwarded.")

    return wrapped


def answer(status: int, text: str, **headers: str) -> http.Response:
    """A plain-text answer of the proxy itself."""
    fields = {"Content-Type": "text/plain; charset=utf-8", "Connection": "close"}
    fields.update({name.replace("_", "-"): value for name, value in headers.items()})
    return http.Response.make(status, f"{text}\n", fields)
