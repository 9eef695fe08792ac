"""Routes: where a request goes instead, where it goes next if that fails, who gets a copy, or that it does
not go at all. For each of the three the first route that matches and says it decides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import Field, model_validator

from sluiceway.policy.case import Case
from sluiceway.policy.kinds.actions import Choose, Degrade, Deny, Mirror, Share, To
from sluiceway.policy.kinds.actions.failover import SAME, Failover, hops
from sluiceway.policy.kinds.actions.place import Found
from sluiceway.policy.kinds.actions.split import split, split_places
from sluiceway.policy.match import EVERYTHING, Match
from sluiceway.settings.section import Name, Section
from sluiceway.types import Target


class Route(Section):
    """One routing rule: what it matches, and at most one of `deny`, `to`, `choose`, `split` and `degrade`,
    which say where a request goes. `failover` and `mirror` may stand beside one of them, or alone."""

    name: Name
    match: Match = EVERYTHING
    deny: Deny | None = None
    to: To | None = None
    choose: Choose | None = None
    split: Annotated[tuple[Share, ...], Field(min_length=2, max_length=20)] | None = None
    degrade: Degrade | None = None
    failover: Failover | None = None
    mirror: Mirror | None = None

    @model_validator(mode="after")
    def _one_action(self) -> Self:
        where = (self.deny, self.to, self.choose, self.split, self.degrade)
        given = sum(action is not None for action in where)
        beside = self.failover is not None or self.mirror is not None
        if given > 1 or (given == 0 and not beside):
            raise ValueError(
                "write exactly one of 'deny', 'to', 'choose', 'split' and 'degrade', and beside it or alone "
                "'failover' or 'mirror'"
            )
        if self.deny is not None and beside:
            raise ValueError("what is denied goes nowhere: leave 'failover' and 'mirror' out")
        return self

    @property
    def places(self) -> bool:
        """Whether it says where a request goes, and may move it."""
        return self.split is not None or self._place is not None

    @property
    def _place(self) -> To | Choose | Degrade | None:
        return self.to or self.choose or self.degrade

    @property
    def moves(self) -> bool:
        """Whether what it does is done to requests with the company's key alone."""
        return self.deny is None

    def apply(self, case: Case) -> Found:
        """Where the request goes by this rule. Asked where `places` holds."""
        if self.split is not None:
            return split(self.split, case, self.name)
        assert self._place is not None
        return self._place.apply(case, self.name)

    def targets(self, case: Case) -> Iterator[Target]:
        """Where it may send a request at first."""
        if self.split is not None:
            yield from split_places(self.split, case)
        elif self._place is not None:
            yield from self._place.targets(case)

    def may_hold(self, case: Case, target: Target) -> bool:
        """Whether a conversation can be there by this rule, and is still one that it is about."""
        if not self.match.lasts(case.who, case.call, case.facts):
            return False
        if target in self.targets(case):
            return True
        if self.failover is None:
            return False
        firsts = (case.asked,) if self.choose is not None else (case.asked, *self.targets(case))
        return any(target in hops(self.failover, case, first) for first in firsts)

    @property
    def targets_named(self) -> Iterator[tuple[str | None, str]]:
        """Every provider (None: as asked) and model that it names; `same`: as asked."""
        named = (
            self.to,
            *(self.split or ()),
            *(self.degrade.steps if self.degrade else ()),
            *(self.failover if isinstance(self.failover, tuple) else ()),
            self.mirror.to if self.mirror else None,
        )
        return ((place.provider, place.model or SAME) for place in named if place is not None)

    @property
    def providers_named(self) -> Iterator[str]:
        """Every provider it names."""
        return (provider for provider, _ in self.targets_named if provider is not None)

    @property
    def summary(self) -> str:
        """What it does, in words for whom it concerns."""
        if self.deny is not None:
            return f"not allowed: {self.deny.reason}"
        return f"{'; '.join(self._words())}, where the company's key is used"

    def _words(self) -> Iterator[str]:
        if self._place is not None:
            yield self._place.words
        if self.split is not None:
            yield f"answered by one of {len(self.split)} models or providers"
        if self.failover is not None:
            yield "answered by another where the first fails"
        if self.mirror is not None:
            yield f"a copy of {self.mirror.percent} % goes to another model, whose answer is not kept"
