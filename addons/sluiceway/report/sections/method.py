"""How to read the report: where the figures come from, what is stored and what a proxy cannot see."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, select

from sluiceway.report import measures
from sluiceway.report.measures import ledger, within
from sluiceway.report.section import Context, Section
from sluiceway.types import UsageSource

_SHOWN = 12

SOURCES = {
    UsageSource.REPORTED: "reported by the provider",
    UsageSource.PARTIAL: "counted from an answer that was cut",
    UsageSource.ESTIMATED: "our estimate",
    UsageSource.NONE: "no count at all",
}


@dataclass(frozen=True, slots=True)
class Basis:
    label: str
    requests: int
    share: float


@dataclass(frozen=True, slots=True)
class Method:
    """`sources`: where token counts come from; the versions are those in force during the period."""

    sources: tuple[Basis, ...]
    price_versions: tuple[str, ...]
    policy_versions: tuple[str, ...]


def load(context: Context) -> Method:
    rows = context.connection.execute(
        select(ledger.c.usage_source, func.count())
        .where(within(context.period), measures.sent)
        .group_by(ledger.c.usage_source)
        .order_by(func.count().desc(), ledger.c.usage_source)
    ).all()
    everything = sum(requests for _, requests in rows)
    words: dict[str, str] = {source.value: label for source, label in SOURCES.items()}
    sources = tuple(
        Basis(words.get(source, source), requests, requests / everything) for source, requests in rows
    )
    return Method(
        sources, _versions(context, ledger.c.price_version), _versions(context, ledger.c.policy_version)
    )


def _versions(context: Context, column: ColumnElement[str | None]) -> tuple[str, ...]:
    rows = context.connection.scalars(
        select(column)
        .where(and_(within(context.period), column.is_not(None)))
        .group_by(column)
        .order_by(func.min(ledger.c.started_at))
        .limit(_SHOWN)
    )
    return tuple(version for version in rows if version is not None)


SECTION = Section("method", "How to read this report", load, without_traffic=True)
