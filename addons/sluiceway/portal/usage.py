"""What one person used and was refused: their own rows, found by the index on (principal, started_at).

A request, a known and an unknown cost mean the same here as in the report (report/measures.py); a test holds
the two together. The rooms are strangers, so the conditions are written twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, case, func, or_, select

from sluiceway.store.moments import from_us, to_us
from sluiceway.store.tables import ledger
from sluiceway.types import CostBasis, KeyClass, Outcome, Principal, UsageSource

REFUSALS = 20

_row = ledger.c
_attempted = and_(_row.kind == "request", _row.metered.is_(True))
_requested = and_(_attempted, _row.attempt == 1)
_refused = and_(_row.kind == "request", _row.outcome == Outcome.REFUSED)
_sent = and_(_attempted, _row.outcome.not_in((Outcome.OPEN, Outcome.REFUSED)))
_billed = _row.cost_basis.in_((CostBasis.LIST, CostBasis.CONTRACT))
_company = and_(_billed, _row.key_class.not_in((KeyClass.PERSONAL, KeyClass.SUBSCRIPTION)))
_own = or_(
    and_(_billed, _row.key_class.in_((KeyClass.PERSONAL, KeyClass.SUBSCRIPTION))),
    _row.cost_basis == CostBasis.NOTIONAL,
)
_nothing_used = and_(
    _row.outcome.in_((Outcome.UPSTREAM_ERROR, Outcome.INTERNAL_ERROR)),
    _row.usage_source == UsageSource.NONE,
    _row.charged_nusd == 0,
)
_served = and_(_sent, ~_nothing_used)
_unknown_cost = and_(_sent, _row.cost_nusd.is_(None), ~_nothing_used)
_unknown_tokens = and_(_sent, or_(_row.input_tokens.is_(None), _row.output_tokens.is_(None)), ~_nothing_used)
_model = func.coalesce(
    func.nullif(_row.model_served, ""),
    func.nullif(_row.model_routed, ""),
    func.nullif(_row.model_requested, ""),
)


@dataclass(frozen=True, slots=True)
class Used:
    """Rows added up. A sum is None where nothing is known; `unknown_cost` and `unknown_tokens` count the
    attempts that a sum leaves out, `served` those that a provider did something for. `own_nusd` is what was
    paid by the person's own key or login."""

    requests: int = 0
    refused: int = 0
    input_tokens: int | None = None
    output_tokens: int | None = None
    unknown_tokens: int = 0
    company_nusd: int | None = None
    own_nusd: int | None = None
    unknown_cost: int = 0
    served: int = 0

    @property
    def cost_nusd(self) -> int | None:
        """The company's cost as it may be shown: zero only where nothing is unknown."""
        return (self.company_nusd or None) if self.unknown_cost else (self.company_nusd or 0)

    @property
    def tokens_in(self) -> int | None:
        return (self.input_tokens or None) if self.unknown_tokens else (self.input_tokens or 0)

    @property
    def tokens_out(self) -> int | None:
        return (self.output_tokens or None) if self.unknown_tokens else (self.output_tokens or 0)

    def plus(self, other: Used) -> Used:
        return Used(
            self.requests + other.requests,
            self.refused + other.refused,
            _add(self.input_tokens, other.input_tokens),
            _add(self.output_tokens, other.output_tokens),
            self.unknown_tokens + other.unknown_tokens,
            _add(self.company_nusd, other.company_nusd),
            _add(self.own_nusd, other.own_nusd),
            self.unknown_cost + other.unknown_cost,
            self.served + other.served,
        )


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that was turned away."""

    at: datetime
    host: str
    model: str | None
    code: str
    rule: str | None


@dataclass(frozen=True, slots=True)
class Again:
    """So many refusals in a row for the same reason; `since` is the first one's moment."""

    latest: Refused
    times: int
    since: datetime


def in_a_row(found: Iterable[Refused]) -> tuple[Again, ...]:
    """Told once what came again and again; the latest first, as given."""
    rows: list[Again] = []
    for each in found:
        last = rows[-1] if rows else None
        if last is not None and replace(last.latest, at=each.at) == each:
            rows[-1] = Again(last.latest, last.times + 1, each.at)
        else:
            rows.append(Again(each, 1, each.at))
    return tuple(rows)


def used(
    connection: Connection, who: Principal, from_at: datetime, to_at: datetime
) -> dict[str | None, Used]:
    """By model (None: none named), the dearest first."""
    rows = connection.execute(usage_query(who, from_at, to_at)).all()
    found = {row.model: _used(row) for row in rows}
    return dict(sorted(found.items(), key=lambda item: (-(item[1].company_nusd or 0), -item[1].requests)))


def usage_query(who: Principal, from_at: datetime, to_at: datetime) -> Select[*tuple[Any, ...]]:
    return (
        select(
            _model.label("model"),
            _number(_requested).label("requests"),
            _number(_refused).label("refused"),
            func.sum(case((_attempted, _row.input_tokens))).label("input_tokens"),
            func.sum(case((_attempted, _row.output_tokens))).label("output_tokens"),
            _number(_unknown_tokens).label("unknown_tokens"),
            func.sum(case((_company, _row.cost_nusd))).label("company"),
            func.sum(case((_own, _row.cost_nusd))).label("own"),
            _number(_unknown_cost).label("unknown_cost"),
            _number(_served).label("served"),
        )
        .where(*_mine(who, from_at, to_at))
        .group_by(_model)
    )


def refusals(
    connection: Connection, who: Principal, from_at: datetime, to_at: datetime
) -> tuple[Refused, ...]:
    """The latest first, at most REFUSALS."""
    rows = connection.execute(refusals_query(who, from_at, to_at)).all()
    return tuple(
        Refused(
            from_us(row.started_at), row.host, row.model_requested, row.refusal_code or "", row.refusal_rule
        )
        for row in rows
    )


def refusals_query(who: Principal, from_at: datetime, to_at: datetime) -> Select[*tuple[Any, ...]]:
    return (
        select(_row.started_at, _row.host, _row.model_requested, _row.refusal_code, _row.refusal_rule)
        .where(*_mine(who, from_at, to_at), _refused)
        .order_by(_row.started_at.desc())
        .limit(REFUSALS)
    )


def _mine(who: Principal, from_at: datetime, to_at: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        _row.principal == who.name,
        _row.principal_kind == who.kind,
        _row.started_at >= to_us(from_at),
        _row.started_at < to_us(to_at),
    )


def _used(row: Row[*tuple[Any, ...]]) -> Used:
    sums = (row.input_tokens, row.output_tokens, row.company, row.own)
    read, written, company, own = (None if each is None else int(each) for each in sums)
    return Used(
        int(row.requests),
        int(row.refused),
        read,
        written,
        int(row.unknown_tokens),
        company,
        own,
        int(row.unknown_cost),
        int(row.served),
    )


def _number(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _add(one: int | None, two: int | None) -> int | None:
    return two if one is None else one if two is None else one + two
