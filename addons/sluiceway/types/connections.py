"""What the front hands on: a decrypted connection to the gateway, a request to the portal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sluiceway.types.people import Identity, Rejected
from sluiceway.types.providers import Provider


@dataclass(slots=True, eq=False)
class Attachment:
    """What the front knows about a decrypted client connection when it hands it to the gateway.

    `misdirected` names the disagreement between CONNECT and SNI, if there is one (answered 421).
    `recognised` is the gateway's: whose the credentials were that the connection's last request brought.
    """

    identity: Identity | Rejected
    provider: Provider
    host: str
    client_address: str
    misdirected: str | None = None
    recognised: Any = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to the portal as the front hands it on. `headers` have lower-case names; `path` is as sent,
    without the query. `direct`: made to the proxy's own port, not through the proxy; public files only."""

    identity: Identity | Rejected | None
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""
    direct: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """What the portal answers. `headers` include the content type, never the length."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
