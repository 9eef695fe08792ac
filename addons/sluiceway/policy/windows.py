"""Windows of budgets: minutes and hours, days, weeks from Monday, months and fiscal months in the company's
time zone, and rolling ones.

A window of days begins where its first day begins on the wall clock, so a day may last 23, 24 or 25 hours.
Minutes and hours are rates and no matter of the calendar: they are UTC's, so that all last equally long (and
begin at half past on clocks that are half an hour off).

A rolling window moves on in steps, its grain: within a step it holds all since its length before the step
began. So it is never shorter than it says and at most one grain longer: what was spent in any stretch of its
length fits the limit, and what is old enough is given back at the end of a step.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache

# By what a window is called: minute, hour, day, week, month, lifetime, `rolling_24h`, `fiscal_month_25`.
type Window = str

LENGTHS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1)}
LIFETIME_STARTS_AT = datetime(1970, 1, 1, tzinfo=UTC)
ROLLING, FISCAL = "rolling_", "fiscal_month_"

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_LENGTH = re.compile(r"([1-9][0-9]{0,4})([mhd])", re.ASCII)
# The longest is what the ledger keeps at least (settings.config.Retention), less a grain.
SHORTEST, LONGEST = timedelta(minutes=10), timedelta(days=31)
# A rolling window moves on by the longest of these of which it holds at least 24; the first, where none fits.
GRAINS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 6 * 60, 24 * 60))


def window(kind: Window, at: datetime, zone: tzinfo) -> tuple[datetime, datetime | None]:
    """The window that holds `at`: (starts_at, ends_at) in UTC, the end excluded; None: it never ends.

    Windows of one kind tile the time line, each beginning where the one before it ends; only rolling ones
    overlap: each ends one grain after the one before it.
    """
    if at.tzinfo is None:
        raise ValueError("at must be aware of its time zone")
    if kind == "lifetime":
        return LIFETIME_STARTS_AT, None
    if kind in LENGTHS:
        starts_at = _step(at, LENGTHS[kind])
        return starts_at, starts_at + LENGTHS[kind]
    if kind.startswith(ROLLING):
        length = parse_length(kind.removeprefix(ROLLING))
        step = _step(at, grain(length))
        return step - length, step + grain(length)
    return _days(kind, at, zone)


@lru_cache
def parse_length(text: str) -> timedelta:
    """The length of a rolling window, as people write it: 90m, 24h, 7d. Raises ValueError."""
    found = _LENGTH.fullmatch(text)
    length = int(found[1]) * _UNITS[found[2]] if found else None
    if length is None or not SHORTEST <= length <= LONGEST:
        raise ValueError("write a length such as 90m, 24h or 7d, from 10m to 31d")
    return length


def spell_length(length: timedelta) -> str:
    """The one spelling of a length, so that 1d and 24h are the same window: 90m, 24h, 7d."""
    hours, rest = divmod(length, timedelta(hours=1))
    if rest:
        return f"{length // timedelta(minutes=1)}m"
    return f"{hours // 24}d" if hours >= 48 and hours % 24 == 0 else f"{hours}h"


def grain(length: timedelta) -> timedelta:
    """By how much a rolling window moves on at a time."""
    return next((each for each in reversed(GRAINS) if each * 24 <= length), GRAINS[0])


def _step(at: datetime, length: timedelta) -> datetime:
    return at.astimezone(UTC) - (at - LIFETIME_STARTS_AT) % length


def _days(kind: Window, at: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    day = _first_day(kind, at.astimezone(zone).date())
    # Where clocks go back across midnight a date comes twice: what counts is the instant it first began.
    while first_instant(day, zone) > at:
        day = _first_day(kind, day - timedelta(days=1))
    while first_instant(after := _next(kind, day), zone) <= at:
        day = after
    return first_instant(day, zone), first_instant(after, zone)


def _first_day(kind: Window, day: date) -> date:
    if kind == "week":
        return day - timedelta(days=day.weekday())
    if kind.startswith(FISCAL):
        first = int(kind.removeprefix(FISCAL))
        month = day if day.day >= first else day.replace(day=1) - timedelta(days=1)
        return month.replace(day=first)
    return day.replace(day=1) if kind == "month" else day


def _next(kind: Window, day: date) -> date:
    if kind == "month" or kind.startswith(FISCAL):
        return (day.replace(day=28) + timedelta(days=4)).replace(day=day.day)
    return day + timedelta(days=7 if kind == "week" else 1)


@lru_cache(maxsize=1024)  # every request asks for the same few days
def first_instant(day: date, zone: tzinfo) -> datetime:
    """The first instant of a day. Where midnight is skipped, fold=0 counts it by the offset before, which
    is the instant the clock jumped (PEP 495); where it comes twice, fold=0 is the first."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
