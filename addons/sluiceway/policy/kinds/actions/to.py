"""To: another model, another provider, or both, by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

from pydantic import model_validator

from sluiceway.policy.case import Case
from sluiceway.policy.kinds.actions.place import NOT_OURS, STAYS, Found, Model
from sluiceway.policy.staying import stays
from sluiceway.settings.section import Name, Section
from sluiceway.types import Target


class To(Section):
    """Another model, another provider, or both. What is left out stays as asked. `at_once` also takes
    conversations away from a warm prompt cache that is worth more than the move saves."""

    model: Model | None = None
    provider: Name | None = None
    at_once: bool = False

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if self.model is None and self.provider is None:
            raise ValueError("write 'model', 'provider' or both")
        return self

    def apply(self, case: Case, rule: str) -> Found:
        target = case.named(self.provider, self.model)
        if target == case.asked:
            return Found(target, (STAYS,))
        if not case.facts.may_reroute:
            return Found(None, (NOT_OURS,))
        if lacking := case.lacking(target):
            return Found(None, (f"not applied: {target} {lacking}",))
        if not self.at_once and (why := stays(case, target)):
            return Found(case.here, (why,))
        return Found(target, (f"{case.asked} -> {target}",))

    @property
    def words(self) -> str:
        """What it does, for whom it concerns."""
        return f"answered by {' at '.join(filter(None, (self.model, self.provider)))}"

    def targets(self, case: Case) -> Iterator[Target]:
        """Where it may send a request."""
        yield case.named(self.provider, self.model)
