"""An answer of Converse as an answer. Models are of many vendors: thoughts that are signed are Claude's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluiceway.wire.bedrock_converse_stream import tier_of
from sluiceway.wire.bedrock_usage import usage_of
from sluiceway.wire.fields import items, mapping
from sluiceway.wire.translation.neutral import Answer, Part, StopReason, Text, Thinking, ToolCall
from sluiceway.wire.translation.reading import arguments_of

_STOPS: dict[str, StopReason] = {
    "end_turn": StopReason.END,
    "tool_use": StopReason.TOOL_USE,
    "max_tokens": StopReason.MAX_TOKENS,
    "stop_sequence": StopReason.STOP_SEQUENCE,
    "guardrail_intervened": StopReason.REFUSAL,
    "content_filtered": StopReason.REFUSAL,
    "model_context_window_exceeded": StopReason.CONTEXT_FULL,
}


def parse_answer(document: object) -> Answer:
    """Lenient: what is missing is unknown. The API names neither the answer nor its model."""
    answer = mapping(document)
    message = mapping(mapping(answer.get("output")).get("message"))
    found = (answer_part(mapping(block)) for block in items(message.get("content")))
    return Answer(
        parts=tuple(part for part in found if part is not None),
        stop_reason=stop_of(answer.get("stopReason")),
        usage=usage_of(mapping(answer.get("usage"))),
        tier=tier_of(answer),
    )


def stop_of(word: object) -> StopReason | None:
    """The neutral reason, None where the answer has not ended; a word nobody knows is an end."""
    return None if word is None else _STOPS.get(str(word), StopReason.END)


def answer_part(block: Mapping[str, Any]) -> Part | None:
    """A block of an answer, None where other APIs have none."""
    if isinstance(block.get("text"), str):
        return Text(block["text"])
    call, thought = mapping(block.get("toolUse")), mapping(block.get("reasoningContent"))
    if call:
        arguments = call.get("input")
        text = arguments_of(arguments) if isinstance(arguments, dict) and arguments else ""
        return ToolCall(str(call.get("toolUseId") or ""), str(call.get("name") or ""), text)
    if thought:
        return _thinking(thought)
    return None


def _thinking(thought: Mapping[str, Any]) -> Thinking:
    told, sealed = mapping(thought.get("reasoningText")), thought.get("redactedContent")
    if isinstance(sealed, str):
        return Thinking(vendor="anthropic", redacted=sealed)
    signature, text = told.get("signature"), told.get("text")
    said = text if isinstance(text, str) else ""
    if isinstance(signature, str) and signature:
        return Thinking(said, signature, "anthropic")
    return Thinking(said)
