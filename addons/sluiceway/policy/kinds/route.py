"""Routes: where a request goes instead, or that it does not go at all. The first that matches decides."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from sluiceway.policy.match import EVERYTHING, Match
from sluiceway.settings.section import Name, Section, Text
from sluiceway.types import Step, Target


def _plain(text: str) -> str:
    if "*" in text or "?" in text:
        raise ValueError("write one model's full name: a request goes to exactly one")
    return text


type Model = Annotated[str, Field(min_length=1, max_length=128), AfterValidator(_plain)]


class Deny(Section):
    """Turns the request away; `reason` is shown to the employee."""

    reason: Text


class To(Section):
    """Another model, another provider that speaks the same API, or both. What is left out stays as asked."""

    model: Model | None = None
    provider: Name | None = None

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if self.model is None and self.provider is None:
            raise ValueError("write 'model', 'provider' or both")
        return self


class Route(Section):
    """One routing rule: what it matches, and either `deny` or `to`."""

    name: Name
    match: Match = EVERYTHING
    deny: Deny | None = None
    to: To | None = None

    @model_validator(mode="after")
    def _one_action(self) -> Self:
        if (self.deny is None) == (self.to is None):
            raise ValueError("write exactly one of 'deny' and 'to'")
        return self

    def apply(self, target: Target) -> tuple[Target | None, Step]:
        """Where the request goes by this rule (None: nowhere), and the step for the trail."""
        if self.deny is not None:
            return None, Step("route", self.name, f"denied: {self.deny.reason}")
        assert self.to
        moved = Target(self.to.provider or target.provider, self.to.model or target.model)
        if moved == target:
            return target, Step("route", self.name, "stays where it is")
        return moved, Step("route", self.name, f"{target} -> {moved}")
