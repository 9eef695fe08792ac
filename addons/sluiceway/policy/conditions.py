"""Conditions of a match that are more than a name: ranges, hours of the week, how a budget or a target
stands.

What cannot be told does not hold.
"""

from __future__ import annotations

import re
from datetime import time, timedelta
from functools import cached_property
from typing import Annotated, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from sluiceway.settings.section import Name, Section
from sluiceway.types import Facts, Health, Target

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
MIDNIGHT = "24:00"

type Tokens = Annotated[int, Field(ge=0, le=10**12, strict=True)]
type Percent = Annotated[int, Field(ge=0, le=1000, strict=True)]
type Milliseconds = Annotated[int, Field(ge=0, le=3_600_000, strict=True)]


class Range(Section):
    """A number between two bounds, both included; a bound that is left out does not bind."""

    at_least: Tokens | None = None
    at_most: Tokens | None = None

    def holds(self, number: float | None) -> bool:
        """Whether the number lies in the range; an unknown one does not."""
        low, high = self.at_least, self.at_most
        return number is not None and (low is None or number >= low) and (high is None or number <= high)


def _clock(text: object) -> object:
    if text == MIDNIGHT:
        return time(0)
    if not isinstance(text, str) or not (found := CLOCK.fullmatch(text)):
        raise ValueError('write a time of the day in quotes, such as "08:00"')
    return time(int(found[1]), int(found[2]))


def _days(text: str) -> str:
    first, dash, last = text.partition("-")
    if first not in DAYS or (dash and last not in DAYS):
        raise ValueError("write a day or a stretch of days, such as sat or mon-fri")
    return text


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("not a time zone; write one such as UTC or Europe/Berlin") from None
    return name


class Hours(Section):
    """A stretch of the day, on some days of the week or on all: `from` is in it, `to` is not. One that passes
    midnight belongs to the day it begins on. In the company's time zone, unless `zone` names another."""

    from_: Annotated[time, BeforeValidator(_clock)] = Field(alias="from", default=time(0))
    to: Annotated[time, BeforeValidator(_clock)] = time(0)
    days: Annotated[tuple[Annotated[str, AfterValidator(_days)], ...], Field(min_length=1)] = ("mon-sun",)
    zone: Annotated[str, AfterValidator(_zone)] | None = None

    @model_validator(mode="after")
    def _some_time(self) -> Self:
        if self.from_ == self.to and self.from_ != time(0):
            raise ValueError('write two different times, such as {from: "08:00", to: "18:00"}')
        return self

    @cached_property
    def _weekdays(self) -> frozenset[int]:
        found: set[int] = set()
        for text in self.days:
            first, _, last = text.partition("-")
            begin, end = DAYS.index(first), DAYS.index(last or first)
            found |= {day % 7 for day in range(begin, end + (7 if end < begin else 0) + 1)}
        return frozenset(found)

    @cached_property
    def _own_zone(self) -> ZoneInfo | None:
        return None if self.zone is None else ZoneInfo(self.zone)

    def holds(self, facts: Facts) -> bool:
        """Whether the request began in these hours."""
        if facts.at is None:
            return False
        here = facts.at.astimezone(self._own_zone or facts.zone)
        clock, day = here.time(), here.date()
        if self.from_ < self.to:
            return self.from_ <= clock < self.to and day.weekday() in self._weekdays
        if clock < self.to:
            day -= timedelta(days=1)  # what passes midnight belongs to the day before
        elif clock < self.from_:
            return False
        return day.weekday() in self._weekdays


class BudgetState(Section):
    """How much of a budget is spent, in percent of its limit, as it applies to who asks."""

    name: Name
    used_percent: Range

    def holds(self, facts: Facts) -> bool:
        return self.used_percent.holds(facts.used_percent.get(self.name))


class Latency(Section):
    """How fast the target that is asked for has been lately, in milliseconds: until the first byte (`ttft`)
    or the whole answer, as an average that follows or the 95th percentile."""

    ttft_ms: Range | None = None
    ttft_p95_ms: Range | None = None
    latency_ms: Range | None = None
    latency_p95_ms: Range | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self._given:
            raise ValueError("write one of ttft_ms, ttft_p95_ms, latency_ms and latency_p95_ms")
        return self

    @cached_property
    def _given(self) -> tuple[tuple[str, Range], ...]:
        names = ("ttft_ms", "ttft_p95_ms", "latency_ms", "latency_p95_ms")
        return tuple((name, wanted) for name in names if (wanted := getattr(self, name)) is not None)

    def holds(self, asked: Target, facts: Facts) -> bool:
        health = facts.health.get(asked, Health())
        return all(wanted.holds(getattr(health, name)) for name, wanted in self._given)
