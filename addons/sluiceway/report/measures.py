"""What is counted, as SQL: one definition of a request, of spend and of an unknown cost for every section.

Sums leave NULL out, so each sum of money travels with the number of rows whose cost is unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, case, exists, func, or_, select

from sluiceway.report.model import Period
from sluiceway.store.tables import ledger as ledger  # the one table nearly every section reads
from sluiceway.types import CostBasis, KeyClass, Outcome, UsageSource

Condition = ColumnElement[bool]

_row = ledger.c

attempted: Condition = and_(_row.kind == "request", _row.metered.is_(True))
requested: Condition = and_(attempted, _row.attempt == 1)
refused: Condition = and_(_row.kind == "request", _row.outcome == Outcome.REFUSED)
sent: Condition = and_(attempted, _row.outcome.not_in((Outcome.OPEN, Outcome.REFUSED)))

# Paid by the company: list or contract price, and not on a key known to be somebody's own.
_billed: Condition = _row.cost_basis.in_((CostBasis.LIST, CostBasis.CONTRACT))
_own_key: Condition = _row.key_class == KeyClass.PERSONAL
spent: Condition = and_(_billed, _row.key_class.not_in((KeyClass.PERSONAL, KeyClass.SUBSCRIPTION)))
personal: Condition = and_(_billed, _own_key)
notional: Condition = or_(
    _row.cost_basis == CostBasis.NOTIONAL, and_(_billed, _row.key_class == KeyClass.SUBSCRIPTION)
)

# A failed attempt that used nothing and was charged nothing has no cost to be unknown.
_used_nothing: Condition = and_(
    _row.outcome.in_((Outcome.UPSTREAM_ERROR, Outcome.INTERNAL_ERROR)),
    _row.usage_source == UsageSource.NONE,
    _row.charged_nusd == 0,
)
# Row and corrections together say what a request cost: one that was corrected is unknown no more.
_fix = ledger.alias("fix")
corrected: Condition = (
    exists()
    .where(
        _fix.c.kind == "correction",
        _fix.c.corrects == _row.request_id,
        _fix.c.attempt == _row.attempt,
        func.coalesce(_fix.c.turn, -1) == func.coalesce(_row.turn, -1),
    )
    .correlate(ledger)
)
unknown_cost: Condition = and_(sent, _row.cost_nusd.is_(None), ~_used_nothing, ~corrected)

model: ColumnElement[str | None] = func.coalesce(
    func.nullif(_row.model_served, ""),
    func.nullif(_row.model_routed, ""),
    func.nullif(_row.model_requested, ""),
)


def within(period: Period) -> Condition:
    return and_(_row.started_at >= period.from_us, _row.started_at < period.to_us)


def any_row(connection: Connection, period: Period) -> bool:
    return connection.scalar(select(_row.id).where(within(period)).limit(1)) is not None


def number(condition: Condition) -> ColumnElement[int]:
    """How many rows meet the condition."""
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def total(column: ColumnElement[Any], condition: Condition | None = None) -> ColumnElement[int | None]:
    """The sum of what is known; NULL when nothing is. PostgreSQL sums bigint to numeric: see `whole`."""
    value = column if condition is None else case((condition, column))
    return func.sum(value)


def active(principal_kind: str) -> ColumnElement[int]:
    """How many people or services had a row; a stranger with wrong credentials is neither."""
    return func.count(
        case((_row.principal_kind == principal_kind, func.nullif(_row.principal, ""))).distinct()
    )


def cost_columns() -> list[ColumnElement[Any]]:
    """What `Cost.of` reads from a row."""
    return [
        total(_row.cost_nusd, spent).label("spend"),
        total(_row.cost_nusd, notional).label("notional"),
        total(_row.cost_nusd, personal).label("personal"),
        number(unknown_cost).label("unknown"),
        total(_row.charged_nusd, unknown_cost).label("bound"),
    ]


def token_columns() -> list[ColumnElement[Any]]:
    return [
        total(_row.input_tokens, attempted).label("input_tokens"),
        total(_row.cache_read_tokens, attempted).label("cache_read_tokens"),
        total(_row.output_tokens, attempted).label("output_tokens"),
    ]


def whole(value: object) -> int | None:
    """A sum as an int (PostgreSQL answers Decimal), None when nothing was known."""
    return None if value is None else int(str(value))


@dataclass(frozen=True, slots=True)
class Cost:
    """Money of a group of rows: what is known, and how many requests would have to be added to it.

    `known_nusd` is None where no row had a cost; `bound_nusd` is what caps were charged for the unknown.
    """

    known_nusd: int | None
    notional_nusd: int
    personal_nusd: int
    unknown: int
    bound_nusd: int

    @property
    def spend_nusd(self) -> int | None:
        """Zero only where nothing is unknown; None where a cost is and nothing above zero is known."""
        return (self.known_nusd or None) if self.unknown else (self.known_nusd or 0)

    @property
    def is_apart(self) -> bool:
        """Whether there is money in it that the company does not pay by the token."""
        return bool(self.notional_nusd or self.personal_nusd)

    @classmethod
    def of(cls, row: Row[*tuple[Any, ...]]) -> Cost:
        return cls(
            whole(row.spend),
            whole(row.notional) or 0,
            whole(row.personal) or 0,
            int(row.unknown or 0),
            whole(row.bound) or 0,
        )

    def plus(self, other: Cost) -> Cost:
        return Cost(
            add(self.known_nusd, other.known_nusd),
            self.notional_nusd + other.notional_nusd,
            self.personal_nusd + other.personal_nusd,
            self.unknown + other.unknown,
            self.bound_nusd + other.bound_nusd,
        )


@dataclass(frozen=True, slots=True)
class Tokens:
    """Token sums; None where no row of the group reported them."""

    input_tokens: int | None
    cache_read_tokens: int | None
    output_tokens: int | None

    @classmethod
    def of(cls, row: Row[*tuple[Any, ...]]) -> Tokens:
        return cls(whole(row.input_tokens), whole(row.cache_read_tokens), whole(row.output_tokens))

    @property
    def all_tokens(self) -> int | None:
        return add(self.input_tokens, self.output_tokens)

    @property
    def cached_share(self) -> float | None:
        if self.cache_read_tokens is None or not self.input_tokens:
            return None
        return self.cache_read_tokens / self.input_tokens

    def plus(self, other: Tokens) -> Tokens:
        return Tokens(
            add(self.input_tokens, other.input_tokens),
            add(self.cache_read_tokens, other.cache_read_tokens),
            add(self.output_tokens, other.output_tokens),
        )


def add(one: int | None, two: int | None) -> int | None:
    """The sum of what is known of the two."""
    return two if one is None else one if two is None else one + two
