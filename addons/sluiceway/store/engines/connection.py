"""What the store asks of a database: a connection as sqlite3 has it, and an engine that opens connections.

The store's statements are written once, with `?` for parameters, in the SQL that SQLite and PostgreSQL share.
Errors are the classes of PEP 249 as the sqlite3 module has them; PostgreSQL's are translated where they come
up (engines/adapter.py), so that `except sqlite3.IntegrityError` means the same everywhere.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, Protocol

import sqlalchemy

type Dialect = Literal["sqlite", "postgresql"]


class Cursor(Protocol):
    """The rows of a statement, or how many it changed."""

    @property
    def rowcount(self) -> int: ...
    @property
    def description(self) -> Any: ...
    def fetchone(self) -> Any: ...
    def fetchall(self) -> list[Any]: ...
    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """A connection without implicit transactions."""

    @property
    def in_transaction(self) -> bool: ...
    def execute(self, sql: str, parameters: Sequence[Any] = ..., /) -> Cursor: ...
    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> Cursor: ...
    def close(self) -> None: ...


class Engine(Protocol):
    """One database. Its methods raise StoreError, saying what to do, where it cannot be reached.

    `name` is how messages call it, never with a password. `shared`: many nodes write it, each for itself;
    else one process holds it under a lock.
    """

    name: str
    dialect: Dialect
    shared: bool

    def exists(self) -> bool:
        """Whether there is something to open. A server's databases are made by its operator."""

    def make(self) -> None:
        """Creates the database where that is ours to do."""

    def hold(self) -> Callable[[], None]:
        """Keeps other writers out, where only one may write; the result lets them in again."""

    def writer(self) -> Connection:
        """A connection that may write; every commit is forced to disk."""

    def reader(self, quick: bool = False) -> Connection:
        """A connection that cannot write; a transaction on it sees one moment. `quick`: for small questions;
        one that is not answered within seconds fails."""

    def reading(self) -> sqlalchemy.Engine:
        """Reads for reports: each transaction sees one unchanging moment, and none can write."""

    def migrating(self) -> AbstractContextManager[sqlalchemy.Connection]:
        """A transaction for changes of the schema, one process at a time."""

    def tables(self, connection: Connection) -> set[str]:
        """The tables there are."""

    def guards(self, connection: Connection) -> Mapping[str, str]:
        """The triggers there are, by name, as `audit_guards` would write each."""

    def in_turn(self, connection: Connection, what: str) -> None:
        """Until the transaction ends, nobody else is past this point for the same thing; what is read after
        it is as the one before left it."""

    def overwriting(self, connection: Connection) -> AbstractContextManager[None]:
        """What is deleted inside is overwritten on the disk, as far as the database can."""

    def bounded(self, connection: sqlalchemy.Connection, seconds: float) -> AbstractContextManager[None]:
        """What is read inside together takes at most this long, or TimeoutError is raised."""


class Contended(sqlite3.OperationalError):
    """Another transaction was in the way and nothing was done: the same again may well succeed."""
