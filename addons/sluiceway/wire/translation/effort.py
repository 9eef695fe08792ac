"""How much a model is to think: in tokens, as older Claudes and Gemini 2.5 take it, or as an effort."""

from __future__ import annotations

from typing import get_args

from sluiceway.wire.thinking import MIN_THINKING_TOKENS
from sluiceway.wire.translation.neutral import Effort, Reasoning

EFFORTS: tuple[Effort, ...] = get_args(Effort.__value__)
# No API says how its words compare with tokens; these keep the order, and "high" is what agents ask for.
_TOKENS: dict[Effort, int] = {
    "none": 0,
    "minimal": MIN_THINKING_TOKENS,
    "low": 2_048,
    "medium": 8_192,
    "high": 16_384,
    "xhigh": 32_000,
    "max": 63_999,
}


def tokens_of(reasoning: Reasoning) -> int | None:
    """The budget asked for, in tokens; None: none was, and the model decides."""
    if reasoning.enabled is False:
        return 0
    if reasoning.budget_tokens is not None:
        return reasoning.budget_tokens
    return None if reasoning.effort is None else _TOKENS[reasoning.effort]


def effort_of(reasoning: Reasoning, allowed: tuple[Effort, ...] = EFFORTS) -> Effort | None:
    """The effort asked for, in the nearest word that is `allowed`; None: none was, and the model decides."""
    wanted = reasoning.effort
    if reasoning.enabled is False:
        wanted = "none"
    elif wanted is None and reasoning.budget_tokens is not None:
        wanted = next((word for word in EFFORTS if _TOKENS[word] >= reasoning.budget_tokens), "max")
    if wanted is None or wanted in allowed:
        return wanted
    at = EFFORTS.index(wanted)
    return min(allowed, key=lambda word: abs(EFFORTS.index(word) - at))
