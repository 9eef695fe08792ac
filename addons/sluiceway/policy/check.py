"""`sluiceway rules check` for policy and providers: what is wrong, and what is right but surprising."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from sluiceway.errors import ConfigError
from sluiceway.policy.check_routes import route_warnings
from sluiceway.policy.load import load_policy
from sluiceway.policy.model import EACH, Budget, Employee, Team
from sluiceway.policy.policy import Policy
from sluiceway.settings.providers import Providers
from sluiceway.settings.sentences import nearest
from sluiceway.settings.yaml_file import shown
from sluiceway.types import Provider

WARNING = "warning: "


def check(
    rules_folder: Path,
    known_teams: Collection[str] | None = None,
    known_employees: Collection[str] | None = None,
) -> list[str]:
    """Every problem and warning of the rules, one line each; none: an empty list.

    Lines that start with `warning: ` do not stop the rules from loading; all others do. Names of teams
    and employees are compared with those given; None: not compared.
    """
    found: list[str] = []
    providers: Mapping[str, Provider] = {}
    try:
        providers = Providers.load(rules_folder / "providers.yaml").by_name
    except ConfigError as error:
        found += str(error).splitlines()
    try:
        policy = load_policy(rules_folder / "policy")
    except ConfigError as error:
        return found + str(error).splitlines()
    if not policy.budgets:
        found.append(f"{WARNING}{shown(rules_folder / 'policy')}: no budgets: nothing is capped")
    warnings = [*_strangers(policy, known_teams, known_employees), *_shadowed(policy)]
    if providers:
        warnings += route_warnings(policy, providers, known_teams, known_employees)
    return found + [WARNING + warning for warning in warnings]


def _strangers(
    policy: Policy, teams: Collection[str] | None, employees: Collection[str] | None
) -> Iterator[str]:
    for budget in policy.budgets:
        match budget.scope:
            case Team(team=name):
                kind, known = "team", teams
            case Employee(employee=name):
                kind, known = "employee", employees
            case _:
                continue
        if name == EACH or known is None or name in known:
            continue
        near = nearest(name, known)
        guess = f" (did you mean '{near}'?)" if near else ""
        yield f"{policy.places[budget.name]}: {budget.name}: there is no {kind} '{name}'{guess}"


def _shadowed(policy: Policy) -> Iterator[str]:
    """Budgets that can never bind: all that match apply, so a higher limit is no exception to a lower."""
    for budget in policy.budgets:
        lower = next((other for other in policy.budgets if _hides(other, budget)), None)
        if lower is not None:
            yield (
                f"{policy.places[budget.name]}: {budget.name}: never reached, because {lower.name} "
                f"({_limit(lower)}) applies to the same {_use(lower)}; all budgets apply"
            )


def _hides(lower: Budget, higher: Budget) -> bool:
    if lower is higher or (lower.window, lower.unit) != (higher.window, higher.unit):
        return False
    if lower.limit > higher.limit:
        return False
    same = lower.scope == higher.scope
    if lower.limit == higher.limit:
        return same and lower.name < higher.name
    return same or lower.scope == _each(higher)


def _limit(budget: Budget) -> str:
    if budget.window is None:
        return f"{budget.limit} at once"
    amount = budget.limit if budget.limit_usd is None else budget.limit_usd
    unit = "USD" if budget.unit == "usd" else budget.unit
    return f"{amount} {unit} {'an' if budget.window == 'hour' else 'a'} {budget.window}"


def _use(budget: Budget) -> str:
    return "spending" if budget.unit == "usd" else "requests"


def _each(budget: Budget) -> Team | Employee | None:
    match budget.scope:
        case Team():
            return Team(team=EACH)
        case Employee():
            return Employee(employee=EACH)
    return None
