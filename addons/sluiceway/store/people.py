"""Employees and services, and their tokens: added, moved, disabled, revoked. A token is shown once."""

from __future__ import annotations

import difflib
import re
import secrets
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from sluiceway.errors import StoreError
from sluiceway.store.directory import digest
from sluiceway.store.engines.connection import Connection
from sluiceway.store.moments import from_us, to_us
from sluiceway.types import Principal

TOKEN_PREFIX = "swy_"  # noqa: S105 - a prefix that scanners can look for, not a secret
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,63}")


class Runner(Protocol):
    """Runs something in one transaction of the writer and waits until it is on disk."""

    def __call__[T](self, do: Callable[[Connection], T]) -> T: ...


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it may be shown: never the token itself."""

    id: int
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Person:
    """One row of `employee list`."""

    principal: Principal
    created_at: datetime
    disabled_at: datetime | None
    tokens: tuple[Token, ...]


class People:
    """Changes to people. Each method blocks until its change is on disk and in the directory."""

    def __init__(
        self,
        run: Runner,
        read: Callable[[], Connection],
        changed: Callable[[], None],
        key: bytes,
        now_us: Callable[[], int],
    ) -> None:
        self._run, self._read, self._changed, self._key, self._now_us = run, read, changed, key, now_us

    def add(
        self,
        name: str,
        kind: Literal["employee", "service"],
        team: str,
        project: str | None = None,
        cost_center: str | None = None,
    ) -> tuple[Principal, str]:
        """A new principal and its first token, which is not kept anywhere."""
        _check_name(name)
        for what, label in (("team", team), ("project", project), ("cost center", cost_center)):
            _check_label(what, label)
        token = new_secret()

        def write(connection: Connection) -> Principal:
            try:
                (number,) = connection.execute(
                    "INSERT INTO people (name, kind, team, project, cost_center, created_at) "
                    "VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
                    (name, kind, team, project, cost_center, self._now_us()),
                ).fetchone()
            except sqlite3.IntegrityError as error:
                raise StoreError(f"{name!r} exists already; choose another name") from error
            self._add_token(connection, number, token, None)
            return Principal(number, name, kind, team, project, cost_center)

        return self._change(write), token

    def new_token(self, name: str, expires_at: datetime | None = None, revoke_old: bool = False) -> str:
        """One more token for a person, or the only one from now on."""
        token = new_secret()
        expires_us = None if expires_at is None else to_us(expires_at)

        def write(connection: Connection) -> None:
            number = id_of(connection, name)
            if revoke_old:
                self._revoke(connection, "person_id", number)
            self._add_token(connection, number, token, expires_us)

        self._change(write)
        return token

    def revoke(self, which: str | int) -> int:
        """Revokes all tokens of a person, or the one with this id; how many were good until now."""

        def write(connection: Connection) -> int:
            if isinstance(which, str):
                return self._revoke(connection, "person_id", id_of(connection, which))
            if connection.execute("SELECT 1 FROM tokens WHERE id = ?", (which,)).fetchone() is None:
                raise StoreError(f"there is no token {which}; `sluiceway employee list` shows their numbers")
            return self._revoke(connection, "id", which)

        return self._change(write)

    def disable(self, name: str) -> None:
        """Turns a person away from now on; their rows and tokens stay."""
        self._update(name, "disabled_at", self._now_us())

    def enable(self, name: str) -> None:
        """Lets a disabled person in again, with the tokens they had."""
        self._update(name, "disabled_at", None)

    def move(self, name: str, team: str) -> None:
        """Puts a person in another team; rows written before keep the old one."""
        _check_label("team", team)
        self._update(name, "team", team)

    def list(self) -> tuple[Person, ...]:
        """Everybody, by name."""
        connection = self._read()
        try:
            return _everybody(connection)
        finally:
            connection.close()

    def _update(self, name: str, column: Literal["disabled_at", "team"], value: str | int | None) -> None:
        def write(connection: Connection) -> None:
            number = id_of(connection, name)
            connection.execute(f"UPDATE people SET {column} = ? WHERE id = ?", (value, number))  # noqa: S608 - two fixed names

        self._change(write)

    def _change[T](self, write: Callable[[Connection], T]) -> T:
        result = self._run(counted(write))
        self._changed()
        return result

    def _add_token(self, connection: Connection, person_id: int, token: str, expires_us: int | None) -> None:
        connection.execute(
            "INSERT INTO tokens (person_id, digest, created_at, expires_at) VALUES (?, ?, ?, ?)",
            (person_id, digest(self._key, token), self._now_us(), expires_us),
        )

    def _revoke(self, connection: Connection, column: Literal["id", "person_id"], value: int) -> int:
        return connection.execute(
            f"UPDATE tokens SET revoked_at = ? WHERE revoked_at IS NULL AND {column} = ?",  # noqa: S608 - two fixed names
            (self._now_us(), value),
        ).rowcount


def new_secret() -> str:
    """A token of 256 random bits: `swy_` and 43 characters."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def counted[T](write: Callable[[Connection], T]) -> Callable[[Connection], T]:
    """The same, and tells every directory that people, or what they were granted, have changed."""

    def both(connection: Connection) -> T:
        result = write(connection)
        connection.execute(
            "INSERT INTO versions (name, value) VALUES ('people', 1) "
            "ON CONFLICT (name) DO UPDATE SET value = versions.value + 1"
        )
        return result

    return both


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise StoreError(
            "a name is 1 to 64 of a-z, 0-9, dot, underscore and hyphen, and starts with a letter or a digit "
            "(it appears in URLs, reports and CSV files)"
        )


def _check_label(what: str, label: str | None) -> None:
    if label is not None and not _LABEL.fullmatch(label):
        raise StoreError(
            f"a {what} is 1 to 64 letters, digits, spaces, dots, underscores and hyphens, "
            "and starts with a letter or a digit"
        )


def id_of(connection: Connection, name: str) -> int:
    """The number of a person. Raises StoreError, with a likely spelling, where there is none."""
    row = connection.execute("SELECT id FROM people WHERE name = ?", (name,)).fetchone()
    if row is not None:
        return int(row[0])
    names = [known for (known,) in connection.execute("SELECT name FROM people")]
    close = difflib.get_close_matches(name, names, 1)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    raise StoreError(f"there is nobody called {name!r}{hint}")


def _everybody(connection: Connection) -> tuple[Person, ...]:
    tokens: dict[int, list[Token]] = {}
    for number, person_id, *times in connection.execute(
        "SELECT id, person_id, created_at, expires_at, revoked_at FROM tokens ORDER BY id"
    ):
        created, expires, revoked = times
        token = Token(number, from_us(created), _moment(expires), _moment(revoked))
        tokens.setdefault(person_id, []).append(token)
    return tuple(
        Person(
            Principal(number, name, kind, team, project, cost_center),
            from_us(created),
            _moment(disabled),
            tuple(tokens.get(number, ())),
        )
        for number, name, kind, team, project, cost_center, created, disabled in connection.execute(
            "SELECT id, name, kind, team, project, cost_center, created_at, disabled_at FROM people "
            "ORDER BY name"
        )
    )


def _moment(us: int | None) -> datetime | None:
    return None if us is None else from_us(us)
