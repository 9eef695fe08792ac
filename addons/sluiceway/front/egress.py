"""Owns the one decision on every connection that leaves: may it, and to which addresses exactly.

A name is resolved once, every address is judged, and the caller dials only what it is handed: a name that
answers differently a moment later changes nothing. Addresses that are not public are left out unless
`egress.allow` lists them; if none remains, the connection is refused with the line an operator would write.

| entry | lets through |
|---|---|
| `git.corp.example` | that name, where it leads to a private, shared (100.64.0.0/10) or loopback address |
| `10.1.0.0/16`, `10.1.2.3` | these addresses, by whatever name; link-local and reserved ones only so |
| `private` | RFC 1918 and unique local IPv6 addresses |

A metadata service hands out cloud credentials: only its single address lets it through, no wider network.
`upstream.connect_to` is a trusted setting: its targets may be anywhere except this proxy itself.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass

from sluiceway.front.addresses import Kind, carried, kind_of
from sluiceway.front.names import IP, Destination, normalise
from sluiceway.front.resolve import Resolver, system_lookup
from sluiceway.settings.config import Upstream
from sluiceway.settings.egress import Egress

_KINDS: dict[Kind, str] = {
    "public": "a public address",
    "private": "a private address",
    "shared": "a shared (100.64.0.0/10) address",
    "loopback": "a loopback address",
    "link-local": "a link-local address",
    "metadata": "a cloud metadata service, which hands out credentials",
    "reserved": "a reserved address",
}
_BY_NAME: frozenset[Kind] = frozenset({"private", "shared", "loopback"})
# Names that only ever mean something nearby (RFC 6761, 6762, 8375; ICANN's `internal`).
_LOCAL_NAMES = (".localhost", ".local", ".internal", ".home.arpa")


@dataclass(frozen=True, slots=True)
class Admitted:
    """A connection that may be made. `host` is for SNI and Host; only `addresses` may be dialled, in order.

    `addresses` is empty where a parent proxy is set: the parent is asked for `host:port` and resolves it.
    """

    host: str
    port: int
    addresses: tuple[tuple[str, int], ...]


def is_local(ip: IP) -> bool:
    """Whether this machine answers to the address: only then can it be bound."""
    family = socket.AF_INET if ip.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(ip), 0))
    except OSError:
        return False
    return True


class Admission:
    """Built once from settings. `local` tells whether an address is this machine's."""

    def __init__(
        self,
        egress: Egress,
        upstream: Upstream,
        *,
        resolver: Resolver | None = None,
        local: Callable[[IP], bool] = is_local,
    ) -> None:
        self._egress = egress
        self._upstream = upstream
        self._resolver = resolver or Resolver(system_lookup())
        self._local = local
        self._own: list[Destination] = []

    def add_own(self, host: str, port: int) -> None:
        """An address of this proxy itself (each listener, once bound, and public_url's): never dialled."""
        self._own.append(normalise(host, port))

    async def admit(self, destination: Destination) -> Admitted | str:
        """What may be dialled for the destination, or the refusal in words for the employee."""
        if (target := self._upstream.dial(destination.host, destination.port)) is not None:
            return await self._dialled(destination, normalise(target.host, target.port), trusted=True)
        if destination in self._own:
            return _itself(destination)
        if destination.port not in self._egress.ports:
            return self._port_refusal(destination)
        if self._upstream.proxy is not None and destination.ip is None:
            return self._for_parent(destination)
        return await self._dialled(destination, destination, trusted=False)

    async def admit_parent(self, parent: Destination) -> Admitted | str:
        """The addresses of `upstream.proxy`, a trusted setting too: anywhere except this proxy itself."""
        return await self._dialled(parent, parent, trusted=True)

    async def _dialled(self, destination: Destination, target: Destination, trusted: bool) -> Admitted | str:
        try:
            found = (target.ip,) if target.ip else await self._resolver.resolve(target.host)
        except TimeoutError:
            return f"{target.host}: name resolution (DNS) gave no answer in time. Try again in a moment."
        except OSError:
            return f"{target.host}: the name has no address (DNS)."
        foreign = [ip for ip in found if not self._is_own(ip, target.port)]
        if not foreign:
            return _itself(destination)
        good = [ip for ip in foreign if trusted or self._obstacle(destination, ip) is None]
        if not good:
            return _address_refusal(destination, self._obstacle(destination, foreign[0]) or foreign[0])
        to_parent = self._upstream.proxy is not None and not trusted
        addresses = () if to_parent else tuple((str(ip), target.port) for ip in good)
        return Admitted(destination.host, destination.port, addresses)

    def _obstacle(self, destination: Destination, ip: IP) -> IP | None:
        """The address that stands in the way: the one given, or an IPv4 address carried inside it."""
        judged = (ip, carried(ip))
        return next((each for each in judged if each and not self._allows(destination, each)), None)

    def _allows(self, destination: Destination, ip: IP) -> bool:
        kind = kind_of(ip)
        if kind == "public" or (kind == "private" and self._egress.private):
            return True
        if kind in _BY_NAME and destination.host in self._egress.names:
            return True
        listed = (network for network in self._egress.networks if ip in network)
        return any(kind != "metadata" or network.num_addresses == 1 for network in listed)

    def _is_own(self, ip: IP, port: int) -> bool:
        mine = [own.ip for own in self._own if own.port == port and own.ip is not None]
        return ip in mine or (any(own.is_unspecified for own in mine) and self._local(ip))

    def _for_parent(self, destination: Destination) -> Admitted | str:
        """With a parent proxy only the name is known here: names that mean something nearby need listing."""
        host = destination.host
        nearby = "." not in host or host.endswith(_LOCAL_NAMES)
        if nearby and host not in self._egress.names:
            return f"{host} is a local name. {_advice(host)}"
        return Admitted(host, destination.port, ())

    def _port_refusal(self, destination: Destination) -> str:
        ports = ", ".join(str(port) for port in self._egress.ports)
        return (
            f"port {destination.port} is not open, only {ports}. An operator can open it in sluiceway.yaml: "
            f"egress: {{ports: [{ports}, {destination.port}]}}"
        )


def _itself(destination: Destination) -> str:
    return f"{destination.authority} is this proxy itself."


def _address_refusal(destination: Destination, ip: IP) -> str:
    kind = kind_of(ip)
    where = "is" if ip == destination.ip else f"leads to {ip},"
    return f"{destination.host} {where} {_KINDS[kind]}. {_advice(_entry(destination, ip, kind))}"


def _entry(destination: Destination, ip: IP, kind: Kind) -> str:
    """A name is not enough for metadata, link-local and reserved addresses."""
    return destination.host if destination.ip is None and kind in _BY_NAME else str(ip)


def _advice(entry: str) -> str:
    return f'An operator can allow it in sluiceway.yaml: egress: {{allow: ["{entry}"]}}'
