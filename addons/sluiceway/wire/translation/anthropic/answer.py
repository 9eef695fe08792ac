"""A message of the Messages API as an answer, and an answer as such a message."""

from __future__ import annotations

from typing import Any

from sluiceway.types import Usage
from sluiceway.wire.anthropic_stream import tier_of, usage_of
from sluiceway.wire.fields import items, label, mapping
from sluiceway.wire.translation.anthropic.blocks_in import answer_part
from sluiceway.wire.translation.anthropic.blocks_out import call_block, thinking_block
from sluiceway.wire.translation.ids import ANTHROPIC_LENGTH, fitted_id
from sluiceway.wire.translation.neutral import Answer, Part, StopReason, Text, Thinking, ToolCall
from sluiceway.wire.translation.translator import Asked
from sluiceway.wire.translation.whole_arguments import whole_object

_STOPS: dict[str, StopReason] = {
    "end_turn": StopReason.END,
    "max_tokens": StopReason.MAX_TOKENS,
    "stop_sequence": StopReason.STOP_SEQUENCE,
    "tool_use": StopReason.TOOL_USE,
    "pause_turn": StopReason.PAUSE,
    "refusal": StopReason.REFUSAL,
    "model_context_window_exceeded": StopReason.CONTEXT_FULL,
}
_WORDS = {reason: word for word, reason in _STOPS.items()}


def parse_answer(document: object) -> Answer:
    """Lenient: what is missing is unknown."""
    message = mapping(document)
    usage = mapping(message.get("usage"))
    found = (answer_part(mapping(block)) for block in items(message.get("content")))
    sequence = message.get("stop_sequence")
    return Answer(
        id=label(message.get("id")) or "",
        model=label(message.get("model")) or "",
        parts=tuple(part for part in found if part is not None),
        stop_reason=stop_of(message.get("stop_reason")),
        stop_sequence=sequence if isinstance(sequence, str) else None,
        usage=usage_of(usage, final=True),
        tier=tier_of(usage),
    )


def stop_of(word: object) -> StopReason | None:
    """The neutral reason, None where the answer has not ended; a word nobody knows is an end."""
    return None if word is None else _STOPS.get(str(word), StopReason.END)


def render_answer(answer: Answer, asked: Asked) -> dict[str, Any]:
    """A whole message."""
    return {
        "id": message_id(answer.id or asked.fallback_id),
        "type": "message",
        "role": "assistant",
        "model": answer.model or asked.model,
        "content": [block for part in answer.parts if (block := _block(part)) is not None],
        "stop_reason": word_of(answer.stop_reason, any(isinstance(part, ToolCall) for part in answer.parts)),
        "stop_sequence": answer.stop_sequence,
        "usage": usage_fields(answer.usage),
    }


def _block(part: Part) -> dict[str, Any] | None:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text} if part.text else None
    if isinstance(part, ToolCall):
        return call_block(part, part.name, whole_object(part.arguments))
    if isinstance(part, Thinking) and part.vendor == "anthropic":
        return thinking_block(part)
    return None


def message_id(given: str) -> str:
    """An id that looks like one of Anthropic's."""
    return given if given.startswith("msg_") else fitted_id(f"msg_{given}", ANTHROPIC_LENGTH)


def word_of(reason: StopReason | None, has_calls: bool) -> str:
    """The API's own word. Some servers say "stop" after calls of tools, which would end an agent's loop."""
    if has_calls and reason in (None, StopReason.END):
        reason = StopReason.TOOL_USE
    return _WORDS[reason or StopReason.END]


def usage_fields(usage: Usage) -> dict[str, Any]:
    """Counts as the SDK reads them: `input_tokens` without what was read from or written to the cache, and a
    number also where it is unknown."""
    read, written = usage.cache_read_tokens or 0, usage.cache_write_tokens or 0
    fields: dict[str, Any] = {
        "input_tokens": max(0, (usage.input_tokens or 0) - read - written),
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": read,
        "output_tokens": usage.output_tokens or 0,
    }
    if usage.reasoning_tokens:
        fields["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    return fields
