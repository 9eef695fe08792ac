"""`sluiceway rules check` for policy and providers: what is wrong, and what is right but surprising."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from sluiceway.errors import ConfigError
from sluiceway.policy.check_routes import route_warnings
from sluiceway.policy.load import load_policy
from sluiceway.policy.model import Budget
from sluiceway.policy.policy import Policy
from sluiceway.policy.scope import EACH, Scope
from sluiceway.policy.words import per
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
    found += _nowhere(policy, providers) if providers else ()
    warnings = [*_strangers(policy, known_teams, known_employees), *_shadowed(policy), *_idle(policy)]
    if providers:
        warnings += route_warnings(policy, providers, known_teams, known_employees)
    return found + [WARNING + warning for warning in warnings]


def _strangers(
    policy: Policy, teams: Collection[str] | None, employees: Collection[str] | None
) -> Iterator[str]:
    for budget in policy.budgets:
        if budget.scope == "company":
            continue
        for kind, name, known in (
            ("team", budget.scope.team, teams),
            ("employee", budget.scope.employee, employees),
        ):
            if name is None or name == EACH or known is None or name in known:
                continue
            near = nearest(name, known)
            guess = f" (did you mean '{near}'?)" if near else ""
            yield f"{policy.places[budget.name]}: {budget.name}: there is no {kind} '{name}'{guess}"


def _nowhere(policy: Policy, providers: Mapping[str, Provider]) -> Iterator[str]:
    """Budgets that lead to a model which nobody offers who is listed, or whom the budget is about."""
    models = policy.models
    for budget in policy.budgets if models else ():
        to, where = budget.degrade_to, sorted(providers)
        if to is None:
            continue
        own = None if budget.scope == "company" else budget.scope.provider
        if own is not None and own in providers:
            where = [own]
        known = models.known_as(to)
        offers = () if known is None else models.of_model(known.name)
        if any(offer.target.provider in where for offer in offers):
            continue
        who = own if own in providers else "no provider of providers.yaml"
        near = nearest(to, {offer.model.name for offer in models.offers if offer.target.provider in where})
        does_not = "does not offer" if own in providers else "offers"
        yield (
            f"{policy.places[budget.name]}: {budget.name}: on_exceed.degrade.model: {who} {does_not} '{to}'"
            f"{f' (did you mean {near!r}?)' if near else ''}; write a model that models.yaml lists there, "
            "or list it"
        )


def _idle(policy: Policy) -> Iterator[str]:
    """What is written and has no effect."""
    for budget in policy.budgets:
        if budget.alert_at and budget.period in ("now", "minute", "hour"):
            yield (
                f"{policy.places[budget.name]}: {budget.name}: alert_at has no effect on {_limit(budget)}; "
                "alerts are for windows of a day and longer"
            )


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
    same = (lower.period, lower.unit, lower.on_exceed) == (higher.period, higher.unit, higher.on_exceed)
    if lower is higher or not same or lower.limit > higher.limit:
        return False
    if (lower.from_, lower.until) not in ((None, None), (higher.from_, higher.until)):
        return False
    if lower.limit == higher.limit:
        return lower.scope == higher.scope and lower.name < higher.name
    return lower.scope == higher.scope or lower.scope == _each(higher)


def _limit(budget: Budget) -> str:
    if budget.window is None:
        return f"{budget.limit} at once"
    amount = budget.limit if budget.limit_usd is None else budget.limit_usd
    unit = "USD" if budget.unit == "usd" else budget.unit
    return f"{amount} {unit} {per(budget.period)}"


def _use(budget: Budget) -> str:
    return "spending" if budget.unit == "usd" else "requests"


def _each(budget: Budget) -> Scope | None:
    """The same scope for each of those it names one of; patterns of models stay."""
    if budget.scope == "company":
        return None
    named = {name for name in budget.scope.fields if name != "model"}
    return budget.scope.model_copy(update=dict.fromkeys(named, EACH))
