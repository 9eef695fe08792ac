"""How the budgets stand: the policy's caps beside the store's counters, for lists and reports."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from sluiceway.app.deployment import Deployment
from sluiceway.policy import caps as caps_for
from sluiceway.policy import load_policy
from sluiceway.report import CapState
from sluiceway.store import Store
from sluiceway.store.tables import counters
from sluiceway.types import Cap, Unit, to_usd


def states(deployment: Deployment, store: Store) -> list[CapState]:
    """Every cap that applies to somebody now, with its counter; one that was never used stands at zero."""
    found: dict[str, CapState] = {}
    standing = balances(store)
    for cap, who in _caps(deployment, store):
        spent, reserved = standing.get(cap.counter, (0, 0))
        if cap.unit in ("requests", "concurrent"):  # a request counts from its start; it holds nothing back
            spent, reserved = spent + reserved, 0
        found[f"{cap.rule}|{cap.counter}"] = CapState(
            cap.rule, cap.scope, cap.window, cap.limit, spent, reserved, cap.ends_at, who, cap.unit
        )
    return list(found.values())


def balances(store: Store) -> dict[str, tuple[int, int]]:
    """What is spent and reserved on each counter there is, in nano-dollars or counted."""
    with store.read() as connection:
        rows = connection.execute(select(counters.c.counter, counters.c.spent, counters.c.reserved)).all()
    return {row.counter: (row.spent, row.reserved) for row in rows}


def _caps(deployment: Deployment, store: Store) -> list[tuple[Cap, str]]:
    policy = load_policy(deployment.settings.rules / "policy")
    now = datetime.now(UTC)
    principals = [person.principal for person in store.people.list() if person.disabled_at is None]
    return [
        (cap, principal.team if cap.scope else "company")
        for principal in principals
        for cap in caps_for(policy, principal, now, deployment.settings.zone)
    ]


def listing(deployment: Deployment, store: Store) -> list[dict[str, Any]]:
    """The same as plain values, fullest first: decimal text for USD, whole numbers for what is counted."""
    ordered = sorted(states(deployment, store), key=lambda state: -(state.spent / max(1, state.limit)))
    return [
        {
            "budget": state.rule,
            "scope": ", ".join(f"{dimension}={value}" for dimension, value in state.scope) or "company",
            "window": state.window,
            "unit": state.unit,
            "limit": amount(state.unit, state.limit),
            "spent": amount(state.unit, state.spent),
            "reserved": amount(state.unit, state.reserved),
            "used": f"{state.spent / max(1, state.limit):.0%}",
            "resets_at": state.ends_at.isoformat() if state.ends_at else None,
        }
        for state in ordered
    ]


def amount(unit: Unit, value: int) -> str | int:
    """Decimal text for USD, a whole number for what is counted."""
    return f"{to_usd(value):f}" if unit == "usd" else value
