"""The budgets as lists and reports show them: every cap that applies to somebody, and what is spent on it."""

from __future__ import annotations

from typing import Any

from sluiceway.app.deployment import Deployment
from sluiceway.app.standings import Standing, View
from sluiceway.policy import load_policy
from sluiceway.policy.scope import Place
from sluiceway.policy.words import short
from sluiceway.report import CapState
from sluiceway.store import Store
from sluiceway.types import Unit, to_usd


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
