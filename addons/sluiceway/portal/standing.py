"""How the caps stand that bind one person, and which rules look at their requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, select

from sluiceway.policy import Policy
from sluiceway.policy.match import Match, any_of
from sluiceway.store.tables import counters
from sluiceway.types import Cap, Principal, Unit


@dataclass(frozen=True, slots=True)
class Standing:
    """A cap and its counter, in nano-dollars or counted. `used` None: nothing was counted in this window yet,
    so nobody has added up what it would begin with. What runs at the moment is in `reserved`."""

    rule: str
    whose: str
    window: str
    unit: Unit
    limit: int
    used: int | None
    reserved: int | None
    resets_at: datetime | None
    contact: str | None

    @property
    def left(self) -> int | None:
        """Never below zero: a cut stream may pass its cap by one chunk."""
        return None if self.used is None else max(0, self.limit - self.used - (self.reserved or 0))

    @property
    def share(self) -> float:
        """How much of it is gone, from 0 to 1."""
        return 0.0 if self.left is None else 1 - self.left / self.limit


@dataclass(frozen=True, slots=True)
class Applies:
    """A rule that looks at a person's requests; `effect` in words, `when` the further conditions."""

    kind: str
    rule: str
    effect: str
    when: tuple[str, ...]


def standing(connection: Connection, policy: Policy, caps: Sequence[Cap]) -> tuple[Standing, ...]:
    """The caps with their counters, the fullest first."""
    rows = connection.execute(counters_query(caps)).all()
    known = {row.counter: (int(row.spent), int(row.reserved)) for row in rows}
    found = [_standing(cap, known.get(cap.counter), policy.contact(cap.rule)) for cap in caps]
    return tuple(sorted(found, key=lambda each: -each.share))


def counters_query(caps: Sequence[Cap]) -> Select[*tuple[Any, ...]]:
    return select(counters.c.counter, counters.c.spent, counters.c.reserved).where(
        counters.c.counter.in_([cap.counter for cap in caps])
    )


def _standing(cap: Cap, counter: tuple[int, int] | None, contact: str | None) -> Standing:
    used, reserved = counter if counter is not None else (None, None)
    if used is not None and reserved is not None and cap.unit in ("requests", "concurrent"):
        used, reserved = used + reserved, 0  # a request counts from its start; it holds nothing back
    if cap.unit == "concurrent" and used is None:
        used = reserved = 0  # nothing is open: this one needs no adding up
    return Standing(
        cap.rule, _whose(cap), cap.window, cap.unit, cap.limit, used, reserved, cap.ends_at, contact
    )


def _whose(cap: Cap) -> str:
    if not cap.scope:
        return "the whole company"
    return ", ".join(
        "you" if dimension == "employee" else f"{dimension} {value}" for dimension, value in cap.scope
    )


def applying(policy: Policy, who: Principal) -> tuple[Applies, ...]:
    """Routes and guard rules whose conditions on people this person meets, in the order they are asked."""
    routes = [
        Applies("route", rule.name, rule.summary, _conditions(rule.match))
        for rule in policy.routes
        if concerns(rule.match, who)
    ]
    guards = policy.guard
    return (
        *routes,
        *(
            Applies("guard", rule.name, _guard(rule), _conditions(rule.match))
            for rule in guards
            if concerns(rule.match, who)
        ),
    )


def concerns(match: Match, who: Principal) -> bool:
    """Whether the conditions on people, those alone, hold."""
    names = (
        (match.employee, who.name if who.kind == "employee" else None),
        (match.service, who.name if who.kind == "service" else None),
        (match.team, who.team),
    )
    return all(globs is None or any_of(globs, name) for globs, name in names)


def _guard(rule: Any) -> str:
    what = "anything sensitive" if "*" in rule.detect else ", ".join(rule.detect)
    done = {"detect": "is counted", "mask": "is replaced before it leaves", "block": "is turned away"}
    return f"{what} {done[rule.action]}" + (f"; {rule.advice}" if rule.advice else "")


def _conditions(match: Match) -> tuple[str, ...]:
    people = {"employee", "service", "team"}
    given = match.model_dump(mode="json", exclude_none=True, by_alias=True, exclude=people)
    return tuple(f"{name.replace('_', ' ')}: {_said(value)}" for name, value in given.items())


def _said(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {_said(each)}" for name, each in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return ", ".join(value) if isinstance(value, list) else str(value)
