"""Windows and budgets in words a person understands, for refusals, lists, alerts and pages."""

from __future__ import annotations

from datetime import timedelta

from sluiceway.policy.windows import FISCAL, ROLLING, grain, parse_length
from sluiceway.types import Cap, Unit, to_usd

_PER = {"hour": "an hour", "lifetime": "in all", "now": "at once"}


def per(period: str) -> str:
    """A window as what a limit is for: `a day`, `in any 24 hours`, `a month from the 25th`."""
    if period.startswith(ROLLING):
        return f"in any {length(parse_length(period.removeprefix(ROLLING)))}"
    if period.startswith(FISCAL):
        return f"a month from the {_ordinal(int(period.removeprefix(FISCAL)))}"
    return _PER.get(period, f"a {period}")


def short(period: str) -> str:
    """A window by name, for a table: `month`, `24 hours`, `month from the 25th`."""
    if period.startswith(ROLLING):
        return f"last {length(parse_length(period.removeprefix(ROLLING)))}"
    return per(period).removeprefix("a ") if period.startswith(FISCAL) else period


def until(cap: Cap) -> str:
    """How a used-up cap comes back, up to a moment that the caller adds; empty where it never does."""
    if cap.ends_at is None:
        return ""
    if cap.window.startswith(ROLLING):
        whole = parse_length(cap.window.removeprefix(ROLLING))
        return f"What is older than {length(whole)} is given back every {_each(grain(whole))}, next at"
    return "It resets at"


def length(span: timedelta) -> str:
    """`24 hours`, `7 days`, `90 minutes`, in the largest unit that fits."""
    minutes = span // timedelta(minutes=1)
    for unit, size in (("day", 24 * 60), ("hour", 60), ("minute", 1)):
        if minutes % size == 0 and (unit != "day" or minutes > size):
            count = minutes // size
            return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    return f"{minutes} minutes"


def _each(span: timedelta) -> str:
    if span == timedelta(days=1):
        return "day"
    return length(span).removeprefix("1 ")


def amount(number: int, unit: Unit) -> str:
    """What a cap counts: `5.00 USD`, `60 requests`, `40 requests at once`."""
    if unit == "usd":
        return f"{_usd(number)} USD"
    noun = "requests" if unit == "concurrent" else unit
    counted = f"{number:,} {noun.removesuffix('s') if number == 1 else noun}"
    return f"{counted} at once" if unit == "concurrent" else counted


def _usd(nusd: int) -> str:
    """With cents, and with more digits where there are fewer cents than that."""
    value = to_usd(nusd)
    return f"{value:,.2f}" if value >= 1 or not value else f"{round(value, 4):f}"


def _ordinal(day: int) -> str:
    ending = "th" if 10 < day < 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"
