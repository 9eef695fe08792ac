"""Providers as rules/providers.yaml lists them: hosts, routes, and how one differs from others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sluiceway.types.amounts import NO_NAMES

GOOGLES = ".googleapis.com"


@dataclass(frozen=True, slots=True)
class Route:
    """One path of a provider: which dialect reads it, or None when it passes unmetered.

    `pattern` is a path where `{name}` stands for one segment (no slash) and a final `*` for any rest.
    `collects`: its answers may say what an earlier request used, in this form (wire/later.py). `own_key`:
    what it shows belongs to whoever holds the key, so the company's is not lent for it.
    """

    method: str
    pattern: str
    dialect: str | None
    operation: str
    collects: str | None = None
    own_key: bool = False


@dataclass(frozen=True, slots=True)
class Quirks:
    """How a provider differs from the API it speaks; what is said here its entry in providers.yaml cites.

    `stream_usage`: whether a stream tells its usage when asked (`stream_options.include_usage`), unasked
    ("always"), or not at all.
    `cost`: whose figure a cost is: the list's, or the answer's own where it reports one.
    `thoughts`: whether a model that thinks has to be given back what it thought before it called tools.
    `renames`, `refuses`, `takes`: body fields that have another name here, that are not taken, and where it
    is not empty, the only ones that are.
    """

    stream_usage: Literal["asked", "always", "never"] = "asked"
    cost: Literal["listed", "reported"] = "listed"
    renames: Mapping[str, str] = field(default_factory=lambda: NO_NAMES)
    refuses: frozenset[str] = frozenset()
    takes: frozenset[str] = frozenset()
    thoughts: Literal["left_out", "handed_back"] = "left_out"


@dataclass(frozen=True, slots=True)
class Provider:
    """One entry of rules/providers.yaml. `hosts` are normalised names, compared whole, or `*.` and a name:
    all names one label below it. `sockets` are the WebSockets that are metered, turn by turn. `home` is the
    host for requests that a route sends here, `fills` what stands for `{name}` in their path."""

    name: str
    hosts: tuple[str, ...]
    routes: tuple[Route, ...]
    price_id: str
    dialect: str
    unlisted: Literal["refuse", "pass"] = "refuse"
    credential_headers: tuple[str, ...] = ("authorization",)
    grpc: Literal["refuse", "pass"] = "refuse"  # what happens to clients that speak HTTP/2 alone
    quirks: Quirks = Quirks()
    seats: bool = True  # a login is a seat, paid for already; False: a cloud, which bills logins by use
    sockets: tuple[Route, ...] = ()
    home: str | None = None
    fills: Mapping[str, str] = field(default_factory=lambda: NO_NAMES)

    @property
    def own_host(self) -> str | None:
        """Where requests go that a route sends here; None where each customer has a host of their own."""
        return self.home or next((host for host in self.hosts if not host.startswith("*")), None)

    @property
    def takes_service_accounts(self) -> bool:
        """Whether a token minted for a Google service account is a key here: where use is billed to a
        project, as a bearer's, and nobody but Google is shown it."""
        googles = all(host.endswith(GOOGLES) for host in (*self.hosts, *filter(None, (self.home,))))
        return googles and not self.seats and self.credential_headers[0] == "authorization"
