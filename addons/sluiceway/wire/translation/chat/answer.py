"""A chat completion as an answer, and an answer as such a completion."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sluiceway.types import Usage
from sluiceway.wire.fields import items, label, mapping
from sluiceway.wire.openai_chat_stream import usage_in, usage_of
from sluiceway.wire.translation.chat.messages_in import answer_parts
from sluiceway.wire.translation.ids import CHAT_LENGTH, fitted_id
from sluiceway.wire.translation.neutral import Answer, Part, StopReason, Text, Thinking, ToolCall
from sluiceway.wire.translation.translator import Asked

_STOPS: dict[str, StopReason] = {
    "stop": StopReason.END,
    "length": StopReason.MAX_TOKENS,
    "tool_calls": StopReason.TOOL_USE,
    "function_call": StopReason.TOOL_USE,
    "content_filter": StopReason.REFUSAL,
    "insufficient_system_resource": StopReason.MAX_TOKENS,  # DeepSeek broke off
}
_NOT_YET = (None, "", "null")  # DashScope's and older servers' words for null
_WORDS: dict[StopReason, str] = {
    StopReason.END: "stop",
    StopReason.MAX_TOKENS: "length",
    StopReason.STOP_SEQUENCE: "stop",
    StopReason.TOOL_USE: "tool_calls",
    StopReason.REFUSAL: "content_filter",
    StopReason.PAUSE: "stop",
    StopReason.CONTEXT_FULL: "length",
}


def parse_answer(document: object) -> Answer:
    """Lenient: what is missing is unknown. Of several choices the first."""
    completion = mapping(document)
    choice = next((mapping(one) for one in items(completion.get("choices"))), {})
    parts = answer_parts(mapping(choice.get("message")))
    reason = stop_of(choice.get("finish_reason"))
    if reason is StopReason.END and any(isinstance(part, Text) and part.refusal for part in parts):
        reason = StopReason.REFUSAL
    return Answer(
        id=label(completion.get("id")) or "",
        model=label(completion.get("model")) or "",
        parts=parts,
        stop_reason=reason,
        usage=usage_of(usage_in(completion)),
        tier=label(completion.get("service_tier"), 64),
    )


def stop_of(word: object) -> StopReason | None:
    """The neutral reason, None where the answer has not ended; a word nobody knows is an end."""
    return None if word in _NOT_YET else _STOPS.get(str(word), StopReason.END)


def render_answer(answer: Answer, asked: Asked) -> dict[str, Any]:
    """A whole completion."""
    calls = [call_fields(part) for part in answer.parts if isinstance(part, ToolCall)]
    message: dict[str, Any] = {
        "role": "assistant",
        "content": _said(part for part in answer.parts if isinstance(part, Text) and not part.refusal),
        "refusal": _said(part for part in answer.parts if isinstance(part, Text) and part.refusal),
    }
    thoughts = "".join(part.text for part in answer.parts if isinstance(part, Thinking))
    if thoughts:
        message["reasoning_content"] = thoughts
    if calls:
        message["tool_calls"] = calls
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": word_of(answer.stop_reason, bool(calls)),
    }
    return {
        "id": completion_id(answer.id or asked.fallback_id),
        "object": "chat.completion",
        "created": int(asked.at.timestamp()),
        "model": answer.model or asked.model,
        "choices": [choice],
        "usage": usage_fields(answer.usage),
    }


def _said(parts: Iterable[Part]) -> str | None:
    texts = [part.text for part in parts if isinstance(part, Text)]
    return "".join(texts) if texts else None


def call_fields(call: ToolCall) -> dict[str, Any]:
    """A call of a tool, a function's or one of plain text."""
    given = fitted_id(call.id, CHAT_LENGTH)
    if call.custom:
        return {"id": given, "type": "custom", "custom": {"name": call.name, "input": call.arguments}}
    function = {"name": call.name, "arguments": call.arguments or "{}"}
    return {"id": given, "type": "function", "function": function}


def completion_id(given: str) -> str:
    """An id that looks like one of OpenAI's."""
    return given if given.startswith("chatcmpl-") else f"chatcmpl-{given}"


def word_of(reason: StopReason | None, has_calls: bool) -> str:
    """The API's own word; calls of tools end with the word that makes an agent run them."""
    if has_calls and reason in (None, StopReason.END):
        reason = StopReason.TOOL_USE
    return _WORDS[reason or StopReason.END]


def usage_fields(usage: Usage) -> dict[str, Any]:
    """Counts as the SDK reads them: `prompt_tokens` with what came from the cache, and a number also where it
    is unknown."""
    prompt, completion = usage.input_tokens or 0, usage.output_tokens or 0
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read_tokens or 0},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens or 0},
    }
