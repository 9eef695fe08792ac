"""Who calls, what their credentials say of them, and whose provider key they bring."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

# By what a client was told to be somebody: proxy credentials, a port of their own, or a leased address.
type IdentityPath = Literal["token", "port", "lease"]


class KeyClass(StrEnum):
    """Whose provider credential a request carries; decides what may be done to it."""

    COMPANY = "company"
    PERSONAL = "personal"
    SUBSCRIPTION = "subscription"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Principal:
    """An employee or a service that may use the proxy."""

    id: int
    name: str
    kind: Literal["employee", "service"]
    team: str
    project: str | None = None
    cost_center: str | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a client connection belongs to, and by what: `token_id` is the token's number, or the grant's
    where `path` is a port or a lease. It is re-checked on every request the connection carries."""

    principal: Principal
    token_id: int
    path: IdentityPath = "token"


@dataclass(frozen=True, slots=True)
class Rejected:
    """Credentials that are not good, or a port or lease that is not. `user` is the claimed name, made
    printable, for the message; empty where whoever came claims none."""

    reason: Literal[
        "unknown_user",
        "wrong_token",
        "expired",
        "revoked",
        "disabled",
        "port_source",
        "port_released",
        "lease_expired",
        "lease_revoked",
    ]
    user: str
