"""What operators did in the period: rules loaded, people and keys changed, data about people taken out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import select

from sluiceway.report.audience import Audience
from sluiceway.report.model import from_us
from sluiceway.report.section import Context, Section
from sluiceway.store.tables import events

_SHOWN = 50
# What the process does by itself, many times a day (the section on breakers has them).
_NO_DEEDS = ("breaker_open", "breaker_half_open", "breaker_closed")
_LOADS = ("started", "reloaded")
_NAMING = 3  # so many actors are listed before they are counted

# Deeds of operators, whose names are said, by the event's kind; the words of PEOPLE are counts of people.
PEOPLE = {
    "person_added": "added",
    "person_disabled": "disabled",
    "person_enabled": "enabled again",
    "person_moved": "moved to another team",
    "token_issued": "given a new token",
    "port_granted": "given a port of their own",
    "port_restricted": "had a port restricted",
    "port_released": "had a port taken back",
    "address_leased": "known by a leased address",
    "lease_revoked": "had a lease taken back",
}
DEEDS = {
    "key_added": "provider keys added",
    "key_retired": "provider keys retired",
    "report_with_names": "reports made with names",
    "ledger_exported": "exports of the ledger, with names",
    "audit_listed": "listings of audit entries",
    "audit_exported": "exports of the audit",
    "retention": "clean-ups of what was kept long enough",
    "budget_raised": "budgets raised",
}


@dataclass(frozen=True, slots=True)
class Load:
    """Rules that took effect. `before` None: what was in force before is not known."""

    at: datetime
    actor: str
    before: str | None
    after: str | None
    how: str


@dataclass(frozen=True, slots=True)
class Deed:
    """Things of one kind. `known` False: this report has no words for the kind, and shows it as it is."""

    what: str
    times: int
    first_at: datetime
    last_at: datetime
    actors: str
    known: bool


@dataclass(frozen=True, slots=True)
class Change:
    """One change to one person: only in a report with names."""

    at: datetime
    what: str
    person: str
    actor: str


@dataclass(frozen=True, slots=True)
class Changes:
    """`loads` are those that changed the rules; `unchanged` starts and reloads did not."""

    loads: tuple[Load, ...]
    more_loads: int
    unchanged: int
    people: tuple[tuple[str, int], ...]
    each: tuple[Change, ...]
    more_each: int
    deeds: tuple[Deed, ...]


@dataclass(frozen=True, slots=True)
class _Event:
    at: datetime
    kind: str
    actor: str
    detail: Mapping[str, Any]

    def text(self, field: str) -> str | None:
        value = self.detail.get(field)
        return value if isinstance(value, str) else None


def load(context: Context) -> Changes:
    found, audience = _events(context), context.audience
    loads, unchanged = _loads(found, _before(context))
    people = Counter(event.kind for event in found if event.kind in PEOPLE)
    each = [_change(event, audience) for event in found if event.kind in PEOPLE] if audience.names else []
    return Changes(
        tuple(loads[-_SHOWN:]),
        max(0, len(loads) - _SHOWN),
        unchanged,
        tuple((words, people[kind]) for kind, words in PEOPLE.items() if people[kind]),
        tuple(each[-_SHOWN:]),
        max(0, len(each) - _SHOWN),
        _deeds(found, audience),
    )


def _events(context: Context) -> list[_Event]:
    rows = context.connection.execute(
        select(events.c.at, events.c.kind, events.c.actor, events.c.detail)
        .where(events.c.at >= context.period.from_us, events.c.at < context.period.to_us)
        .where(events.c.kind.not_in(_NO_DEEDS))
        .order_by(events.c.id)
    )
    return [_Event(from_us(row.at), row.kind, row.actor, orjson.loads(row.detail)) for row in rows]


def _before(context: Context) -> str | None:
    """The version in force when the period began."""
    detail = context.connection.scalar(
        select(events.c.detail)
        .where(events.c.at < context.period.from_us, events.c.kind.in_(_LOADS))
        .order_by(events.c.id.desc())
        .limit(1)
    )
    found = orjson.loads(detail).get("policy_version") if detail else None
    return found if isinstance(found, str) else None


def _loads(found: Sequence[_Event], version: str | None) -> tuple[list[Load], int]:
    made, unchanged = [], 0
    for event in found:
        if event.kind not in _LOADS:
            continue
        after = event.text("policy_version")
        if after == version and after is not None:
            unchanged += 1
            continue
        made.append(Load(event.at, event.actor, version, after, event.kind))
        version = after
    return made, unchanged


def _change(event: _Event, audience: Audience) -> Change:
    team = event.text("team")
    what = PEOPLE[event.kind] if not team else f"{PEOPLE[event.kind]} ({audience.team(team)})"
    return Change(event.at, what, event.text("name") or "", event.actor)


def _deeds(found: Sequence[_Event], audience: Audience) -> tuple[Deed, ...]:
    by_kind: dict[str, list[_Event]] = {}
    for event in found:
        if event.kind not in PEOPLE and event.kind not in _LOADS:
            by_kind.setdefault(event.kind, []).append(event)
    ordered = sorted(by_kind.items(), key=lambda item: (item[0] not in DEEDS, item[0]))
    return tuple(_deed(kind, group, audience) for kind, group in ordered)


def _deed(kind: str, group: Sequence[_Event], audience: Audience) -> Deed:
    """Whoever did something that this report does not know may be no operator, and is not named."""
    known = kind in DEEDS
    actors = list(dict.fromkeys(event.actor if known else audience.words(event.actor) for event in group))
    more = f" and {len(actors) - _NAMING} more" if len(actors) > _NAMING else ""
    return Deed(
        DEEDS.get(kind) or audience.words(kind.replace("_", " ")),
        len(group),
        group[0].at,
        group[-1].at,
        ", ".join(actors[:_NAMING]) + more,
        known,
    )


SECTION = Section("changes", "What operators changed", load, without_traffic=True)
