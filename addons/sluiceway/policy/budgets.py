"""Which caps bind a request: every budget whose scope holds its principal, as a Cap of one window."""

from __future__ import annotations

from datetime import datetime, tzinfo

from sluiceway.policy.model import EACH, Budget, Employee, Team
from sluiceway.policy.policy import Policy
from sluiceway.policy.windows import Window, window
from sluiceway.types import Cap, Principal, to_nusd

type Scope = tuple[tuple[str, str], ...]


def caps(policy: Policy, principal: Principal, at: datetime, zone: tzinfo) -> tuple[Cap, ...]:
    """The caps on a request of `principal` that begins at `at`, in the order of the policy.

    Each counter comes once: of several budgets with the same scope and window, the lowest binds.
    """
    lowest: dict[tuple[Scope, Window], tuple[Budget, Scope]] = {}
    for budget in policy.budgets:
        scope = scope_of(budget, principal)
        if scope is None:
            continue
        other = lowest.get((scope, budget.window))
        if other is None or budget.limit_usd < other[0].limit_usd:
            lowest[scope, budget.window] = budget, scope
    return tuple(_cap(budget, scope, at, zone) for budget, scope in lowest.values())


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
    starts_at, ends_at = window(budget.window, at, zone)
    return Cap(budget.name, scope, budget.window, starts_at, ends_at, to_nusd(budget.limit_usd))
