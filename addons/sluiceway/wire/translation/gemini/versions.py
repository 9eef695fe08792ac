"""What the name of one of Google's models tells of what it accepts. A Gemini that nobody knows is taken for a
current one.

Facts from Google's docs (Thinking, Thought signatures, Structured outputs, models).
"""

from __future__ import annotations

import re
from functools import lru_cache

from sluiceway.wire.translation.neutral import Effort

_GEMINI = re.compile(r"gemini-(\d{1,2})(?:\.(\d))?")
_CURRENT = (99, 0)
_PRO_3: tuple[Effort, ...] = ("low", "high")
_PRO: tuple[Effort, ...] = ("low", "medium", "high")
_FLASH: tuple[Effort, ...] = ("minimal", "low", "medium", "high")


@lru_cache(maxsize=512)
def version_of(model: str) -> tuple[int, int] | None:
    """(2, 5) of gemini-2.5-pro; None: no Gemini."""
    if "gemini" not in model:
        return None
    found = _GEMINI.search(model)
    return _CURRENT if found is None else (int(found[1]), int(found[2] or 0))


def is_at_least(model: str, version: tuple[int, int]) -> bool:
    """Whether it is a Gemini of that version or a newer one."""
    found = version_of(model)
    return found is not None and found >= version


def wants_signatures(model: str) -> bool:
    """From Gemini 3 on: "Function call is missing a thought_signature in functionCall parts"."""
    return is_at_least(model, (3, 0))


def levels(model: str) -> tuple[Effort, ...]:
    """The levels of thinking that a Gemini takes from 3 on."""
    if "flash" in model:
        return _FLASH
    return _PRO_3 if version_of(model) == (3, 0) else _PRO


def budget_range(model: str) -> tuple[int, int]:
    """The least and the most tokens of thinking for Gemini 2.5; a Pro cannot be kept from it."""
    if "pro" in model:
        return 128, 32_768
    return (512 if "lite" in model else 1), 24_576


def output_limit(model: str) -> int:
    """The most tokens that a Gemini of this version may be asked for."""
    return 65_536 if is_at_least(model, (2, 5)) or version_of(model) is None else 8_192


def takes_penalties(model: str) -> bool:
    """Before 2.5: "Penalty is not enabled for this model"."""
    return not is_at_least(model, (2, 5))


def has_schemas_beside_tools(model: str) -> bool:
    """From 3 on; before, "Function calling with a response mime type is unsupported"."""
    return is_at_least(model, (3, 0))


def has_json_schema(model: str) -> bool:
    """Whether an answer's form can be told as a JSON schema: from 2.5 on."""
    return is_at_least(model, (2, 5))
