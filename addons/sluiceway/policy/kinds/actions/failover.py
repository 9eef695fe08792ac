"""Failover: where a request goes next, in order, while no answer has begun."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from sluiceway.policy.case import CONVERSING, Case
from sluiceway.policy.kinds.actions.place import Model
from sluiceway.policy.kinds.actions.pool import ranked
from sluiceway.settings.section import Name, Section
from sluiceway.types import Target

SAME = "same"
SAME_FAMILY = "same_family"
# Each attempt costs time, and may cost money: more than these help nobody who waits.
MAX_HOPS = 4


class Hop(Section):
    """One place. `model: same` without a provider is wherever else the catalogue says that the model is
    offered, the cheapest first; with one, that provider's own name for it."""

    model: Model = SAME
    provider: Name | None = None

    def targets(self, case: Case, of: Target) -> Iterator[Target]:
        if self.model != SAME or self.provider is not None:
            yield case.named(self.provider, None if self.model == SAME else self.model, of)
        elif (offer := case.offer(of)) is not None:
            same = case.models.of_model(offer.model.name)
            yield from (each.target for each in ranked(case, "cheapest", same))


type Failover = Literal["same_family"] | Annotated[tuple[Hop, ...], Field(max_length=MAX_HOPS)]


def chain(
    failover: Failover, case: Case, first: Target, of: Target
) -> tuple[tuple[Target, ...], tuple[str, ...]]:
    """Who comes after `first`, each once, and the lines for the trail. `of` is what the rule is about:
    `first`, or what that was the way out of."""
    found: list[Target] = []
    effects: list[str] = []
    for target in (of, *hops(failover, case, of)):
        if len(found) == MAX_HOPS:
            break
        if target == first or target in found:
            continue
        if why := case.barred(target):
            effects.append(f"out: {target}: {why}")
        else:
            found.append(target)
    if failover == SAME_FAMILY and len(effects) > MAX_HOPS:
        effects[MAX_HOPS:] = [f"and {len(effects) - MAX_HOPS} more fell out"]
    then = ", then ".join(map(str, found))
    return tuple(found), (*effects, f"if {first} fails: {then or 'nobody else'}")


def hops(failover: Failover, case: Case, first: Target) -> Iterator[Target]:
    """All that a rule names, in its order, whether they can take the request or not."""
    if not isinstance(failover, str):
        for hop in failover:
            yield from hop.targets(case, first)
    elif (offer := case.offer(first)) is not None and case.call.operation in CONVERSING:
        kin = case.models.of_family(offer.model.family)
        yield from (each.target for each in ranked(case, "same_family", kin))
