"""The people, their tokens and their grants in memory: who is this, answered without a query."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Literal

import orjson

from sluiceway.settings.identity import IP, Network, one_address
from sluiceway.store.engines.connection import Connection
from sluiceway.types import Identity, Principal, Rejected

type Reason = Literal[
    "revoked", "expired", "disabled", "port_source", "port_released", "lease_expired", "lease_revoked"
]

_NAME_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@")


@dataclass(frozen=True, slots=True)
class _Token:
    id: int
    digest: bytes
    expires_us: int | None
    revoked: bool

    def problem(self, now_us: int) -> Literal["revoked", "expired"] | None:
        if self.revoked:
            return "revoked"
        return "expired" if self.expires_us is not None and self.expires_us <= now_us else None


@dataclass(frozen=True, slots=True)
class Port:
    """A port that is somebody's own, by the number of its grant. No `sources`: whoever can reach it."""

    id: int
    number: int
    sources: tuple[Network, ...]

    def admits(self, source: IP | None) -> bool:
        return not self.sources or (source is not None and any(source in each for each in self.sources))


@dataclass(frozen=True, slots=True)
class _Lease:
    id: int
    expires_us: int


@dataclass(slots=True)
class _Person:
    principal: Principal
    disabled: bool
    tokens: dict[bytes, _Token] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Snapshot:
    version: int
    by_name: dict[str, _Person]
    by_id: dict[int, _Person]
    tokens: dict[int, tuple[_Person, _Token]]
    ports: dict[int, tuple[_Person, Port]]  # by grant
    leases: dict[int, tuple[_Person, _Lease]]  # by grant; expired ones, too
    leased: dict[str, int]  # the grant of an address


def digest(key: bytes, token: str) -> bytes:
    """What is stored of a token. A token is 256 random bits, so a keyed hash is enough."""
    return hmac.digest(key, token.encode("utf-8", "backslashreplace"), hashlib.sha256)


class Directory:
    """A snapshot that is replaced as a whole when people change; safe to read from any thread."""

    def __init__(self, key: bytes, now_us: Callable[[], int]) -> None:
        self._key = key
        self._now_us = now_us
        self._people = _Snapshot(-1, {}, {}, {}, {}, {}, {})

    def lookup(self, user: str, token: str) -> Identity | Rejected:
        """Who these credentials belong to, or why they are not good. Takes as long for unknown users."""
        given = digest(self._key, token)
        person = self._people.by_name.get(user)
        found = None if person is None else person.tokens.get(given)
        matches = hmac.compare_digest(given, b"" if found is None else found.digest)
        if person is None:
            return Rejected("unknown_user", printable(user))
        if found is None or not matches:
            return Rejected("wrong_token", person.principal.name)
        if person.disabled:
            return Rejected("disabled", person.principal.name)
        problem = found.problem(self._now_us())
        if problem is not None:
            return Rejected(problem, person.principal.name)
        return Identity(person.principal, found.id)

    def at_port(self, grant: int, source: IP | None) -> Identity | Rejected:
        """Whose port a connection came in by; `grant` is what the port was open for when it came."""
        person, port = self._people.ports.get(grant, (None, None))
        if person is None or port is None:
            return Rejected("port_released", "")
        if not port.admits(source):
            return Rejected("port_source", "")
        if person.disabled:
            return Rejected("disabled", person.principal.name)
        return Identity(person.principal, grant, "port")

    def at_address(self, source: IP) -> Identity | Rejected | None:
        """Whom an address stands for, or that it no longer does. None: nobody asked for it to."""
        grant = self._people.leased.get(str(source))
        if grant is None:
            return None
        person, lease = self._people.leases[grant]
        if lease.expires_us <= self._now_us():
            return Rejected("lease_expired", "")
        if person.disabled:
            return Rejected("disabled", person.principal.name)
        return Identity(person.principal, grant, "lease")

    def ports(self) -> list[Port]:
        """Every port that has to be open."""
        return [port for _, port in self._people.ports.values()]

    def problem(self, identity: Identity, source: str = "") -> Rejected | None:
        """Why an identity found earlier is no longer good: asked again for each request on a long tunnel.

        `source` is the address the connection comes from: the port it came by may since be closed to it.
        """
        who = self._people.by_id.get(identity.principal.id)
        reason = self._reason(identity, who, source)
        return None if reason is None else Rejected(reason, identity.principal.name)

    def _reason(self, identity: Identity, who: _Person | None, source: str) -> Reason | None:
        if identity.path == "port":
            owner, port = self._people.ports.get(identity.token_id, (None, None))
            if port is None or owner is not who:
                return "port_released"
            if not port.admits(one_address(source)):
                return "port_source"
        elif identity.path == "lease":
            owner, lease = self._people.leases.get(identity.token_id, (None, None))
            if lease is None or owner is not who:
                return "lease_revoked"
            if lease.expires_us <= self._now_us():
                return "lease_expired"
        else:
            owner, token = self._people.tokens.get(identity.token_id, (None, None))
            if token is None or owner is not who:
                return "revoked"
            if (problem := token.problem(self._now_us())) is not None:
                return problem
        return "disabled" if who is None or who.disabled else None

    def principal(self, principal_id: int) -> Principal | None:
        """The person as of now: the team may have changed since the tunnel was opened."""
        person = self._people.by_id.get(principal_id)
        return None if person is None else person.principal

    def refresh(self, connection: Connection) -> None:
        """Reads people and tokens again if they changed: one small query when they did not."""
        if version(connection) == self._people.version:
            return
        connection.execute("BEGIN")
        try:
            self._people = _read(connection)
        finally:
            connection.execute("ROLLBACK")


def version(connection: Connection) -> int:
    """How often people, or what they were granted, have changed."""
    row = connection.execute("SELECT value FROM versions WHERE name = 'people'").fetchone()
    return 0 if row is None else int(row[0])


def printable(user: str) -> str:
    """A claimed name that is safe in a message or a log."""
    return "".join(letter if letter in _NAME_LETTERS else "?" for letter in user[:64])


def _read(connection: Connection) -> _Snapshot:
    snapshot = _Snapshot(version(connection), {}, {}, {}, {}, {}, {})
    for number, name, kind, team, project, cost_center, disabled_at in connection.execute(
        "SELECT id, name, kind, team, project, cost_center, disabled_at FROM people"
    ):
        principal = Principal(number, name, kind, team, project, cost_center)
        snapshot.by_name[name] = snapshot.by_id[number] = _Person(principal, disabled_at is not None)
    for number, person_id, stored, expires_us, revoked_at in connection.execute(
        "SELECT id, person_id, digest, expires_at, revoked_at FROM tokens"
    ):
        person, token = snapshot.by_id[person_id], _Token(number, stored, expires_us, revoked_at is not None)
        person.tokens[stored] = token
        snapshot.tokens[number] = (person, token)
    _read_grants(connection, snapshot)
    return snapshot


def _read_grants(connection: Connection, snapshot: _Snapshot) -> None:
    for number, person_id, port, sources in connection.execute(
        "SELECT id, person_id, port, sources FROM ports WHERE released_at IS NULL"
    ):
        networks = tuple(ip_network(each) for each in orjson.loads(sources))
        snapshot.ports[number] = (snapshot.by_id[person_id], Port(number, port, networks))
    for number, person_id, address, expires_us in connection.execute(
        "SELECT id, person_id, address, expires_at FROM leases WHERE ended_at IS NULL"
    ):
        snapshot.leases[number] = (snapshot.by_id[person_id], _Lease(number, expires_us))
        snapshot.leased[address] = number
