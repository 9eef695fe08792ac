"""Mirror: another place gets a copy of some requests, whose answer nobody sees and nobody keeps."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from sluiceway.policy.case import Case
from sluiceway.policy.kinds.actions.place import Model
from sluiceway.settings.section import Name, Section
from sluiceway.types import KeyClass, Target

SAME = "same"

type Share = Annotated[Decimal, Field(gt=0, le=100, decimal_places=3)]
type Usd = Annotated[Decimal, Field(gt=0, le=1_000_000, decimal_places=9)]


class MirrorTo(Section):
    """Who gets the copy."""

    provider: Name | None = None
    model: Model = SAME


class Mirror(Section):
    """A comparison on real requests: only those with the company's key, only what it cost and how long it
    took is kept. `percent` of all conversations; `budget_usd_per_day` ends it for the day, and there is no
    default, since a copy costs as much as the request."""

    to: MirrorTo
    percent: Share
    budget_usd_per_day: Usd

    def apply(self, case: Case, rule: str, first: Target) -> tuple[Target | None, str]:
        """Who gets a copy, and the line for the trail."""
        if case.facts.key_class is not KeyClass.COMPANY or not case.facts.may_reroute:
            return None, "no copy: this key is not the company's"
        if case.share(rule, "mirror") * 100 > self.percent:
            return None, f"no copy: not among the {self.percent} %"
        target = case.named(self.to.provider, None if self.to.model == SAME else self.to.model)
        if target == first:
            return None, f"no copy: {target} answers itself"
        if why := case.barred(target):
            return None, f"no copy: {target}: {why}"
        return target, f"a copy goes to {target}"
