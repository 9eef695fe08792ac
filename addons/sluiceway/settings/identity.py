"""How clients that send no proxy credentials are told apart: the `identity` section.

Both paths are weaker than a token and off by default. A port is as good as who can reach it; a lease takes
whoever comes from an address for one person.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from sluiceway.settings.section import Port, Section

type IP = IPv4Address | IPv6Address
type Network = IPv4Network | IPv6Network

_MAPPED = IPv6Network("::ffff:0:0/96")


def one_address(text: str) -> IP | None:
    """An address in its one spelling: an IPv4 address written as IPv6 is IPv4, a zone is dropped."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def one_network(text: str) -> Network:
    """A network, or a single address as one. Raises ValueError saying what to write instead."""
    try:
        network = ip_network(text)
    except ValueError:
        raise ValueError(_instead(text)) from None
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        return IPv4Network((network.network_address.packed[-4:], network.prefixlen - 96))
    if network.prefixlen == 0:
        raise ValueError("this is every address there is; name the networks your people come from")
    return network


def _instead(text: str) -> str:
    try:
        return f"not the start of a network; write {ip_network(text, strict=False)}"
    except ValueError:
        return "not a network; write one such as 10.1.0.0/16, or a single address"


def _network(value: object) -> Network:
    if isinstance(value, str):
        return one_network(value)
    raise ValueError("write a network such as 10.1.0.0/16, or a single address")


def _bound(text: str) -> str:
    address = one_address(text)
    if address is None:
        raise ValueError("write the IP address to listen on, for example 127.0.0.1")
    return str(address)


type Networks = tuple[Annotated[Network, BeforeValidator(_network)], ...]


class PortRange(Section):
    """Per-employee ports: who comes in by a person's port is that person."""

    address: Annotated[str, AfterValidator(_bound)] = "127.0.0.1"
    first: Port
    last: Port

    @field_validator("last")
    @classmethod
    def _after_first(cls, last: int, info: ValidationInfo) -> int:
        first = info.data.get("first")
        if first is not None and last < first:
            raise ValueError(f"must be at least {first}, the first port")
        return last

    @property
    def numbers(self) -> range:
        return range(self.first, self.last + 1)

    @property
    def is_local(self) -> bool:
        """Whether only programs of this machine reach the ports."""
        return ip_address(self.address).is_loopback


class Leases(Section):
    """Source-address leases: who comes from a leased address is its holder, for `max_hours` at most.
    `shared` are addresses inside `networks` that stand for many machines: load balancers, NAT, jump hosts."""

    max_hours: Annotated[int, Field(ge=1, le=168, strict=True)] = 12
    networks: Annotated[Networks, Field(min_length=1)]
    shared: Networks = ()

    def allow(self, address: IP) -> bool:
        """Whether this address may stand for a person at all."""
        return any(address in network for network in self.networks) and not self.are_shared(address)

    def are_shared(self, address: IP) -> bool:
        return any(address in network for network in self.shared)


class IdentityPaths(Section):
    """The ways in without credentials. None: off."""

    ports: PortRange | None = None
    leases: Leases | None = None
