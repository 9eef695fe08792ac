"""What is right about routes but surprising: what never matches, leads nowhere, or no catalogue knows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from sluiceway.policy.conditions import Range
from sluiceway.policy.kinds.actions.failover import SAME
from sluiceway.policy.kinds.actions.pool import is_named
from sluiceway.policy.kinds.route import Route
from sluiceway.policy.match import EVERYTHING, Globs, Match
from sluiceway.policy.policy import Policy
from sluiceway.settings.models import Models
from sluiceway.settings.sentences import nearest
from sluiceway.types import Provider, Target

HUNDRED = 100


def route_warnings(
    policy: Policy,
    providers: Mapping[str, Provider],
    teams: Collection[str] | None = None,
    employees: Collection[str] | None = None,
) -> Iterator[str]:
    """A line for each, with its place. Names of people are compared with those given; None: not compared."""
    for rule in policy.routes:
        found = (
            *_never_matches(rule.match, providers, teams, employees),
            *_hidden(policy, rule),
            *_budgets(policy, rule),
            *_leads_nowhere(rule, providers),
            *_not_in_catalogue(policy.models, rule, providers),
            *_choice(policy, rule),
            *_weights(rule),
        )
        yield from (f"{policy.places.get(rule.name, '')}: {rule.name}: {text}" for text in found)


def _never_matches(
    match: Match,
    providers: Mapping[str, Provider],
    teams: Collection[str] | None,
    employees: Collection[str] | None,
) -> Iterator[str]:
    for kind, globs, known in (
        ("provider", match.provider, providers.keys()),
        ("team", match.team, teams),
        ("employee", match.employee, employees),
    ):
        if globs is None or known is None:
            continue
        if strangers := _strangers(globs, known):
            name = strangers[0]
            yield f"never matches, since there is no {kind} '{name}'{_guess(name, known)}"
    used = None if match.budget is None else match.budget.used_percent
    for name, bounds in (("input_tokens", match.input_tokens), ("used_percent", used)):
        if bounds is not None and _is_empty(bounds):
            yield f"never matches, since nothing is at least and at most what its {name} says"


def _strangers(globs: Globs, known: Collection[str]) -> list[str]:
    """Names that nobody has, where every one given is such a name."""
    each = (globs,) if isinstance(globs, str) else globs
    plain = [glob for glob in each if "*" not in glob and "?" not in glob and glob not in known]
    return plain if len(plain) == len(each) else []


def _is_empty(bounds: Range) -> bool:
    return bounds.at_least is not None and bounds.at_most is not None and bounds.at_least > bounds.at_most


def _hidden(policy: Policy, rule: Route) -> Iterator[str]:
    """Another before it takes all that it matches. What moves may not apply, so it hides no deny."""
    if rule.failover is not None or rule.mirror is not None:
        return
    for other in policy.routes[: policy.routes.index(rule)]:
        decides = other.deny is not None or (other.places and rule.deny is None)
        if decides and other.match in (EVERYTHING, rule.match):
            yield f"never reached, because {other.name} decides on the same requests before it"
            return


def _budgets(policy: Policy, rule: Route) -> Iterator[str]:
    known = {budget.name for budget in policy.budgets}
    named = [rule.match.budget.name] if rule.match.budget else []
    named += [rule.degrade.budget] if rule.degrade else []
    for name in named:
        if name not in known:
            yield f"does nothing, since there is no budget '{name}'{_guess(name, known)}"


def _leads_nowhere(rule: Route, providers: Mapping[str, Provider]) -> Iterator[str]:
    for name in dict.fromkeys(rule.providers_named):
        if name in providers and providers[name].own_host is None:
            yield f"nothing can be sent to {name}, where each customer has a host of their own"


def _not_in_catalogue(models: Models, rule: Route, providers: Mapping[str, Provider]) -> Iterator[str]:
    if not models:
        return
    for provider, model in rule.targets_named:
        where = (provider,) if provider else tuple(providers)
        if model != SAME and all(models.get(Target(each, model)) is None for each in where):
            at = f" at {provider}" if provider else ""
            yield f"{model}{at} is not in models.yaml, so nobody checks that it can do what a request needs"


def _choice(policy: Policy, rule: Route) -> Iterator[str]:
    if rule.choose is None:
        return
    if not policy.models:
        yield "chooses from an empty catalogue: there is no models.yaml beside the folder policy"
        return
    if rule.choose.from_ != "catalogue":
        for glob in rule.choose.from_:
            if not any(is_named(glob, offer) for offer in policy.models.offers):
                names = {offer.model.name for offer in policy.models.offers}
                yield f"'{glob}' fits no model of models.yaml{_guess(glob, names)}"
    if not policy.pool(rule.choose).offers:
        why = "; ".join(policy.pool(rule.choose).lines) or "none is named"
        yield f"no model of models.yaml meets it: {why}"


def _weights(rule: Route) -> Iterator[str]:
    if rule.split is None:
        return
    total = sum(share.weight for share in rule.split)
    if total != HUNDRED:
        shares = ", ".join(f"{100 * share.weight / total:.3g} %" for share in rule.split)
        yield f"its weights add up to {total}, so its shares are {shares}"


def _guess(name: str, known: Collection[str]) -> str:
    near = nearest(name, known)
    return f" (did you mean '{near}'?)" if near else ""
