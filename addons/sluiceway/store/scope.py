"""Which ledger rows a counter covers: the budgeted ones its scope matches that started in its window.

This is the one definition behind admission, opening balances, crash recovery and `ledger verify`: a counter
covers a row because of what the row is, whatever budgets were in force when it was written. So a budget that
is removed for a while and comes back finds the right balance, and nothing needs to record who holds what.
"""

from __future__ import annotations

from typing import NamedTuple

import orjson

from sluiceway.types import LedgerRow

type Scope = tuple[tuple[str, str], ...]

# What a budget may be kept by -> the ledger column, and the kind of principal it is about.
DIMENSIONS: dict[str, tuple[str, str | None]] = {
    "employee": ("principal", "employee"),
    "service": ("principal", "service"),
    "team": ("team", None),
    "project": ("project", None),
    "cost_center": ("cost_center", None),
}


class Who(NamedTuple):
    """The columns of a ledger row that scopes look at. They never change once the row is written."""

    principal: str
    principal_kind: str
    team: str
    project: str | None
    cost_center: str | None

    def value(self, dimension: str) -> str | None:
        """This row's value in a dimension, None where it has none."""
        column, kind = DIMENSIONS[dimension]
        if kind is not None and self.principal_kind != kind:
            return None
        found: str | None = getattr(self, column)
        return found


def who_is(row: LedgerRow) -> Who:
    """The scope columns of a row."""
    return Who(row.principal, row.principal_kind, row.team, row.project, row.cost_center)


def unknown_dimension(scope: Scope) -> str | None:
    """The first dimension the ledger has no column for."""
    return next((dimension for dimension, _ in scope if dimension not in DIMENSIONS), None)


def where(scope: Scope, starts_us: int, ends_us: int | None) -> tuple[str, list[str | int]]:
    """The SQL condition, with its parameters, for the ledger rows a counter covers."""
    terms, values = ["budgeted", "started_at >= ?"], [starts_us]
    if ends_us is not None:
        terms.append("started_at < ?")
        values.append(ends_us)
    whose, names = of_whom(scope)
    return " AND ".join((*terms, whose)), [*values, *names]


def of_whom(scope: Scope) -> tuple[str, list[str]]:
    """The part of a condition that says whose rows they are."""
    terms, parameters = ["TRUE"], []
    for dimension, value in scope:
        column, kind = DIMENSIONS[dimension]
        terms.append(f"{column} = ?")
        parameters.append(value)
        if kind is not None:
            terms.append("principal_kind = ?")
            parameters.append(kind)
    return " AND ".join(terms), parameters


def to_json(scope: Scope) -> str:
    """A scope as `counters.scope` keeps it: a list of [dimension, value]."""
    return orjson.dumps(scope).decode()


def from_json(text: str) -> Scope:
    """The scope written by to_json."""
    return tuple((str(dimension), str(value)) for dimension, value in orjson.loads(text))
