"""Which ledger rows a counter covers: the budgeted ones its scope matches that started in its window.

This is the one definition behind admission, opening balances, crash recovery and `ledger verify`: a counter
covers a row because of what the row is, whatever budgets were in force when it was written. So a budget that
is removed for a while and comes back finds the right balance, and nothing needs to record who holds what.
"""

from __future__ import annotations

from operator import attrgetter
from typing import NamedTuple

import orjson

from sluiceway.policy.match import matches
from sluiceway.types import LedgerRow

type Scope = tuple[tuple[str, str], ...]

# What a budget may be kept by -> the ledger column, and the kind of principal it is about. Models are what
# was sent to the provider, whatever dated name it answered with, since that is known from the start.
DIMENSIONS: dict[str, tuple[str, str | None]] = {
    "employee": ("principal", "employee"),
    "service": ("principal", "service"),
    "team": ("team", None),
    "project": ("project", None),
    "cost_center": ("cost_center", None),
    "key": ("key_fingerprint", None),
    "provider": ("provider", None),
    "model": ("model_routed", None),
    "models": ("model_routed", None),
    "client": ("client_name", None),
    "conversation": ("conversation_id", None),
}
# How a dimension is compared, where it is not by being equal. Models have no case, here and in `Who.value`.
# SQLite's LIKE has none either, PostgreSQL's has: so both sides are lower.
_COMPARED = {"model": "lower({}) = ?", "models": "lower({}) LIKE ? ESCAPE '!'"}


class Who(NamedTuple):
    """The columns of a ledger row that scopes look at. They never change once the row is written."""

    principal: str
    principal_kind: str
    team: str
    project: str | None
    cost_center: str | None
    key_fingerprint: str | None = None
    provider: str = ""
    model_routed: str | None = None
    client_name: str | None = None
    conversation_id: str | None = None

    def value(self, dimension: str) -> str | None:
        """This row's value in a dimension, None where it has none."""
        column, kind = DIMENSIONS[dimension]
        if kind is not None and self.principal_kind != kind:
            return None
        found: str | None = getattr(self, column)
        return found.lower() if found is not None and column == "model_routed" else found

    def fits(self, dimension: str, value: str) -> bool:
        """Whether the row is of this value in a dimension."""
        own = self.value(dimension)
        return matches(value, own) if dimension == "models" else own == value


COLUMNS = ", ".join(Who._fields)
_columns = attrgetter(*Who._fields)


def who_is(row: LedgerRow) -> Who:
    """The scope columns of a row."""
    return Who._make(_columns(row))


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
    """The part of a condition that says whose rows they are, and of what."""
    terms, parameters = ["TRUE"], []
    for dimension, value in scope:
        column, kind = DIMENSIONS[dimension]
        terms.append(_COMPARED.get(dimension, "{} = ?").format(column))
        parameters.append(_like(value) if dimension == "models" else value)
        if kind is not None:
            terms.append("principal_kind = ?")
            parameters.append(kind)
    return " AND ".join(terms), parameters


def _like(pattern: str) -> str:
    """A pattern with `*` and `?` as LIKE has it."""
    return "".join({"*": "%", "?": "_"}.get(c, f"!{c}" if c in "!%_" else c) for c in pattern)


def to_json(scope: Scope) -> str:
    """A scope as `counters.scope` keeps it: a list of [dimension, value]."""
    return orjson.dumps(scope).decode()


def from_json(text: str) -> Scope:
    """The scope written by to_json."""
    return tuple((str(dimension), str(value)) for dimension, value in orjson.loads(text))
