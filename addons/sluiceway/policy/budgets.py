"""Which caps bind an attempt: each budget whose scope holds what it is, as a Cap of one window and unit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, tzinfo

from sluiceway.policy.model import Budget
from sluiceway.policy.policy import Policy
from sluiceway.policy.scope import EACH, Place
from sluiceway.policy.windows import LIFETIME_STARTS_AT, window
from sluiceway.settings.models import Models
from sluiceway.types import Cap, Principal, Raise, Spender, Target


def caps(
    policy: Policy, spender: Spender, at: datetime, zone: tzinfo, raises: Sequence[Raise] = ()
) -> tuple[Cap, ...]:
    """The caps on an attempt that begins at `at`, in the order of the policy.

    Each counter comes once: of several budgets with the same scope, window and unit, the lowest binds. One
    that only warns lifts no other, nor does one that leads to another model.
    """
    lowest: dict[tuple[str, str, str | None], Cap] = {}
    for budget in policy.budgets:
        place = budget.place(spender)
        if place is None or not in_force(budget, at, zone):
            continue
        cap = _led_on(cap_of(budget, place, at, zone, raises), spender, policy.models)
        counter = cap.counter, cap.on_exceed, cap.degrade_to
        other = lowest.get(counter)
        if other is None or cap.limit < other.limit:
            lowest[counter] = cap
    return tuple(lowest.values())


def cap_of(budget: Budget, place: Place, at: datetime, zone: tzinfo, raises: Iterable[Raise] = ()) -> Cap:
    """A budget as the cap on one place in its window of now, whatever is asked."""
    period, unit, to = budget.period, budget.unit, budget.degrade_to
    starts_at, ends_at = (LIFETIME_STARTS_AT, None) if period == "now" else window(period, at, zone)
    limit = raised(budget, place, at, raises)
    does = budget.on_exceed if budget.on_exceed in ("block", "warn") else "degrade"
    return Cap(budget.name, place, period, starts_at, ends_at, limit, unit, does, to)


def _led_on(cap: Cap, spender: Spender, models: Models) -> Cap:
    """The cap with the id that the model it leads to has at the provider that is asked; where it is not
    offered there, the cap refuses. Who asks for that very model is led no further: then it only counts."""
    if cap.degrade_to is None or spender.provider is None:
        return cap
    there = models.id_at(spender.provider, cap.degrade_to)
    if there is None:
        return replace(cap, on_exceed="block", degrade_to=None)
    if spender.model is not None and is_one_model(models, spender.provider, there, spender.model):
        return replace(cap, on_exceed="warn", degrade_to=None)
    return replace(cap, degrade_to=there)


def is_one_model(models: Models, provider: str, one: str, other: str) -> bool:
    """Whether two names mean the same model at a provider."""
    if one == other:
        return True
    found = models.get(Target(provider, one)), models.get(Target(provider, other))
    return None not in found and len({offer.model.name for offer in found if offer}) == 1


def used_percent(
    caps: Iterable[Cap], watched: Collection[str], spent: Callable[[Cap], int | None]
) -> dict[str, int]:
    """How much of each watched budget is spent, in whole percent rounded down; `spent` is what its counter
    says, None where nobody knows."""
    found = ((cap, spent(cap)) for cap in caps if cap.rule in watched)
    return {cap.rule: 100 * used // cap.limit for cap, used in found if used is not None}


def raised(budget: Budget, place: Place, at: datetime, raises: Iterable[Raise]) -> int:
    """The limit with what it was raised by for now."""
    limit = budget.limit
    for each in raises:
        if each.holds(at) and is_raised(budget, place, each):
            limit = each.on(limit)
    return limit


def is_raised(budget: Budget, place: Place, by: Raise) -> bool:
    """Whether a raise is one of this budget at this place: of everybody's, or of the one it is for."""
    if by.budget != budget.name:
        return False
    return by.only is None or any(
        value == by.only for dimension, value in place if _is_each(budget, dimension)
    )


def _is_each(budget: Budget, dimension: str) -> bool:
    return budget.scope != "company" and budget.scope.fields.get(dimension, EACH) == EACH


def stands(
    policy: Policy, place: Place, at: datetime, zone: tzinfo, raises: Sequence[Raise], keys: Mapping[str, str]
) -> tuple[tuple[Budget, Cap], ...]:
    """The budgets in force that a counter at this place may be of, each as its cap of now: what there is to
    say of a counter without knowing who moves it. `keys`: the fingerprints of registered keys, by name."""
    return tuple(
        (budget, cap_of(budget, place, at, zone, raises))
        for budget in policy.budgets
        if _is_of(budget, place, keys) and in_force(budget, at, zone)
    )


def foreseen(budget: Budget, who: Principal, keys: Mapping[str, str]) -> Place | None:
    """The place on which somebody's requests will count if they are of what the budget names; None: not
    theirs, or one for each of what only a request says. `keys`: the fingerprints of registered keys, by
    name."""
    if budget.scope == "company":
        return ()
    named = {name: value for name, value in budget.scope.fields.items() if value != EACH}
    key = named.get("key")
    fingerprint = None if key is None else keys.get(key, key)
    return budget.scope.of(
        Spender(who, named.get("provider"), named.get("model"), fingerprint, key, named.get("client"), None)
    )


def in_force(budget: Budget, at: datetime, zone: tzinfo) -> bool:
    """Whether it binds at a moment."""
    if budget.from_ is None and budget.until is None:
        return True
    begins, ends = budget.in_force(zone)
    return (begins is None or begins <= at) and (ends is None or at < ends)


def changes(policy: Policy, zone: tzinfo, raises: Iterable[Raise]) -> list[datetime]:
    """The moments at which caps change by themselves: budgets and raises that begin or end, in order."""
    moments = [moment for budget in policy.budgets for moment in budget.in_force(zone)]
    moments += [moment for each in raises for moment in (each.from_at, each.until_at)]
    return sorted(moment for moment in moments if moment is not None)


def _is_of(budget: Budget, place: Place, keys: Mapping[str, str]) -> bool:
    return not place if budget.scope == "company" else bool(place) and budget.scope.holds(place, keys.get)
