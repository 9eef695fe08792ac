"""How the budgets stand: the policy's caps beside the store's counters, for lists and reports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from sqlalchemy import or_, select

from sluiceway.app.deployment import Deployment
from sluiceway.policy import Policy, load_policy, stands
from sluiceway.policy.budgets import cap_of, foreseen, in_force
from sluiceway.policy.model import Budget
from sluiceway.policy.scope import Place
from sluiceway.policy.words import short
from sluiceway.report import CapState
from sluiceway.store import Store
from sluiceway.store.figures import RESERVED, SPENT
from sluiceway.store.moments import to_us
from sluiceway.store.scope import from_json
from sluiceway.store.tables import counters
from sluiceway.types import Cap, Principal, Raise, Unit, to_usd

NOBODY = Principal(0, "", "employee", "")


@dataclass(frozen=True, slots=True)
class Standing:
    """A budget as the cap on one place, in its window of now, and what is spent and reserved on it."""

    budget: Budget
    cap: Cap
    spent: int
    reserved: int


@dataclass(frozen=True, slots=True)
class View:
    """What it takes to say which budgets apply: the rules, the moment, raises, registered keys by name."""

    policy: Policy
    at: datetime
    zone: tzinfo
    raises: tuple[Raise, ...]
    keys: dict[str, str]

    @classmethod
    def of(cls, policy: Policy, store: Store, zone: tzinfo) -> View:
        """As things are now in a store."""
        raises = tuple(each.what for each in store.raises.in_force())
        keys = {key.label: key.fingerprint for key in store.keys.list()}
        return cls(policy, datetime.now(UTC), zone, raises, keys)

    def used(self, store: Store, *, lasting: bool = False) -> Iterator[Standing]:
        """Every cap that anything was ever counted on in its window of now. `lasting`: none of a minute or an
        hour, of which there may be many."""
        for key, place, spent, reserved in _counters(store, self.at, lasting):
            for budget, cap in stands(self.policy, place, self.at, self.zone, self.raises, self.keys):
                if cap.counter == key:
                    yield Standing(budget, cap, spent, reserved)

    def unused(self, principals: Iterable[Principal]) -> Iterator[Standing]:
        """Every cap that is there before anybody comes: of people, teams and whatever a budget names."""
        people = [*principals]
        for budget in self.policy.budgets:
            if not in_force(budget, self.at, self.zone):
                continue
            of_somebody = budget.scope != "company" and budget.scope.of_somebody
            whom = people if of_somebody else [NOBODY]
            for place in dict.fromkeys(foreseen(budget, who, self.keys) for who in whom):
                if place is not None:
                    cap = cap_of(budget, place, self.at, self.zone, self.raises)
                    yield Standing(budget, cap, 0, 0)

    def key_name(self, fingerprint: str) -> str | None:
        """What a registered key is called."""
        return next((name for name, known in self.keys.items() if known == fingerprint), None)


def states(deployment: Deployment, store: Store) -> list[CapState]:
    """Every cap that applies to somebody now, with its counter; one that was never used stands at zero."""
    policy = load_policy(deployment.settings.rules / "policy")
    view = View.of(policy, store, deployment.settings.zone)
    people = {person.principal.name: person for person in store.people.list()}
    active = [person.principal for person in people.values() if person.disabled_at is None]
    found = {f"{each.cap.rule}|{each.cap.counter}": each for each in view.unused(active)}
    found |= {f"{each.cap.rule}|{each.cap.counter}": each for each in view.used(store)}
    teams = {name: person.principal.team for name, person in people.items()}
    return [_state(each, view, teams) for each in found.values()]


def _state(each: Standing, view: View, teams: dict[str, str]) -> CapState:
    cap, spent, reserved = each.cap, each.spent, each.reserved
    if cap.unit in ("requests", "concurrent"):  # a request counts from its start; it holds nothing back
        spent, reserved = spent + reserved, 0
    who = next((teams.get(name, "") for kind, name in cap.scope if kind in ("employee", "service")), None)
    place = tuple(
        [
            (kind, view.key_name(value) or value) if kind == "key" else (kind, value)
            for kind, value in cap.scope
        ]
    )
    return CapState(
        cap.rule,
        place,
        cap.window,
        cap.limit,
        spent,
        reserved,
        cap.ends_at,
        who if who is not None else dict(cap.scope).get("team", "company"),
        cap.unit,
        raised=cap.limit - each.budget.limit,
        on_exceed=cap.on_exceed if each.budget.degrade_to is None else "degrade",
        starts_at=cap.starts_at,
    )


def _counters(store: Store, at: datetime, lasting: bool) -> list[tuple[str, Place, int, int]]:
    """The counters whose window is not over."""
    column = counters.c
    open_ = or_(column.ends_at.is_(None), column.ends_at > to_us(at))
    query = select(column.counter, column.scope, SPENT, RESERVED).where(open_, column.starts_at <= to_us(at))
    if lasting:
        query = query.where(column.window.not_in(["minute", "hour", "now"]))
    with store.read() as connection:
        rows = connection.execute(query).all()
    return [(row.counter, from_json(row.scope), row.spent, row.reserved) for row in rows]


def balances(store: Store) -> dict[str, tuple[int, int]]:
    """What is spent and reserved on each counter there is, in nano-dollars or counted."""
    with store.read() as connection:
        rows = connection.execute(select(counters.c.counter, SPENT, RESERVED)).all()
    return {row.counter: (row.spent, row.reserved) for row in rows}


def listing(deployment: Deployment, store: Store) -> list[dict[str, Any]]:
    """The same as plain values, fullest first: decimal text for USD, whole numbers for what is counted."""
    ordered = sorted(states(deployment, store), key=lambda state: -(state.spent / max(1, state.limit)))
    return [
        {
            "budget": state.rule,
            "scope": _spelt(state.scope),
            "window": short(state.window),
            "unit": state.unit,
            "limit": amount(state.unit, state.limit),
            "raised_by": amount(state.unit, state.raised) if state.raised else None,
            "spent": amount(state.unit, state.spent),
            "reserved": amount(state.unit, state.reserved),
            "left": amount(state.unit, max(0, state.limit - state.spent - state.reserved)),
            "used": f"{state.spent / max(1, state.limit):.0%}",
            "on_exceed": state.on_exceed,
            "resets_at": state.ends_at.isoformat() if state.ends_at else None,
        }
        for state in ordered
    ]


def _spelt(place: Place) -> str:
    """`team=core, model=claude-opus-*`, for programs."""
    pairs = [("model" if kind == "models" else kind, value) for kind, value in place]
    return ", ".join(f"{kind}={value}" for kind, value in pairs) or "company"


def amount(unit: Unit, value: int) -> str | int:
    """Decimal text for USD, a whole number for what is counted."""
    return f"{to_usd(value):f}" if unit == "usd" else value
