"""Spend over time, stacked by the models that cost most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, case, literal, select

from sluiceway.report import chart, measures
from sluiceway.report.groups import rank
from sluiceway.report.measures import Cost, ledger, number, within
from sluiceway.report.section import Context, Section
from sluiceway.report.text import usd, usd_tick

_SERIES = 5


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the axis; `values` are the spend of each series, in the order of the legend."""

    label: str
    cost: Cost
    requests: int
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Spend:
    """`series` are model names, the last one 'other models' where there are more."""

    step_name: str
    dates: str
    series: tuple[str | None, ...]
    has_others: bool
    steps: tuple[Step, ...]
    drawing: chart.Stacked

    @property
    def any_spend(self) -> bool:
        return any(value for step in self.steps for value in step.values)


def load(context: Context) -> Spend:
    line = context.timeline
    model = measures.model.label("model")
    ranked = rank(
        context.connection,
        [model],
        measures.cost_columns(),
        within(context.period) & measures.spent & ledger.c.cost_nusd.is_not(None),
        ["spend"],
        _SERIES,
    )
    tops = [row.model for row in ranked.top]
    series = (*tops, None) if ranked.others is not None else tuple(tops)
    values = [[0] * line.steps for _ in range(_SERIES + 1)]
    costs: list[Cost] = [Cost(None, 0, 0, 0, 0)] * line.steps
    requests = [0] * line.steps
    for row in context.connection.execute(
        select(
            line.position.label("step_no"),
            _series_number(tops).label("series_no"),
            *measures.cost_columns(),
            number(measures.requested).label("requests"),
        )
        .where(within(context.period))
        .group_by("step_no", "series_no")
    ):
        cost = Cost.of(row)
        values[row.series_no][row.step_no] += cost.known_nusd or 0
        costs[row.step_no] = costs[row.step_no].plus(cost)
        requests[row.step_no] += int(row.requests)
    used = [*values[: len(tops)], values[_SERIES]][: len(series)]
    steps = tuple(
        Step(label, costs[i], requests[i], tuple(one[i] for one in used))
        for i, label in enumerate(line.labels)
    )
    drawing = chart.stacked(line.labels, used, usd, usd_tick)
    return Spend(line.step_name, line.dates, series, ranked.others is not None, steps, drawing)


def _series_number(tops: Sequence[str | None]) -> ColumnElement[int]:
    """Which series a row belongs to; all that are not at the top share the last."""
    if not tops:
        return literal(_SERIES)
    return case(*((_is(name), number_) for number_, name in enumerate(tops)), else_=_SERIES)


def _is(name: str | None) -> measures.Condition:
    return measures.model.is_(None) if name is None else measures.model == name


SECTION = Section("timeline", "Spend over time", load)
