"""Windows of budgets: minutes, hours, and days, weeks from Monday, months in the company's time zone.

A window of days begins where its first day begins on the wall clock, so a day may last 23, 24 or 25 hours.
Minutes and hours are rates and no matter of the calendar: they are UTC's, so that all last equally long (and
begin at half past on clocks that are half an hour off).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Literal

type Window = Literal["minute", "hour", "day", "week", "month", "lifetime"]
type Calendar = Literal["day", "week", "month"]

LENGTHS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1)}
LIFETIME_STARTS_AT = datetime(1970, 1, 1, tzinfo=UTC)


def window(kind: Window, at: datetime, zone: tzinfo) -> tuple[datetime, datetime | None]:
    """The window that holds `at`: (starts_at, ends_at) in UTC, the end excluded; None: it never ends.

    Windows of one kind tile the time line: each begins where the one before it ends.
    """
    if at.tzinfo is None:
        raise ValueError("at must be aware of its time zone")
    if kind == "lifetime":
        return LIFETIME_STARTS_AT, None
    if kind == "minute" or kind == "hour":
        starts_at = at.astimezone(UTC) - (at - LIFETIME_STARTS_AT) % LENGTHS[kind]
        return starts_at, starts_at + LENGTHS[kind]
    day = _first_day(kind, at.astimezone(zone).date())
    # Where clocks go back across midnight a date comes twice: what counts is the instant it first began.
    while _begins(day, zone) > at:
        day = _first_day(kind, day - timedelta(days=1))
    while _begins(after := _next(kind, day), zone) <= at:
        day = after
    return _begins(day, zone), _begins(after, zone)


def _first_day(kind: Calendar, day: date) -> date:
    if kind == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if kind == "month" else day


def _next(kind: Calendar, day: date) -> date:
    if kind == "month":
        return (day.replace(day=28) + timedelta(days=4)).replace(day=1)
    return day + timedelta(days=7 if kind == "week" else 1)


@lru_cache(maxsize=1024)  # every request asks for the same few days
def _begins(day: date, zone: tzinfo) -> datetime:
    """The first instant of a day. Where midnight is skipped, fold=0 counts it by the offset before, which
    is the instant the clock jumped (PEP 495); where it comes twice, fold=0 is the first."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
