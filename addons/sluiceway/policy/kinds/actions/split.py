"""Split: each conversation goes to one of several places, by weight, and stays there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import log
from typing import Annotated

from pydantic import Field

from sluiceway.policy.case import Case
from sluiceway.policy.kinds.actions.place import NOT_OURS, STAYS, Found, Model
from sluiceway.policy.staying import stays
from sluiceway.settings.section import Name, Section
from sluiceway.types import Target

SAME = "same"


class Share(Section):
    """One place of a split. `model: same` is the one that was asked for; `weight` is its part of all
    weights."""

    model: Model = SAME
    provider: Name | None = None
    weight: Annotated[int, Field(ge=1, le=1_000_000, strict=True)]

    def target(self, case: Case) -> Target:
        return case.named(self.provider, None if self.model == SAME else self.model)


def split(shares: Sequence[Share], case: Case, rule: str) -> Found:
    """The place of this conversation. Where one falls out, its conversations alone are spread over the
    rest."""
    if not case.facts.may_reroute:
        return Found(None, (NOT_OURS,))
    able: dict[Target, int] = {}
    effects: list[str] = []
    for share in shares:
        target = share.target(case)
        if target != case.asked and (why := case.barred(target)):
            effects.append(f"out: {target}: {why}")
        else:
            able[target] = able.get(target, 0) + share.weight
    if not able:
        return Found(None, (*effects, "not applied: nobody is left"))
    own = case.facts.stays_with
    if own in able:
        return Found(own, (*effects, f"the conversation stays at {own}"))
    drawn = max(able, key=lambda target: _score(able[target], case.share(rule, str(target))))
    if why := stays(case, drawn):
        return Found(case.here, (*effects, why))
    percent = round(100 * able[drawn] / sum(able.values()))
    where = STAYS if drawn == case.asked else f"{case.asked} -> {drawn}"
    return Found(drawn, (*effects, f"{where}: its share is {percent} %"))


def split_places(shares: Sequence[Share], case: Case) -> Iterator[Target]:
    """Where it may send a request."""
    return (share.target(case) for share in shares)


def _score(weight: int, share: float) -> float:
    """Weighted rendezvous hashing: the highest score wins in proportion to its weight, and leaving one place
    out changes nothing for those who are elsewhere."""
    return -weight / log(share) if share < 1 else float("inf")
