"""The people and their tokens in memory: who is this, answered for every connection without a query."""

from __future__ import annotations

import hashlib
import hmac
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field

from sluiceway.types import Identity, Principal, Rejected

_NAME_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@")


@dataclass(frozen=True, slots=True)
class _Token:
    id: int
    digest: bytes
    expires_us: int | None
    revoked: bool

    def problem(self, now_us: int) -> str | None:
        if self.revoked:
            return "revoked"
        return "expired" if self.expires_us is not None and self.expires_us <= now_us else None


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


def digest(key: bytes, token: str) -> bytes:
    """What is stored of a token. A token is 256 random bits, so a keyed hash is enough."""
    return hmac.digest(key, token.encode("utf-8", "backslashreplace"), hashlib.sha256)


class Directory:
    """A snapshot that is replaced as a whole when people change; safe to read from any thread."""

    def __init__(self, key: bytes, now_us: Callable[[], int]) -> None:
        self._key = key
        self._now_us = now_us
        self._people = _Snapshot(-1, {}, {}, {})

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
            return Rejected("revoked" if problem == "revoked" else "expired", person.principal.name)
        return Identity(person.principal, found.id)

    def is_active(self, principal_id: int, token_id: int) -> bool:
        """Whether an identity found earlier is still good: asked again for each request on a long tunnel."""
        person, token = self._people.tokens.get(token_id, (None, None))
        if person is None or token is None or person.principal.id != principal_id or person.disabled:
            return False
        return token.problem(self._now_us()) is None

    def principal(self, principal_id: int) -> Principal | None:
        """The person as of now: the team may have changed since the tunnel was opened."""
        person = self._people.by_id.get(principal_id)
        return None if person is None else person.principal

    def refresh(self, connection: sqlite3.Connection) -> None:
        """Reads people and tokens again if they changed: one small query when they did not."""
        if version(connection) == self._people.version:
            return
        connection.execute("BEGIN")
        try:
            self._people = _read(connection)
        finally:
            connection.execute("ROLLBACK")


def version(connection: sqlite3.Connection) -> int:
    """How often people have changed."""
    row = connection.execute("SELECT value FROM versions WHERE name = 'people'").fetchone()
    return 0 if row is None else int(row[0])


def printable(user: str) -> str:
    """A claimed name that is safe in a message or a log."""
    return "".join(letter if letter in _NAME_LETTERS else "?" for letter in user[:64])


def _read(connection: sqlite3.Connection) -> _Snapshot:
    snapshot = _Snapshot(version(connection), {}, {}, {})
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
    return snapshot
