"""Guard rules: what is done about secrets and personal data in a request. The strictest action wins."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sluiceway.policy.match import EVERYTHING, Match
from sluiceway.settings.section import Name, Section, Text

type Entity = Annotated[str, Field(pattern=r"^(\*|[A-Z][A-Z0-9_]{0,63})$")]


class Action(IntEnum):
    """What happens to a finding, from the mildest to the strictest."""

    DETECT = 1  # counted, nothing else
    MASK = 2  # replaced by a placeholder before it leaves
    BLOCK = 3  # the request is turned away


class Guard(Section):
    """One guard rule. `detect` lists entity types such as SECRET or EMAIL_ADDRESS, '*' for all.

    `on_failure: closed` turns a request away when it could not be scanned in time; `open` lets it pass and
    says so in the ledger, and is for `detect` rules only. `advice` is shown to the employee.
    """

    name: Name
    match: Match = EVERYTHING
    detect: Annotated[tuple[Entity, ...], Field(min_length=1)]
    action: Literal["detect", "mask", "block"]
    on_failure: Literal["closed", "open"] | None = None
    advice: Text | None = None

    @model_validator(mode="after")
    def _never_unscanned(self) -> Self:
        if self.action != "detect" and self.on_failure == "open":
            raise ValueError(
                "on_failure: open is for 'action: detect' only; under mask and block nothing passes"
            )
        return self

    @property
    def strictness(self) -> Action:
        return Action[self.action.upper()]

    @property
    def fails_closed(self) -> bool:
        """Rules that mask or block never let a request pass unscanned."""
        return self.strictness > Action.DETECT or self.on_failure == "closed"

    def covers(self, entity: str) -> bool:
        """Whether a finding of this type is this rule's business."""
        return "*" in self.detect or entity in self.detect
