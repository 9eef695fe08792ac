"""Ways in without credentials, as they are asked for: what the settings allow, and what to do otherwise.

Who may ask is not decided here: the command line is the operator's, and the portal asks only for the person
and the address it has before it.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from sluiceway.errors import SluicewayError
from sluiceway.front.listening import why_not
from sluiceway.settings.identity import IdentityPaths, Leases, PortRange, one_address, one_network
from sluiceway.store import PortGrant, Store

type Arguments = Mapping[str, Any]

OFF = IdentityPaths()
PORTS_OFF = (
    "ports of one's own are off; write `identity: {ports: {address: 127.0.0.1, first: 18100, last: 18199}}` "
    "in sluiceway.yaml and restart serve"
)
LEASES_OFF = (
    "leases are off; write `identity: {leases: {networks: [10.0.0.0/8]}}`, with the networks your people "
    "come from, in sluiceway.yaml and restart serve"
)
LOOPBACKS = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))


def warnings(paths: IdentityPaths) -> list[str]:
    """What whoever runs this should know about the paths that are on; nothing while they are off."""
    found = []
    if paths.ports is not None:
        who = (
            "every user and program of this machine" if paths.ports.is_local else "whoever its sources let in"
        )
        found.append(
            f"identity.ports: {who} can use a person's port and is then taken for that person; "
            "give tokens to clients that can send them"
        )
    if paths.leases is not None:
        found.append(
            "identity.leases: a lease takes whoever comes from an address for its holder, so it is wrong "
            "behind NAT, on shared hosts and behind a load balancer; list such addresses in "
            "identity.leases.shared"
        )
        local = [each for each in paths.leases.networks if any(_meet(each, own) for own in LOOPBACKS)]
        found += [
            f"identity.leases.networks: {each} holds loopback, which everybody on this machine shares"
            for each in local
        ]
    return found


def _meet(one: IPv4Network | IPv6Network, other: IPv4Network | IPv6Network) -> bool:
    return one.version == other.version and one.overlaps(other)


def _port(store: Store, paths: IdentityPaths, given: Arguments) -> dict[str, Any]:
    """The person's port, granted if they have none. `sources` None: as before."""
    settings, held = _ports(paths), _held(store, given["name"])
    before = [] if held is None else list(held.sources)
    sources = before if given.get("sources") is None else _sources(given["sources"])
    if not settings.is_local and not sources:
        raise SluicewayError(
            f"ports on {settings.address} can be reached from other machines: say from where this one may be "
            "used, for example --source 10.1.2.3 or --source 10.1.2.0/24"
        )
    if held is not None and held.port not in settings.numbers:
        _release(store, paths, given)  # the range was moved since
        held = None
    if held is None:
        held = store.grants.grant_port(given["name"], _usable(store, settings), sources)
        _note(store, "port_granted", given, port=held.port, sources=sources)
    elif sources != before:
        held = store.grants.restrict_port(given["name"], sources)
        _note(store, "port_restricted", given, port=held.port, sources=sources)
    return {
        "name": held.person,
        "address": settings.address,
        "port": held.port,
        "sources": list(held.sources),
    }


def _release(store: Store, _: IdentityPaths, given: Arguments) -> dict[str, Any]:
    released = store.grants.release_port(given["name"])
    _note(store, "port_released", given, port=released.port)
    return {"name": released.person, "released": released.port}


def _lease(store: Store, paths: IdentityPaths, given: Arguments) -> dict[str, Any]:
    """Leases `address` for `hours`; None: as long as the settings allow."""
    if paths.leases is None:
        raise SluicewayError(LEASES_OFF)
    address = _leasable(paths.leases, given["address"])
    hours = paths.leases.max_hours if given.get("hours") is None else given["hours"]
    if not 1 <= hours <= paths.leases.max_hours:
        raise SluicewayError(
            f"a lease lasts 1 to {paths.leases.max_hours} hours; identity.leases.max_hours says so"
        )
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=hours)
    lease = store.grants.lease(given["name"], address, until)
    _note(store, "address_leased", given, address=address, until=until.isoformat())
    return {"name": lease.person, "address": address, "expires_at": lease.expires_at.isoformat()}


def _end_leases(store: Store, _: IdentityPaths, given: Arguments) -> dict[str, Any]:
    asked = given.get("address")
    address = None if asked is None else _address(asked)
    ended = store.grants.revoke_leases(given["name"], address)
    if not ended:
        of = f" of {address}" if address else ""
        raise SluicewayError(f"{given['name']!r} has no lease{of} now")
    for lease in ended:
        _note(store, "lease_revoked", given, address=lease.address)
    return {"name": given["name"], "revoked": [lease.address for lease in ended]}


def _ports(paths: IdentityPaths) -> PortRange:
    if paths.ports is None:
        raise SluicewayError(PORTS_OFF)
    return paths.ports


def _held(store: Store, name: str) -> PortGrant | None:
    return next((each for each in store.grants.ports() if each.person == name), None)


def _usable(store: Store, settings: PortRange) -> int:
    """The next free port that this machine lets us have."""
    free = store.grants.free_ports(settings.numbers)
    span = f"{settings.first} to {settings.last}"
    if not free:
        raise SluicewayError(
            f"all ports from {span} are given out: release one (sluiceway employee port NAME --release), or "
            "widen identity.ports in sluiceway.yaml and restart serve"
        )
    problems = []
    for number in free:
        problem = _refused(settings.address, number)
        if problem is None:
            return number
        problems.append(problem)
    raise SluicewayError(
        f"none of the ports from {span} that are nobody's can be opened ({problems[0]}); "
        "stop what uses them, or choose another range in identity.ports and restart serve"
    )


def _refused(host: str, port: int) -> str | None:
    """Why this machine would not let us listen there; tried, because nothing else tells."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return why_not(host, port, error)
    return None


def _sources(texts: list[str]) -> list[str]:
    try:
        return [str(one_network(text)) for text in texts]
    except ValueError as error:
        raise SluicewayError(f"--source: {error}") from None


def _address(text: str) -> str:
    address = one_address(text)
    if address is None:
        raise SluicewayError("--address: write an IP address, for example 10.1.2.3")
    return str(address)


def _leasable(leases: Leases, text: str) -> str:
    address = one_address(_address(text))
    assert address
    if leases.are_shared(address):
        raise SluicewayError(
            f"{address} stands for many machines (identity.leases.shared), so nobody leases it"
        )
    if not leases.allow(address):
        networks = ", ".join(str(network) for network in leases.networks)
        raise SluicewayError(f"{address} cannot be leased: identity.leases.networks allows {networks}")
    return str(address)


def _note(store: Store, kind: str, given: Arguments, **detail: Any) -> None:
    store.events.record(kind, given["actor"], {"name": given["name"], **detail})


OPERATIONS: dict[str, Callable[[Store, IdentityPaths, Arguments], dict[str, Any]]] = {
    "person.port": _port,
    "person.port_release": _release,
    "person.lease": _lease,
    "person.lease_revoke": _end_leases,
}
