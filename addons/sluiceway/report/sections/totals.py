"""Headline figures of the period, each beside the equally long period before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, case, distinct, func, select

from sluiceway.report import measures
from sluiceway.report.measures import Cost, Tokens, ledger, number, total, within
from sluiceway.report.model import Attention, Period, Weight
from sluiceway.report.section import Context, Section
from sluiceway.report.text import change, percent, usd
from sluiceway.types import KeyClass, Outcome

_GROWTH = 0.5
_GROWTH_NUSD = 10 * 10**9  # below ten dollars a jump is no news


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over one period. `requests` counts metered ones once, however often they were tried."""

    cost: Cost
    tokens: Tokens
    unclear_nusd: int
    requests: int
    attempts: int
    open: int
    refused: int
    unmetered: int
    people: int
    services: int
    teams: int


@dataclass(frozen=True, slots=True)
class Headline:
    now: Totals
    before: Totals | None
    before_period: Period

    def change(self, field: str) -> str:
        """How a count of Totals moved, in words; nothing where there is nothing to compare with."""
        return "" if self.before is None else change(getattr(self.now, field), getattr(self.before, field))

    @property
    def spend_change(self) -> str:
        return "" if self.before is None else change(self.now.cost.spend_nusd, self.before.cost.spend_nusd)

    @property
    def tokens_change(self) -> str:
        return (
            "" if self.before is None else change(self.now.tokens.all_tokens, self.before.tokens.all_tokens)
        )


def load(context: Context) -> Headline:
    before_period = context.period.previous()
    earlier = measures.any_row(context.connection, before_period)
    before = sums(context.connection, before_period) if earlier else None
    return Headline(sums(context.connection, context.period), before, before_period)


def sums(connection: Connection, period: Period) -> Totals:
    row_ = ledger.c
    unclear = measures.spent & (row_.key_class == KeyClass.UNKNOWN)

    row = connection.execute(
        select(
            *measures.cost_columns(),
            *measures.token_columns(),
            total(row_.cost_nusd, unclear).label("unclear"),
            number(measures.requested).label("requests"),
            number(measures.attempted).label("attempts"),
            number(row_.outcome == Outcome.OPEN).label("open"),
            number(measures.refused).label("refused"),
            number((row_.kind == "request") & row_.metered.is_(False)).label("unmetered"),
            measures.active("employee").label("people"),
            measures.active("service").label("services"),
            func.count(distinct(case((row_.principal_kind == "employee", func.nullif(row_.team, ""))))).label(
                "teams"
            ),
        ).where(within(period))
    ).one()
    return Totals(
        Cost.of(row),
        Tokens.of(row),
        measures.whole(row.unclear) or 0,
        int(row.requests),
        int(row.attempts),
        int(row.open),
        int(row.refused),
        int(row.unmetered),
        row.people,
        row.services,
        row.teams,
    )


def attention(data: Headline) -> Sequence[Attention]:
    if data.before is None:
        return ()
    now, before = data.now.cost.known_nusd or 0, data.before.cost.known_nusd or 0
    if not before or now - before < _GROWTH_NUSD or now < before * (1 + _GROWTH):
        return ()
    headline = f"Spend rose by {percent((now - before) / before)}"
    detail = f"{usd(now)} after {usd(before)} in the equally long period before."
    return (Attention(Weight.KNOW, headline, detail, "totals"),)


SECTION = Section("totals", "At a glance", load, attention, without_traffic=True)
