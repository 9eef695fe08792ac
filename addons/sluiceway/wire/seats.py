"""How full the windows of a subscription are, as the headers of an answer say: figures, no token, no text.

Anthropic: `anthropic-ratelimit-unified-{5h,7d,...}-{utilization,reset,status}`, a fraction and a Unix time
(as Claude Code reads them). Codex with a ChatGPT login: `x-codex-{primary,secondary}-{used-percent,
window-minutes,reset-at,reset-after-seconds}` (codex-rs, rate limits). Google's Code Assist says nothing until
a quota is used up: then it answers 429 with `retry-after`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from math import isfinite

from sluiceway.types import SeatWindow

_UNIFIED = re.compile(r"anthropic-ratelimit-unified-([a-z0-9_]{1,24})-(utilization|reset|status)")
_CODEX = re.compile(
    r"x-codex-((?:[a-z0-9_]{1,24}-)?(?:primary|secondary))-"
    r"(used-percent|window-minutes|reset-at|reset-after-seconds)"
)
_WORD = re.compile(r"[a-z_]{1,32}")
MOST_WINDOWS = 16
REJECTED = "rejected"
HOUR_MINUTES, DAY_MINUTES = 60, 24 * 60
# A window of a subscription is over within months; a later moment is no moment.
LONGEST = timedelta(days=400)


def windows(headers: Iterable[tuple[str, str]], status: int, at: datetime) -> tuple[SeatWindow, ...]:
    """The windows an answer with this HTTP status told of at that moment. Nothing in the headers can make it
    raise."""
    unified: dict[str, dict[str, str]] = {}
    codex: dict[str, dict[str, str]] = {}
    retry_after: str | None = None
    for name, value in headers:
        lower = name.lower()
        for pattern, found in ((_UNIFIED, unified), (_CODEX, codex)):
            told = pattern.fullmatch(lower)
            if told is not None and (told[1] in found or len(found) < MOST_WINDOWS):
                found.setdefault(told[1], {})[told[2]] = value
        if lower == "retry-after":
            retry_after = value
    known = [_unified(name, told, at) for name, told in unified.items()]
    known += [_codex(name, told, at) for name, told in codex.items()]
    if not known and status == 429:
        known.append(SeatWindow("quota", None, _after(retry_after, at), REJECTED))
    return tuple(known)


def _unified(name: str, told: dict[str, str], at: datetime) -> SeatWindow:
    status = told.get("status", "").lower()
    return SeatWindow(
        name,
        _fraction(told.get("utilization")),
        _moment(told.get("reset"), at),
        status if _WORD.fullmatch(status) else None,
    )


def _codex(name: str, told: dict[str, str], at: datetime) -> SeatWindow:
    """Percent instead of a fraction, and the window's length instead of its name: 300 minutes are 5h."""
    used = _fraction(told.get("used-percent"))
    used = None if used is None else used / 100
    minutes = _number(told.get("window-minutes"))
    family = name.removesuffix("primary").removesuffix("secondary")
    resets_at = _moment(told.get("reset-at"), at) or _after(told.get("reset-after-seconds"), at)
    status = None if used is None else REJECTED if used >= 1 else "allowed"
    return SeatWindow(family + _length(minutes) if minutes else name, used, resets_at, status)


def _length(minutes: float) -> str:
    for unit, each in (("d", DAY_MINUTES), ("h", HOUR_MINUTES)):
        if minutes >= each and minutes % each == 0:
            return f"{minutes / each:.0f}{unit}"
    return f"{minutes:.0f}m"


def _number(text: str | None) -> float | None:
    if text is None or len(text) > 32:
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) and 0 <= number < 1e12 else None


def _fraction(text: str | None) -> float | None:
    number = _number(text)
    return number if number is None or number <= 1000 else None


def _moment(text: str | None, at: datetime) -> datetime | None:
    """From Unix seconds, if they lie near."""
    number = _number(text)
    if number is None or abs(number - at.timestamp()) > LONGEST.total_seconds():
        return None
    return datetime.fromtimestamp(number, UTC)


def _after(text: str | None, at: datetime) -> datetime | None:
    number = _number(text)
    return None if number is None or number > LONGEST.total_seconds() else at + timedelta(seconds=number)
