"""The time axis of a chart: steps short enough to show a day's demo, long enough for a year."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC

from sqlalchemy import ColumnElement, Connection, func, select

from sluiceway.report.measures import ledger, within
from sluiceway.report.model import Period, from_us
from sluiceway.report.text import day_and_month

_SECOND = 1_000_000
DAY_US = 86_400 * _SECOND
_MOST_STEPS = 62
_STEPS = (
    (5 * _SECOND, "5 seconds"),
    (60 * _SECOND, "minute"),
    (600 * _SECOND, "10 minutes"),
    (3600 * _SECOND, "hour"),
    (DAY_US, "day"),
    (7 * DAY_US, "week"),
    (30 * DAY_US, "30 days"),
)


@dataclass(frozen=True, slots=True)
class Timeline:
    """Equal steps from `start_us`; `step_name` reads after 'per'."""

    start_us: int
    step_us: int
    steps: int
    step_name: str

    @property
    def position(self) -> ColumnElement[int]:
        """The step a ledger row falls into, from 0."""
        return (ledger.c.started_at - self.start_us) // self.step_us

    def label(self, step: int) -> str:
        at = from_us(self.start_us + step * self.step_us).astimezone(UTC)
        if self.step_us >= DAY_US:
            return day_and_month(at)
        return f"{at:%H:%M:%S}" if self.step_us < 60 * _SECOND else f"{at:%H:%M}"

    @property
    def labels(self) -> Sequence[str]:
        return [self.label(step) for step in range(self.steps)]

    @property
    def dates(self) -> str:
        """The day or days on the axis, for a caption."""
        first, last = from_us(self.start_us), from_us(self.start_us + self.steps * self.step_us - 1)
        one, two = day_and_month(first), day_and_month(last)
        return f"{one} {first.year}" if one == two else f"{one} to {two} {last.year}"


def load(connection: Connection, period: Period) -> Timeline:
    """Days over the whole period; finer steps over what is there when all traffic fell within a day or so."""
    seen = select(func.min(ledger.c.started_at), func.max(ledger.c.started_at)).where(within(period))
    first, last = connection.execute(seen).one()
    if first is None or last - first > DAY_US * 3 // 2:
        return _fit(period.from_us, period.to_us - 1, at_least_us=DAY_US)
    return _fit(first, last, at_least_us=0)


def _fit(first_us: int, last_us: int, at_least_us: int) -> Timeline:
    for step_us, step_name in _STEPS:
        start_us = first_us - first_us % min(step_us, DAY_US)
        steps = (last_us - start_us) // step_us + 1
        if step_us >= at_least_us and steps <= _MOST_STEPS:
            return Timeline(start_us, step_us, steps, step_name)
    step_us = DAY_US * 30 * ((last_us - first_us) // (DAY_US * 30 * _MOST_STEPS) + 1)
    start_us = first_us - first_us % DAY_US
    return Timeline(start_us, step_us, (last_us - start_us) // step_us + 1, f"{step_us // DAY_US} days")
