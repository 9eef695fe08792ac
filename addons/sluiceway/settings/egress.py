"""What tunnels may reach: the `egress` section, its entries sorted into names and networks."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated

from pydantic import AfterValidator

from sluiceway.settings.addresses import parse_host
from sluiceway.settings.section import Port, Section

PRIVATE = "private"


def _entry(entry: str) -> str:
    if entry == PRIVATE:
        return entry
    if (network := _network(entry)) is not None:
        return str(network)
    if "/" in entry:
        raise ValueError(_network_hint(entry))
    try:
        return parse_host(entry)
    except ValueError:
        raise ValueError("write a host name, a network such as 10.1.0.0/16, or 'private'") from None


def _network(entry: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(entry)
    except ValueError:
        return None


def _network_hint(entry: str) -> str:
    try:
        return f"not the start of a network; write {ip_network(entry, strict=False)}"
    except ValueError:
        return "not a network; write one such as 10.1.0.0/16"


class Egress(Section):
    """Tunnels reach public addresses on `ports`; an address that is not public only when in `allow`."""

    allow: tuple[Annotated[str, AfterValidator(_entry)], ...] = ()
    ports: tuple[Port, ...] = (443, 80)

    @property
    def private(self) -> bool:
        """Whether every private network is allowed."""
        return PRIVATE in self.allow

    @property
    def networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The entries that are networks or single addresses."""
        return tuple(network for entry in self.allow if (network := _network(entry)) is not None)

    @property
    def names(self) -> frozenset[str]:
        """The entries that are host names: lower case, no final dot, each that one name."""
        return frozenset(entry for entry in self.allow if entry != PRIVATE and _network(entry) is None)
