"""Degrade: cheaper models the more of a budget is spent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import Field, model_validator

from sluiceway.policy.case import Case
from sluiceway.policy.conditions import Percent
from sluiceway.policy.kinds.actions.place import NOT_OURS, STAYS, Found, Model
from sluiceway.policy.staying import stays
from sluiceway.settings.section import Name, Section
from sluiceway.types import Target


class Step(Section):
    """From `at_least` percent of the budget on: this model, or provider, or both."""

    at_least: Percent
    model: Model | None = None
    provider: Name | None = None

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if self.model is None and self.provider is None:
            raise ValueError("write 'model', 'provider' or both")
        return self


class Degrade(Section):
    """A ladder: the last step that is reached counts. An unknown state reaches none."""

    budget: Name
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        starts = [step.at_least for step in self.steps]
        if starts != sorted(set(starts)):
            raise ValueError("'steps' must ascend by at_least, each once")
        return self

    def apply(self, case: Case, rule: str) -> Found:
        used = case.facts.used_percent.get(self.budget)
        if used is None:
            return Found(None, (f"not applied: how much of {self.budget} is spent is not known",))
        reached = [step for step in self.steps if used >= step.at_least]
        if not reached:
            return Found(None, (f"not applied: {self.budget} is spent to {used} %",))
        if not case.facts.may_reroute:
            return Found(None, (NOT_OURS,))
        spent = f"{self.budget} is spent to {used} %"
        target = case.named(reached[-1].provider, reached[-1].model)
        if target == case.asked:
            return Found(target, (STAYS,))
        if lacking := case.lacking(target):
            return Found(None, (f"not applied: {target} {lacking}",))
        if why := stays(case, target):
            return Found(case.here, (why,))
        return Found(target, (f"{case.asked} -> {target}: {spent}",))

    @property
    def words(self) -> str:
        """What it does, for whom it concerns."""
        return f"answered by a cheaper model once {self.steps[0].at_least} % of {self.budget} is spent"

    def targets(self, case: Case) -> Iterator[Target]:
        """Where it may send a request."""
        return (case.named(step.provider, step.model) for step in self.steps)
