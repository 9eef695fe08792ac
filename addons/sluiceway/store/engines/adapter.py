"""A PostgreSQL connection that speaks as sqlite3's does: `?` for parameters, sqlite3's classes of errors.

The texts of its errors name what happened, never a value: PostgreSQL likes to quote those.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import orjson
import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Dumper, Loader
from psycopg.pq import TransactionStatus

from sluiceway.store.engines.connection import Contended, Cursor

_SAME: tuple[tuple[type[psycopg.Error], type[sqlite3.Error]], ...] = (
    (psycopg.IntegrityError, sqlite3.IntegrityError),
    (psycopg.DataError, sqlite3.DataError),
    (psycopg.ProgrammingError, sqlite3.ProgrammingError),
    (psycopg.Error, sqlite3.OperationalError),
)
# Deadlock, serialisation failure, a lock that was not free in time.
_CONTENDED = ("40P01", "40001", "55P03")
_SPELLINGS = {"BEGIN IMMEDIATE": "BEGIN"}


# From so many rows on, one statement for all costs less than a prepared one for each.
MANY = 8


class WholeNumbers(Loader):
    """Sums of big integers come as numeric: as int, like SQLite's. An average stays a float."""

    def load(self, data: Buffer) -> int | float:
        text = bytes(data)
        return float(text) if b"." in text or b"N" in text else int(text)


class Many(list[Any]):
    """Values for `ANY(?)` or `unnest(?)`: the only lists that are meant as such."""


class _ManyDumper(Dumper):
    """As an array's text, of a type that the statement says. psycopg's own looks at each value several times
    (twice the cost of a whole batch's statements)."""

    def dump(self, obj: Many) -> Buffer:
        return f"{{{','.join(map(_element, obj))}}}".encode()


def _element(value: Any) -> str:
    if not isinstance(value, str):
        return str(value)
    if "\0" in value:
        raise psycopg.DataError("text cannot have a NUL")
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


class _NoList(Dumper):
    """A list where a value belongs would become text that looks like an array."""

    def dump(self, obj: Any) -> Buffer:
        raise psycopg.DataError("a list is no value")


@dataclass(frozen=True, slots=True)
class InOne:
    """What to send instead of a statement for each of many rows: one for all, whose parameter is a JSON list
    of objects with these names.

    `planned_anew`: each time, as it depends on how large a table is now. A plan that was kept from an empty
    table reads all of it.
    """

    sql: str
    names: tuple[str, ...]
    planned_anew: bool = False


class Adapter:
    """One connection, without implicit transactions. `in_one`: forms for many rows, by statement."""

    def __init__(self, raw: psycopg.Connection[Any]) -> None:
        self.raw = raw
        self.in_one: Mapping[str, InOne] = {}
        raw.adapters.register_loader("numeric", WholeNumbers)
        raw.adapters.register_dumper(list, _NoList)
        raw.adapters.register_dumper(Many, _ManyDumper)

    @property
    def in_transaction(self) -> bool:
        return self.raw.info.transaction_status != TransactionStatus.IDLE

    @property
    def broken(self) -> bool:
        """Whether the server is gone, as far as we know."""
        return self.raw.closed

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> Cursor:
        with _translated():
            return self.raw.execute(_spelled(sql), parameters)

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> Cursor:
        parameters = parameters if isinstance(parameters, Sequence) else list(parameters)
        form = self.in_one.get(sql) if len(parameters) >= MANY else None
        document = None if form is None else _document(form.names, parameters)
        with _translated():
            if form is not None and document is not None:
                prepare = False if form.planned_anew else None
                return self.raw.execute(_spelled(form.sql), (document,), prepare=prepare)
            cursor = self.raw.cursor()
            cursor.executemany(_spelled(sql), parameters)
            return cursor

    def close(self) -> None:
        self.raw.close()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Statements inside travel in one go; read their rows when it ends."""
        with _translated(), cast("AbstractContextManager[object]", self.raw.pipeline()):
            yield


@lru_cache(maxsize=512)
def _spelled(sql: str) -> bytes:
    return _SPELLINGS.get(sql, sql).replace("%", "%%").replace("?", "%s").encode()


def _document(names: tuple[str, ...], parameters: Iterable[Sequence[Any]]) -> str | None:
    """None: a value is no JSON (half a character, a huge number); sent by itself, it gets its own error."""
    try:
        return orjson.dumps([dict(zip(names, values, strict=True)) for values in parameters]).decode()
    except TypeError:
        return None


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise translated(error) from None


def translated(error: psycopg.Error) -> sqlite3.Error:
    """The same error in sqlite3's terms, without any value."""
    if error.sqlstate in _CONTENDED:
        return Contended(f"another transaction was in the way ({error.sqlstate})")
    kind = next(ours for theirs, ours in _SAME if isinstance(error, theirs))
    return kind(_words(error))


def _words(error: psycopg.Error) -> str:
    if isinstance(error, psycopg.IntegrityError):
        said = error.diag.message_primary or ""
        return said if said.startswith("audit: ") else f"constraint {error.diag.constraint_name} failed"
    if error.sqlstate is None:  # the way to the server: its name and ours at most
        return (str(error).splitlines() or ["the connection to the database is lost"])[0]
    if error.sqlstate.startswith(("08", "25", "53", "55", "57", "42501")):
        return error.diag.message_primary or error.sqlstate
    return f"{type(error).__name__} ({error.sqlstate})"
