"""The statements of a batch that come once for each row, as one statement for all rows: PostgreSQL's way.

For a batch of many rows the server would parse, start and end as many statements; and each row's parameters
travel one by one. As one JSON document they cost a third (docs/performance.md). What the statements say is
still said once, in `rows`: a form is made from the columns of each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import BigInteger, Text
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

from sluiceway.store import rows
from sluiceway.store.engines.adapter import InOne
from sluiceway.store.tables import ledger

_TYPES: dict[str, TypeEngine[Any]] = {column.name: column.type for column in ledger.columns}


def _rows(columns: Mapping[str, TypeEngine[Any]]) -> str:
    """The rows of the document, as a table `new`."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's
    typed = ", ".join(f"{name} {kind.compile(dialect)}" for name, kind in columns.items())
    return f"json_to_recordset(?::json) AS new({typed})"


def _insert() -> InOne:
    columns = {name: _TYPES[name] for name in rows.COLUMNS}
    names = ", ".join(columns)
    return InOne(
        f"INSERT INTO ledger ({names}) SELECT {names} FROM {_rows(columns)}",  # noqa: S608 - our own columns
        tuple(columns),
    )


def _settle() -> InOne:
    columns: dict[str, TypeEngine[Any]] = {name: _TYPES[name] for name in rows.FINAL}
    columns |= {"tokens": BigInteger(), "id": BigInteger()}
    values = ", ".join(f"{name} = new.{name}" for name in rows.FINAL)
    return InOne(
        f"UPDATE ledger SET {values}, charged_tokens = coalesce(new.tokens, ledger.reserved_tokens), "  # noqa: S608 - our own columns
        f"{rows.RELEASED} FROM {_rows(columns)} WHERE ledger.id = new.id",
        tuple(columns),
        planned_anew=True,
    )


def _change() -> InOne:
    columns: dict[str, TypeEngine[Any]] = {"spent": BigInteger(), "reserved": BigInteger(), "counter": Text()}
    return InOne(
        "UPDATE counters SET spent = counters.spent + new.spent, reserved = counters.reserved + new.reserved "  # noqa: S608 - our own columns
        f"FROM {_rows(columns)} WHERE counters.counter = new.counter",
        tuple(columns),
        planned_anew=True,
    )


FORMS: Mapping[str, InOne] = {rows.INSERT: _insert(), rows.SETTLE: _settle(), rows.CHANGE: _change()}
