"""Ledger rows as parameters of the hot statements, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from operator import attrgetter, itemgetter
from typing import Any

import orjson

from sluiceway.errors import StoreError
from sluiceway.store.amounts import NOTHING, Amounts
from sluiceway.store.moments import from_us, to_us
from sluiceway.store.scope import Who
from sluiceway.types import LedgerRow, Outcome, UsageSource

type Value = str | int | float | None

# No single answer costs a million dollars: such a figure is a fault, and summing a few overflows 64 bits.
MAX_CHARGE_NUSD = 10**15

FIELDS = tuple(field.name for field in fields(LedgerRow) if field.name != "spends")
# What a row is and who it belongs to is written once; settling cannot change it.
_FIXED = {
    "kind",
    "corrects",
    "request_id",
    "attempt",
    "turn",
    "started_at",
    "budgeted",
    "identity_path",
    *Who._fields,
}
FINAL = tuple(name for name in FIELDS if name not in _FIXED)

_INTERNAL = ("id", "owner", "requests", "reserved_nusd", "reserved_tokens", "charged_tokens")
COLUMNS = (*_INTERNAL, *FIELDS)

INSERT = (
    f"INSERT INTO ledger ({', '.join(COLUMNS)}) "  # noqa: S608 - our own column names
    f"VALUES ({', '.join('?' * len(COLUMNS))})"
)
RELEASED = "reserved_nusd = 0, reserved_tokens = 0, owner = NULL"
SETTLE = (
    f"UPDATE ledger SET {', '.join(f'{name} = ?' for name in FINAL)}, "  # noqa: S608 - our own column names
    f"charged_tokens = coalesce(?, reserved_tokens), {RELEASED} WHERE id = ?"
)
# Ends a row of which no more is known than that it was open: a crash, a client gone before it began.
CLOSE = (
    "UPDATE ledger SET outcome = ?, usage_source = ?, charged_nusd = ?, requests = ?, charged_tokens = ?, "
    "ended_at = ?, cost_nusd = NULL, reserved_nusd = 0, reserved_tokens = 0, owner = NULL WHERE id = ?"
)
TOP_UP = (
    "UPDATE ledger SET reserved_nusd = reserved_nusd + ?, reserved_tokens = reserved_tokens + ? WHERE id = ?"
)
FIND = (
    "SELECT id, outcome FROM ledger WHERE kind = 'request' AND request_id = ? AND attempt = ? "
    "AND coalesce(turn, -1) = coalesce(?, -1)"
)
# Gives an open row to nobody: its request is over, its usage comes with a later one (store/deferred.py).
DEFER = (
    "UPDATE ledger SET owner = ?, response_id = ?, status = ?, upstream_status = ?, ttft_ms = ?, "
    "overhead_ms = ? WHERE id = ?"
)
WAIT = (
    "INSERT INTO deferred (ledger_id, kind, digest, input_tokens, spends, expires_at) "
    "VALUES (?, ?, ?, ?, ?, ?)"
)
CAME = "UPDATE deferred SET settled_at = ? WHERE ledger_id = ?"
CHANGE = "UPDATE counters SET spent = spent + ?, reserved = reserved + ? WHERE counter = ?"

_values = attrgetter(*FIELDS)
_final = itemgetter(*(FIELDS.index(name) for name in FINAL))
_STARTED, _ENDED = FIELDS.index("started_at"), FIELDS.index("ended_at")
_JSON = tuple(FIELDS.index(name) for name in ("tool_units", "guard_findings"))
# sqlite3 binds a plain str several times faster than an enum that is one.
_ENUMS = tuple(FIELDS.index(name) for name in ("key_class", "usage_source", "cost_basis", "outcome"))


def opening(row: LedgerRow) -> tuple[Value, ...]:
    """The columns of a row that starts open, for `opened`."""
    if row.outcome != Outcome.OPEN or row.charged_nusd:
        raise StoreError("a row is admitted open and uncharged")
    return tuple(_encoded(row))


def final(row: LedgerRow) -> tuple[Value, ...]:
    """The columns of a row that never was open, for `recorded`."""
    _must_be_final(row)
    return tuple(_encoded(row))


def opened(ledger_id: int, owner: str, held: Amounts, columns: tuple[Value, ...]) -> tuple[Value, ...]:
    """The parameters of INSERT for a row that `owner` holds open."""
    return (ledger_id, owner, held.requests, held.usd, held.tokens, 0, *columns)


def recorded(ledger_id: int, columns: tuple[Value, ...], charged: Amounts = NOTHING) -> tuple[Value, ...]:
    """The parameters of INSERT for a row that never was open: nothing is reserved, no request admitted."""
    return (ledger_id, None, 0, 0, 0, charged.tokens, *columns)


def settling(row: LedgerRow, ledger_id: int, tokens: int | None) -> tuple[Value, ...]:
    """The parameters of SETTLE. `tokens` None: it is charged those it had reserved."""
    _must_be_final(row)
    return (*_final(_encoded(row)), tokens, ledger_id)


def closing(
    ledger_id: int, outcome: Outcome, source: UsageSource, charged: Amounts, ended_us: int
) -> tuple[Value, ...]:
    """The parameters of CLOSE."""
    return (str(outcome), str(source), charged.usd, charged.requests, charged.tokens, ended_us, ledger_id)


def stored(row: LedgerRow) -> dict[str, Value]:
    """A row as its columns have it, for `ledger_row`."""
    return dict(zip(FIELDS, _encoded(row), strict=True))


def ledger_row(stored: Mapping[str, Any]) -> LedgerRow:
    """The row of one result mapping of `tables.ledger`, as it was settled."""
    values = {name: stored[name] for name in FIELDS}
    values["started_at"] = from_us(stored["started_at"])
    values["ended_at"] = None if stored["ended_at"] is None else from_us(stored["ended_at"])
    for name in ("tool_units", "guard_findings"):
        values[name] = orjson.loads(stored[name])
    for name in ("stream", "metered", "budgeted"):
        values[name] = bool(stored[name])
    return LedgerRow(**values)


def _must_be_final(row: LedgerRow) -> None:
    if row.outcome == Outcome.OPEN:
        raise StoreError("a final row needs an outcome")
    least_nusd = -MAX_CHARGE_NUSD if row.kind == "correction" else 0
    if not least_nusd <= row.charged_nusd <= MAX_CHARGE_NUSD:
        raise StoreError("a charge must be between nothing and a million dollars")


def _encoded(row: LedgerRow) -> list[Value]:
    values: list[Any] = list(_values(row))
    values[_STARTED] = to_us(row.started_at)
    if row.ended_at is not None:
        values[_ENDED] = to_us(row.ended_at)
    for index in _JSON:
        values[index] = orjson.dumps(dict(values[index])).decode() if values[index] else "{}"
    for index in _ENUMS:
        values[index] = str(values[index])
    return values
