"""A generated answer of Gemini's as an answer, and an answer as such a one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sluiceway.types import Usage
from sluiceway.wire.fields import items, label, mapping
from sluiceway.wire.gemini_stream import usage_of
from sluiceway.wire.translation.gemini.contents_in import answer_parts
from sluiceway.wire.translation.gemini.contents_out import call_part
from sluiceway.wire.translation.neutral import Answer, Part, StopReason, Text, Thinking, ToolCall
from sluiceway.wire.translation.translator import Asked
from sluiceway.wire.translation.whole_arguments import whole_object

_STOPS: dict[str, StopReason] = {
    "STOP": StopReason.END,
    "MAX_TOKENS": StopReason.MAX_TOKENS,
    **dict.fromkeys(
        ("SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR"),
        StopReason.REFUSAL,
    ),
    **dict.fromkeys(
        ("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"),
        StopReason.REFUSAL,
    ),
}
_WORDS: dict[StopReason, str] = {
    StopReason.MAX_TOKENS: "MAX_TOKENS",
    StopReason.CONTEXT_FULL: "MAX_TOKENS",
    StopReason.REFUSAL: "SAFETY",
}


def parse_answer(document: object) -> Answer:
    """Lenient: what is missing is unknown. Of several candidates the first."""
    whole = mapping(document)
    candidate = first(whole)
    given = label(whole.get("responseId")) or ""
    parts = tuple(
        with_id(part, given, number) for number, part in enumerate(answer_parts(candidate.get("content")))
    )
    has_calls = any(isinstance(part, ToolCall) for part in parts)
    return Answer(
        id=given,
        model=label(whole.get("modelVersion")) or "",
        parts=parts,
        stop_reason=stop_of(whole, candidate, has_calls),
        usage=usage_of(mapping(whole.get("usageMetadata")), final=True),
        tier=label(mapping(whole.get("usageMetadata")).get("serviceTier"), 64),
    )


def first(whole: Mapping[str, Any]) -> Mapping[str, Any]:
    """The first candidate."""
    found = (mapping(one) for one in items(whole.get("candidates")))
    return next((one for one in found if one.get("index") in (0, None)), {})


def with_id(part: Text | Thinking | ToolCall, response_id: str, number: int) -> Text | Thinking | ToolCall:
    """A call that Google gave no id gets one that no other answer has: other APIs refuse one given twice."""
    if not isinstance(part, ToolCall) or part.id:
        return part
    return replace(part, id=f"call_{response_id}_{number}" if response_id else f"call_{number}")


def stop_of(whole: Mapping[str, Any], candidate: Mapping[str, Any], has_calls: bool) -> StopReason | None:
    """Why it ended, None where it has not; a word nobody knows is an end. A blocked prompt has no answer."""
    if mapping(whole.get("promptFeedback")).get("blockReason"):
        return StopReason.REFUSAL
    told = candidate.get("finishReason")
    if told is None:
        return None
    found = _STOPS.get(str(told), StopReason.END)
    return StopReason.TOOL_USE if has_calls and found is StopReason.END else found


def render_answer(answer: Answer, asked: Asked) -> dict[str, Any]:
    """A whole answer."""
    parts = parts_shown(answer.parts, shows_thoughts(asked))
    return {
        "candidates": [candidate_of(parts, word_of(answer.stop_reason))],
        "usageMetadata": usage_fields(answer.usage),
        "modelVersion": answer.model or asked.model,
        "responseId": answer.id or asked.fallback_id,
    }


def shows_thoughts(asked: Asked) -> bool:
    """Whether the client asked for them: others would take them for the answer."""
    return asked.request is not None and asked.request.reasoning.shown is True


def parts_shown(parts: Sequence[Part], thoughts: bool) -> list[dict[str, Any]]:
    """Parts of an answer as the client's API has them. The first call has something for a signature: it comes
    back in the next request, which may go to a Gemini."""
    found: list[dict[str, Any]] = []
    missing = True
    for part in parts:
        if isinstance(part, Text) and part.text:
            found.append({"text": part.text})
        elif isinstance(part, Thinking) and part.text and thoughts:
            found.append({"text": part.text, "thought": True})
        elif isinstance(part, ToolCall):
            found.append(call_part(part, part.name, whole_object(part.arguments), missing))
            missing = False
    return found


def candidate_of(parts: list[dict[str, Any]], finish: str | None = None) -> dict[str, Any]:
    """The one candidate of an answer or of a piece."""
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
    return candidate if finish is None else candidate | {"finishReason": finish}


def word_of(reason: StopReason | None) -> str:
    """The API's own word; calls of tools have none of their own."""
    return _WORDS.get(reason or StopReason.END, "STOP")


def usage_fields(usage: Usage) -> dict[str, Any]:
    """Counts as Google tells them: candidates without thoughts, the prompt with what came from the cache."""
    read, written = usage.input_tokens or 0, usage.output_tokens or 0
    thoughts = min(usage.reasoning_tokens or 0, written)
    fields = {
        "promptTokenCount": read,
        "candidatesTokenCount": written - thoughts,
        "totalTokenCount": read + written,
    }
    if thoughts:
        fields["thoughtsTokenCount"] = thoughts
    if usage.cache_read_tokens:
        fields["cachedContentTokenCount"] = usage.cache_read_tokens
    return fields
