"""How long people waited: time to the first token by model and by provider, and what the proxy itself
added."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, case, func, literal, select

from sluiceway.report import measures
from sluiceway.report.measures import ledger, within
from sluiceway.report.section import Context, Section
from sluiceway.types import Outcome

_SHOWN = 15
_SAMPLE_ROWS = 200_000
_FAILED = (Outcome.UPSTREAM_ERROR, Outcome.INTERNAL_ERROR)  # a quick no is no quick answer


@dataclass(frozen=True, slots=True)
class Spread:
    """Nearest-rank percentiles in milliseconds over `answers` rows."""

    label: str | None
    answers: int
    p50_ms: float
    p95_ms: float


@dataclass(frozen=True, slots=True)
class Latency:
    """`sampled`: one row in this many was looked at; 1 means all. `slowest_ms` scales the bars."""

    models: tuple[Spread, ...]
    providers: tuple[Spread, ...]
    overhead: Spread | None
    sampled: int

    @property
    def slowest_ms(self) -> float:
        return max((spread.p95_ms for spread in (*self.models, *self.providers)), default=1.0) or 1.0


def load(context: Context) -> Latency:
    where = and_(within(context.period), measures.sent, ledger.c.outcome.not_in(_FAILED))
    rows = context.connection.scalar(select(func.count()).select_from(ledger).where(where)) or 0
    sampled = max(1, -(-rows // _SAMPLE_ROWS))
    if sampled > 1:
        where = and_(where, ledger.c.id % sampled == 0)
    models = _spreads(context, measures.model, ledger.c.ttft_ms, where)
    providers = _spreads(context, ledger.c.provider, ledger.c.ttft_ms, where)
    overhead = _spreads(context, literal("all"), ledger.c.overhead_ms, where)
    return Latency(models, providers, overhead[0] if overhead else None, sampled)


def _spreads(
    context: Context,
    label: ColumnElement[str | None],
    value: ColumnElement[float | None],
    where: measures.Condition,
) -> tuple[Spread, ...]:
    """The labels with most answers; percentiles by rank, so that every engine agrees."""
    ranks = (
        select(
            label.label("label"),
            value.label("value"),
            func.row_number().over(partition_by=label, order_by=value).label("place"),
            func.count().over(partition_by=label).label("answers"),
        )
        .where(where, value.is_not(None))
        .subquery()
    )
    column = ranks.c

    def at(hundredths: int) -> ColumnElement[float]:
        return func.max(case((column.place == (column.answers * hundredths + 99) // 100, column.value)))

    rows = context.connection.execute(
        select(column.label, column.answers, at(50).label("p50"), at(95).label("p95"))
        .group_by(column.label, column.answers)
        .order_by(column.answers.desc(), column.label)
        .limit(_SHOWN)
    )
    return tuple(Spread(row.label, row.answers, row.p50, row.p95) for row in rows)


SECTION = Section("latency", "Latency", load)
