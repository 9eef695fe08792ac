"""How a request asks Claude to think: by an effort from 4.6 on, by a budget of tokens before.

Facts from Anthropic's docs (Extended thinking, Adaptive thinking, Effort): a budget is at least 1,024 and
less than `max_tokens`; a model that thinks by a budget cannot be forced to use a tool, and the last turn of a
tool loop must then begin with its thoughts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sluiceway.wire.thinking import MIN_THINKING_TOKENS
from sluiceway.wire.translation import models
from sluiceway.wire.translation.effort import effort_of, tokens_of
from sluiceway.wire.translation.losses import Losses
from sluiceway.wire.translation.neutral import Effort, Message, Request, Thinking, ToolCall

_FIELD = "thinking"
_LATE: tuple[Effort, ...] = ("low", "medium", "high", "xhigh", "max")
_EARLY: tuple[Effort, ...] = ("low", "medium", "high", "max")  # before 4.7


def thinking_of(
    request: Request, model: str, max_tokens: int, turns: Sequence[Message], losses: Losses
) -> dict[str, Any]:
    """The fields `thinking` and `output_config`, as far as anything was asked for."""
    reasoning = request.reasoning
    if (reasoning.enabled, reasoning.effort, reasoning.budget_tokens) == (None, None, None):
        return {}
    if not models.thinks_at_all(model):
        if reasoning.enabled is not False and reasoning.effort != "none":
            losses.drop(_FIELD, "the model does not think aloud")
        return {}
    if models.thinks_adaptively(model):
        return _adaptive(request, model)
    return _budgeted(request, max_tokens, turns, losses)


def _adaptive(request: Request, model: str) -> dict[str, Any]:
    reasoning, version = request.reasoning, models.claude_version(model) or (0, 0)
    fields: dict[str, Any] = {}
    wanted = effort_of(reasoning)
    if wanted is not None:
        allowed = _LATE if version >= (4, 7) else _EARLY
        effort = effort_of(reasoning, allowed) if wanted not in ("none", "minimal") else "low"
        fields["output_config"] = {"effort": effort}
    if wanted == "none" or _is_forced(request):
        return fields  # from 4.6 on it does not think, or as little as it can, unless it is asked to
    shown: dict[str, Any] = (
        {} if reasoning.shown is None else {"display": "summarized" if reasoning.shown else "omitted"}
    )
    return {**fields, "thinking": {"type": "adaptive", **shown}}


def _budgeted(request: Request, max_tokens: int, turns: Sequence[Message], losses: Losses) -> dict[str, Any]:
    budget = tokens_of(request.reasoning)
    if budget is None and request.reasoning.enabled:
        budget = max_tokens // 2
    if not budget:
        return {}
    if max_tokens <= MIN_THINKING_TOKENS:
        losses.drop(_FIELD, "the limit of tokens leaves no room for it")
    elif _is_forced(request):
        losses.drop(_FIELD, "not while a tool is forced")
    elif _is_in_loop_without_thoughts(turns):
        losses.drop(_FIELD, "not before the next message: this turn began at a model of another vendor")
    else:
        # A limit of OpenAI's covers reasoning and answer together: a quarter is left for the answer.
        budget = max(MIN_THINKING_TOKENS, min(budget, max_tokens * 3 // 4))
        return {"thinking": {"type": "enabled", "budget_tokens": budget}}
    return {}


def _is_forced(request: Request) -> bool:
    return request.tool_choice is not None and request.tool_choice.mode == "required"


def _is_in_loop_without_thoughts(turns: Sequence[Message]) -> bool:
    """Whether the last thing that the model did was to call tools, without thoughts of Claude's before."""
    last = next((turn for turn in reversed(turns) if turn.role == "assistant"), None)
    if last is None or not any(isinstance(part, ToolCall) for part in last.parts):
        return False
    first = last.parts[0]
    return not (isinstance(first, Thinking) and first.vendor == "anthropic")
