"""Ways in without credentials: ports of one's own and leased source addresses, granted, listed and ended.

What ended is kept as history, so that the number of a grant never comes back for another one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

import orjson

from sluiceway.errors import StoreError
from sluiceway.store.engines.connection import Connection
from sluiceway.store.moments import from_us, to_us
from sluiceway.store.people import Runner, counted, id_of

_PORTS = (
    "SELECT ports.id, people.name, port, sources, granted_at FROM ports JOIN people ON people.id = person_id "
    "WHERE released_at IS NULL ORDER BY port"
)
_LEASES = (
    "SELECT leases.id, people.name, address, granted_at, expires_at FROM leases "
    "JOIN people ON people.id = person_id WHERE ended_at IS NULL AND expires_at > ? "
    "ORDER BY people.name, address"
)


@dataclass(frozen=True, slots=True)
class PortGrant:
    """A port that is somebody's own. `sources`: networks it may be used from; empty: whoever reaches it."""

    id: int
    person: str
    port: int
    sources: tuple[str, ...]
    granted_at: datetime


@dataclass(frozen=True, slots=True)
class Lease:
    """An address that stands for somebody until it expires."""

    id: int
    person: str
    address: str
    granted_at: datetime
    expires_at: datetime


class Grants:
    """Changes to grants. Each method blocks until its change is on disk and in the directory."""

    def __init__(
        self,
        run: Runner,
        read: Callable[[], Connection],
        changed: Callable[[], None],
        now_us: Callable[[], int],
    ) -> None:
        self._run, self._read, self._changed, self._now_us = run, read, changed, now_us

    def grant_port(self, name: str, port: int, sources: Sequence[str] = ()) -> PortGrant:
        """Makes a free port somebody's own. Raises StoreError when it is taken, or they have one."""

        def write(connection: Connection) -> PortGrant:
            person_id, now_us = id_of(connection, name), self._now_us()
            for granted in map(_port, connection.execute(_PORTS)):
                if granted.port == port:
                    raise StoreError(f"port {port} belongs to {granted.person!r}; release it first")
                if granted.person == name:
                    raise StoreError(f"{name!r} has port {granted.port} already; release it first")
            (number,) = connection.execute(
                "INSERT INTO ports (person_id, port, sources, granted_at) VALUES (?, ?, ?, ?) RETURNING id",
                (person_id, port, orjson.dumps(list(sources)).decode(), now_us),
            ).fetchone()
            return PortGrant(number, name, port, tuple(sources), from_us(now_us))

        return self._change(write)

    def restrict_port(self, name: str, sources: Sequence[str]) -> PortGrant:
        """Says anew from where somebody's port may be used; connections from elsewhere end."""

        def write(connection: Connection) -> PortGrant:
            granted = _port_of(connection, name)
            connection.execute(
                "UPDATE ports SET sources = ? WHERE id = ?",
                (orjson.dumps(list(sources)).decode(), granted.id),
            )
            return PortGrant(granted.id, name, granted.port, tuple(sources), granted.granted_at)

        return self._change(write)

    def release_port(self, name: str) -> PortGrant:
        """Ends a port; it may become somebody else's, after all others have been."""

        def write(connection: Connection) -> PortGrant:
            granted = _port_of(connection, name)
            connection.execute("UPDATE ports SET released_at = ? WHERE id = ?", (self._now_us(), granted.id))
            return granted

        return self._change(write)

    def lease(self, name: str, address: str, expires_at: datetime) -> Lease:
        """Has an address stand for somebody; asked again, until another moment. `address` is normalised.

        Raises StoreError while it stands for somebody else: two people at one address share it.
        """

        def write(connection: Connection) -> Lease:
            person_id, now_us = id_of(connection, name), self._now_us()
            connection.execute(
                "UPDATE leases SET ended_at = expires_at "
                "WHERE address = ? AND ended_at IS NULL AND expires_at <= ?",
                (address, now_us),
            )
            held = next((each for each in self._leases(connection) if each.address == address), None)
            if held is not None and held.person != name:
                raise StoreError(
                    f"{address} is leased to {held.person!r} until {held.expires_at:%Y-%m-%d %H:%M} UTC; "
                    "if it is no longer theirs, revoke that lease first; if both use it, neither can lease it"
                )
            if held is not None:
                connection.execute(
                    "UPDATE leases SET expires_at = ? WHERE id = ?", (to_us(expires_at), held.id)
                )
                return Lease(held.id, name, address, held.granted_at, expires_at)
            (number,) = connection.execute(
                "INSERT INTO leases (person_id, address, granted_at, expires_at) "
                "VALUES (?, ?, ?, ?) RETURNING id",
                (person_id, address, now_us, to_us(expires_at)),
            ).fetchone()
            return Lease(number, name, address, from_us(now_us), expires_at)

        return self._change(write)

    def revoke_leases(self, name: str, address: str | None = None) -> tuple[Lease, ...]:
        """Ends somebody's lease of an address, or all of theirs; those that were good until now."""

        def write(connection: Connection) -> tuple[Lease, ...]:
            id_of(connection, name)
            theirs = tuple(
                each
                for each in self._leases(connection)
                if each.person == name and address in (None, each.address)
            )
            now_us = self._now_us()
            connection.executemany(
                "UPDATE leases SET ended_at = ? WHERE id = ?", [(now_us, each.id) for each in theirs]
            )
            return theirs

        return self._change(write)

    def ports(self) -> tuple[PortGrant, ...]:
        """The ports that are somebody's, in order."""
        with closing(self._read()) as connection:
            return tuple(map(_port, connection.execute(_PORTS)))

    def leases(self) -> tuple[Lease, ...]:
        """The leases that are good now, by person."""
        with closing(self._read()) as connection:
            return tuple(self._leases(connection))

    def free_ports(self, numbers: Iterable[int]) -> list[int]:
        """Those that are nobody's: never used ones first, then the one whose last owner left longest ago,
        because a machine may still be set to the port its owner once had."""
        with closing(self._read()) as connection:
            taken = {
                port for (port,) in connection.execute("SELECT port FROM ports WHERE released_at IS NULL")
            }
            last = dict(connection.execute("SELECT port, max(released_at) FROM ports GROUP BY port"))
        return sorted(
            (number for number in numbers if number not in taken), key=lambda n: (last.get(n, 0), n)
        )

    def _leases(self, connection: Connection) -> list[Lease]:
        return [
            Lease(number, person, address, from_us(granted), from_us(expires))
            for number, person, address, granted, expires in connection.execute(_LEASES, (self._now_us(),))
        ]

    def _change[T](self, write: Callable[[Connection], T]) -> T:
        result = self._run(counted(write))
        self._changed()
        return result


def _port(row: tuple[int, str, int, str, int]) -> PortGrant:
    number, person, port, sources, granted = row
    return PortGrant(number, person, port, tuple(orjson.loads(sources)), from_us(granted))


def _port_of(connection: Connection, name: str) -> PortGrant:
    id_of(connection, name)
    granted = next((each for each in map(_port, connection.execute(_PORTS)) if each.person == name), None)
    if granted is None:
        raise StoreError(f"{name!r} has no port of their own")
    return granted
