"""How a thinking budget of Claude's is lowered with the output limit that it must stay below."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluiceway.wire.fields import mapping

MIN_THINKING_TOKENS = 1024  # "budget_tokens: must be >= 1024 and less than max_tokens"


def thinking_below(document: Mapping[str, Any], max_output_tokens: int) -> dict[str, Any]:
    """The field `thinking` for this limit, none where it fits. Below the smallest budget thinking is switched
    off, since the API would refuse the request."""
    thinking = mapping(document.get("thinking"))
    budget = thinking.get("budget_tokens")
    if not isinstance(budget, int) or budget < max_output_tokens:
        return {}
    if max_output_tokens > MIN_THINKING_TOKENS:
        return {"thinking": {**thinking, "budget_tokens": max_output_tokens - 1}}
    return {"thinking": {"type": "disabled"}}
