"""How the caps stand that bind one person, and which rules look at their requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Any

from sqlalchemy import Connection, Select, func, select

from sluiceway.policy import Policy, words
from sluiceway.policy.budgets import cap_of, foreseen, in_force, is_raised
from sluiceway.policy.match import Match, any_of
from sluiceway.policy.model import Budget
from sluiceway.policy.scope import EACH, PERSONAL, Scope, in_words
from sluiceway.store import Store
from sluiceway.store.figures import RESERVED, SPENT
from sluiceway.store.tables import counters, people
from sluiceway.types import Cap, Principal, Spender, Unit

# A budget that fewer people share is not told exactly: what is not one's own would be the other's.
FEW = 3


@dataclass(frozen=True, slots=True)
class Standing:
    """A cap and its counter, in nano-dollars or counted. `used` None: nothing was counted in this window yet,
    so nobody has added up what it would begin with. What runs at the moment is in `reserved`.

    `few`: so few share it that its exact figures would tell what one other person spent; then it is said
    only in quarters. `raised_until`: its limit is higher than the rules say, until then.
    """

    rule: str
    whose: str
    window: str
    unit: Unit
    limit: int
    used: int | None
    reserved: int | None
    resets_at: datetime | None
    contact: str | None
    few: bool = False
    on_exceed: str = "block"
    raised_until: datetime | None = None
    quarters: int | None = None

    @property
    def left(self) -> int | None:
        """Never below zero: a cut stream may pass its cap by one chunk."""
        return None if self.used is None else max(0, self.limit - self.used - (self.reserved or 0))

    @property
    def share(self) -> float:
        """How much of it is gone, from 0 to 1."""
        if self.quarters is not None:
            return self.quarters / 4
        return 0.0 if self.left is None else 1 - self.left / self.limit

    @property
    def at_least_percent(self) -> int | None:
        """How much of it is gone at least, where no more is said."""
        return None if self.quarters is None else self.quarters * 25

    def veiled(self) -> Standing:
        """Without its exact figures."""
        if self.used is None:
            return replace(self, few=True)
        return replace(self, few=True, used=None, reserved=None, quarters=int(self.share * 4))


@dataclass(frozen=True, slots=True)
class Met:
    """The caps that somebody's requests meet, and the raises of them."""

    caps: tuple[Cap, ...]
    raised_until: Mapping[str, datetime]  # by the counter's key
    key_names: Mapping[str, str]

    @classmethod
    def of(cls, store: Store, policy: Policy, who: Principal, at: datetime, zone: tzinfo) -> Met:
        raises = tuple(each.what for each in store.raises.in_force() if each.what.holds(at))
        keys = {key.label: key.fingerprint for key in store.keys.list()}
        lowest: dict[tuple[str, str], Cap] = {}
        until: dict[str, datetime] = {}
        for budget in policy.budgets:
            place = foreseen(budget, who, keys) if in_force(budget, at, zone) else None
            if place is None:
                continue
            cap = cap_of(budget, place, at, zone, raises)
            other = lowest.get((cap.counter, cap.on_exceed))
            if other is None or cap.limit < other.limit:
                lowest[cap.counter, cap.on_exceed] = cap
            if cap.limit > budget.limit:
                until[cap.counter] = max(each.until_at for each in raises if is_raised(budget, place, each))
        return cls(tuple(lowest.values()), until, {digest: label for label, digest in keys.items()})


@dataclass(frozen=True, slots=True)
class Applies:
    """A rule that looks at a person's requests; `effect` in words, `when` the further conditions."""

    kind: str
    rule: str
    effect: str
    when: tuple[str, ...]


def standing(connection: Connection, policy: Policy, who: Principal, met: Met) -> tuple[Standing, ...]:
    """The caps with their counters, the fullest first."""
    rows = connection.execute(counters_query(met.caps)).all()
    known = {row.counter: (int(row.spent), int(row.reserved)) for row in rows}
    team, everybody = _sizes(connection, who)
    found = []
    for cap in met.caps:
        own = (who.kind, who.name) in cap.scope
        sharing = team if ("team", who.team) in cap.scope else everybody
        each = _standing(cap, known.get(cap.counter), who, met, policy.contact(cap.rule))
        found.append(each if own or sharing >= FEW else each.veiled())
    return tuple(sorted(found, key=lambda each: -each.share))


def further(policy: Policy, who: Principal, at: datetime, zone: tzinfo) -> tuple[str, ...]:
    """The budgets that are one for each of what only a request says, in words."""
    found = []
    for budget in policy.budgets:
        if budget.scope == "company" or not in_force(budget, at, zone):
            continue
        each = [name for name, value in budget.scope.fields.items() if value == EACH and name not in PERSONAL]
        if each and _may_concern(budget, who):
            limit = f"{words.amount(budget.limit, budget.unit)} {words.per(budget.period)}"
            found.append(f"{budget.name}: {limit}, for each {' and '.join(each)}")
    return tuple(found)


def _may_concern(budget: Budget, who: Principal) -> bool:
    """Whether the part of a scope that is about people holds for somebody."""
    assert budget.scope != "company"
    people = {name: value for name, value in budget.scope.fields.items() if name in PERSONAL}
    return not people or Scope.model_validate(people).of(Spender(who)) is not None


def _sizes(connection: Connection, who: Principal) -> tuple[int, int]:
    """How many people are in somebody's team, and in all."""
    active = people.c.disabled_at.is_(None)
    count = select(func.count()).select_from(people)
    team = connection.scalar(count.where(active, people.c.team == who.team))
    return int(team or 0), int(connection.scalar(count.where(active)) or 0)


def counters_query(caps: Sequence[Cap]) -> Select[*tuple[Any, ...]]:
    return select(counters.c.counter, SPENT, RESERVED).where(
        counters.c.counter.in_([cap.counter for cap in caps])
    )


def _standing(
    cap: Cap, counter: tuple[int, int] | None, who: Principal, met: Met, contact: str | None
) -> Standing:
    used, reserved = counter if counter is not None else (None, None)
    if used is not None and reserved is not None and cap.unit in ("requests", "concurrent"):
        used, reserved = used + reserved, 0  # a request counts from its start; it holds nothing back
    if cap.unit == "concurrent" and used is None:
        used = reserved = 0  # nothing is open: this one needs no adding up
    return Standing(
        cap.rule,
        _whose(cap, who, met),
        cap.window,
        cap.unit,
        cap.limit,
        used,
        reserved,
        cap.ends_at,
        contact,
        on_exceed=cap.on_exceed,
        raised_until=met.raised_until.get(cap.counter),
    )


def _whose(cap: Cap, who: Principal, met: Met) -> str:
    if not cap.scope:
        return "the whole company"
    rest = tuple(pair for pair in cap.scope if pair != (who.kind, who.name))
    own = ["you"] if len(rest) < len(cap.scope) else []
    return ", ".join([*own, *([in_words(rest, met.key_names.get)] if rest else [])])


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
