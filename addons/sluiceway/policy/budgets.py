"""Which caps bind a request: each budget whose scope holds its principal, as a Cap of one window and unit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime, tzinfo

from sluiceway.policy.model import EACH, Budget, Employee, Team
from sluiceway.policy.policy import Policy
from sluiceway.policy.windows import LIFETIME_STARTS_AT, Window, window
from sluiceway.types import Cap, Principal, Unit

type Scope = tuple[tuple[str, str], ...]


def caps(policy: Policy, principal: Principal, at: datetime, zone: tzinfo) -> tuple[Cap, ...]:
    """The caps on a request of `principal` that begins at `at`, in the order of the policy.

    Each counter comes once: of several budgets with the same scope, window and unit, the lowest binds.
    """
    lowest: dict[tuple[Scope, Window | None, Unit], tuple[Budget, Scope]] = {}
    for budget in policy.budgets:
        scope = scope_of(budget, principal)
        if scope is None:
            continue
        counter = scope, budget.window, budget.unit
        other = lowest.get(counter)
        if other is None or budget.limit < other[0].limit:
            lowest[counter] = budget, scope
    return tuple(_cap(budget, scope, at, zone) for budget, scope in lowest.values())


def used_percent(
    caps: Iterable[Cap], watched: Collection[str], spent: Callable[[Cap], int | None]
) -> dict[str, int]:
    """How much of each watched budget is spent, in whole percent rounded down; `spent` is what its counter
    says, None where nobody knows."""
    found = ((cap, spent(cap)) for cap in caps if cap.rule in watched)
    return {cap.rule: 100 * used // cap.limit for cap, used in found if used is not None}


def scope_of(budget: Budget, principal: Principal) -> Scope | None:
    """The scope whose counter the principal's spending moves: () for the company; None: not theirs."""
    match budget.scope:
        case Team(team=who) if who in (EACH, principal.team):
            return (("team", principal.team),)
        case Employee(employee=who) if principal.kind == "employee" and who in (EACH, principal.name):
            return (("employee", principal.name),)
        case "company":
            return ()
    return None


def _cap(budget: Budget, scope: Scope, at: datetime, zone: tzinfo) -> Cap:
    kind = budget.window
    starts_at, ends_at = (LIFETIME_STARTS_AT, None) if kind is None else window(kind, at, zone)
    return Cap(budget.name, scope, kind or "now", starts_at, ends_at, budget.limit, budget.unit)
