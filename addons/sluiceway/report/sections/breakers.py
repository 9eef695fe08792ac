"""The history of breakers: which targets nobody was sent to for a while, with which key, and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy import select

from sluiceway.report.model import Attention, Weight, from_us
from sluiceway.report.section import Context, Section
from sluiceway.report.text import visible
from sluiceway.store.tables import events

_SHOWN = 30
PREFIX = "breaker_"  # of the events, before the state
_WORDS = {"open": "opened", "half_open": "one probe let through", "closed": "closed"}

type Key = tuple[str, str, str | None]


@dataclass(frozen=True, slots=True)
class Turn:
    """One change. `what` is in words; `reason` a status or a code."""

    at: datetime
    provider: str
    model: str
    key: str | None
    state: str
    what: str
    reason: str

    @property
    def when(self) -> str:
        """To the second: an opening, a probe and a closing may lie within a minute."""
        return f"{self.at:%-d %b %H:%M:%S}"


@dataclass(frozen=True, slots=True)
class Place:
    """One model of a provider with one key. `shut_s` is how long nobody was sent there, within the period;
    `still`: it was not closed again."""

    provider: str
    model: str
    key: str | None
    opened: int
    shut_s: float
    still: bool
    reasons: tuple[str, ...]

    @property
    def length(self) -> str:
        """In words: `32 s`, `50 min`, `3 h 5 min`."""
        minutes = round(self.shut_s / 60)
        if minutes < 2:
            return f"{self.shut_s:.0f} s"
        return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


@dataclass(frozen=True, slots=True)
class Breakers:
    places: tuple[Place, ...]
    turns: tuple[Turn, ...]
    earlier: int


def load(context: Context) -> Breakers:
    found = _turns(context)
    by_key: dict[Key, list[Turn]] = {}
    for turn in found:
        by_key.setdefault((turn.provider, turn.model, turn.key), []).append(turn)
    until = min(context.generated_at, from_us(context.period.to_us))
    places = [_place(key, turns, until) for key, turns in by_key.items()]
    places.sort(key=lambda place: -place.shut_s)
    return Breakers(tuple(places[:_SHOWN]), tuple(found[-_SHOWN:]), max(0, len(found) - _SHOWN))


def _turns(context: Context) -> list[Turn]:
    rows = context.connection.execute(
        select(events.c.at, events.c.kind, events.c.detail)
        .where(events.c.at >= context.period.from_us, events.c.at < context.period.to_us)
        .where(events.c.kind.in_([PREFIX + state for state in _WORDS]))
        .order_by(events.c.id)
    )
    return [_turn(from_us(row.at), row.kind, orjson.loads(row.detail)) for row in rows]


def _turn(at: datetime, kind: str, detail: dict[str, str | None]) -> Turn:
    state = kind.removeprefix(PREFIX)
    provider, model, reason = (str(detail.get(name) or "") for name in ("provider", "model", "reason"))
    return Turn(at, provider, model, detail.get("key"), state, _WORDS.get(state, state), reason)


def _place(key: Key, turns: Iterable[Turn], until: datetime) -> Place:
    """From each opening to the closing after it; a probe in between changes nothing."""
    opened, shut_s, since = 0, 0.0, None
    reasons: dict[str, None] = {}
    for turn in turns:
        if turn.state == "open":
            reasons.setdefault(turn.reason)
            opened += since is None
            since = since or turn.at
        elif turn.state == "closed" and since is not None:
            shut_s += (turn.at - since).total_seconds()
            since = None
    if since is not None:
        shut_s += max(0.0, (until - since).total_seconds())
    reasons.pop("probe_left", None)
    return Place(*key, opened, shut_s, since is not None, tuple(reasons))


def attention(data: Breakers) -> Sequence[Attention]:
    return [_avoided(place) for place in data.places if place.still][:3]


def _avoided(place: Place) -> Attention:
    times = "" if place.opened == 1 else f" {place.opened:,} times"
    return Attention(
        Weight.LOOK,
        f"{visible(place.model, 60)} of {visible(place.provider, 40)} was avoided at the end",
        f"It failed too often ({', '.join(place.reasons) or 'no reason given'}): its breaker opened{times}. "
        "Until a probe is answered, requests go where the routes say.",
        "breakers",
    )


SECTION = Section("breakers", "Providers avoided (breakers)", load, attention)
