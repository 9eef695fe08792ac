"""A place in a rule: a model, a provider, or both; and what came of sending a request to one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, Field

from sluiceway.types import Target


def _plain(text: str) -> str:
    if "*" in text or "?" in text:
        raise ValueError("write one model's full name: a request goes to exactly one")
    return text


type Model = Annotated[str, Field(min_length=1, max_length=128), AfterValidator(_plain)]

NOT_OURS = "not applied: this key is not the company's to move"
STAYS = "stays where it is"


@dataclass(frozen=True, slots=True)
class Found:
    """Where an action sends a request, and its lines in the trail. `target` None: it cannot be applied, so a
    later rule may decide; `denied`: or nowhere at all, for this reason."""

    target: Target | None
    effects: tuple[str, ...]
    denied: str | None = None
