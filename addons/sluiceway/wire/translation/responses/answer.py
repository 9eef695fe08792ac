"""A response of the Responses API as an answer, and an answer as such a response."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sluiceway.types import Usage
from sluiceway.wire.fields import items, label, mapping
from sluiceway.wire.openai_responses_stream import usage_of
from sluiceway.wire.translation.ids import RESPONSES_LENGTH, fitted_id
from sluiceway.wire.translation.neutral import Answer, Part, StopReason, Text, Thinking, ToolCall
from sluiceway.wire.translation.responses import own_tools
from sluiceway.wire.translation.responses.items_in import answer_text, thinking_of
from sluiceway.wire.translation.translator import Asked

_REASONS: dict[StopReason, str] = {
    StopReason.MAX_TOKENS: "max_output_tokens",
    StopReason.CONTEXT_FULL: "max_output_tokens",
    StopReason.REFUSAL: "content_filter",
}


def parse_answer(document: object) -> Answer:
    """Lenient: what is missing is unknown, items of OpenAI's own tools are left out."""
    response = mapping(document)
    parts = tuple(part for item in items(response.get("output")) for part in parts_of(mapping(item)))
    return Answer(
        id=label(response.get("id")) or "",
        model=label(response.get("model")) or "",
        parts=parts,
        stop_reason=stop_of(response, parts) if response.get("status") else None,
        usage=usage_of(response),
        tier=label(response.get("service_tier"), 64),
    )


def parts_of(item: Mapping[str, Any]) -> Iterator[Part]:
    """What an output item says."""
    kind = item.get("type")
    if kind == "message":
        for one in items(item.get("content")):
            if (text := answer_text(mapping(one))) is not None:
                yield text
    elif kind == "reasoning":
        yield thinking_of(item)
    elif kind in ("function_call", "custom_tool_call"):
        yield call_of(item)


def call_of(item: Mapping[str, Any]) -> ToolCall:
    """A call of a function or of a tool of plain text."""
    custom = item.get("type") == "custom_tool_call"
    given, name = item.get("call_id") or item.get("id"), item.get("name")
    written = item.get("input" if custom else "arguments")
    return ToolCall(
        id=given if isinstance(given, str) else "",
        name=own_tools.joined(item.get("namespace"), name if isinstance(name, str) else ""),
        arguments=written if isinstance(written, str) else "",
        custom=custom,
    )


def stop_of(response: Mapping[str, Any], parts: tuple[Part, ...]) -> StopReason:
    """Why it ended. A call of a tool has no word of its own here."""
    reason = mapping(response.get("incomplete_details")).get("reason")
    if response.get("status") == "incomplete":
        return StopReason.REFUSAL if reason == "content_filter" else StopReason.MAX_TOKENS
    if any(isinstance(part, ToolCall) for part in parts):
        return StopReason.TOOL_USE
    refused = any(isinstance(part, Text) and part.refusal for part in parts)
    return StopReason.REFUSAL if refused else StopReason.END


def render_answer(answer: Answer, asked: Asked) -> dict[str, Any]:
    """A whole response."""
    offer, response_id = own_tools.Offer.of(asked.request), id_of(answer.id or asked.fallback_id)
    found = (item_of(part, item_id(response_id, n), offer) for n, part in enumerate(answer.parts))
    output = [item for item in found if item is not None]
    refused = any(isinstance(part, Text) and part.refusal for part in answer.parts)
    model = answer.model or asked.model
    return envelope(asked, response_id, model) | ending(answer.stop_reason, refused, output, answer.usage)


def envelope(asked: Asked, response_id: str, model: str) -> dict[str, Any]:
    """A response that has begun. What the request said is not repeated: it holds for another model."""
    return {
        "id": response_id,
        "object": "response",
        "created_at": int(asked.at.timestamp()),
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": None,
        "model": model,
        "output": [],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "store": False,
        "temperature": None,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "truncation": "disabled",
        "usage": None,
        "user": None,
        "metadata": {},
    }


def ending(
    stop: StopReason | None, refused: bool, output: list[dict[str, Any]], usage: Usage
) -> dict[str, Any]:
    """What the last state of a response says beyond the first. A refusal in words is an answer."""
    reason = None if stop is None or (stop is StopReason.REFUSAL and refused) else _REASONS.get(stop)
    return {
        "status": "completed" if reason is None else "incomplete",
        "incomplete_details": None if reason is None else {"reason": reason},
        "output": output,
        "usage": usage_fields(usage),
    }


def item_of(part: Part, given: str, offer: own_tools.Offer) -> dict[str, Any] | None:
    """A part as an output item, None where the client's API has none. Thoughts of another vendor's are not
    shown: the client would send them back, and OpenAI refuses what it did not think."""
    if isinstance(part, Text):
        return message_item(f"msg_{given}", part.text, part.refusal)
    if isinstance(part, ToolCall):
        return call_item(part, given, offer)
    if isinstance(part, Thinking) and part.vendor == "openai":
        summary = [{"type": "summary_text", "text": part.text}] if part.text else []
        item = {"id": part.id or f"rs_{given}", "type": "reasoning", "summary": summary}
        return item if part.redacted is None else item | {"encrypted_content": part.redacted}
    return None


def text_part(text: str, refusal: bool) -> dict[str, Any]:
    """The content of a message."""
    if refusal:
        return {"type": "refusal", "refusal": text}
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def message_item(item_id: str, text: str, refusal: bool) -> dict[str, Any]:
    """Words as a message of their own."""
    content = [text_part(text, refusal)]
    return {
        "id": item_id,
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "content": content,
    }


def call_item(call: ToolCall, given: str, offer: own_tools.Offer) -> dict[str, Any]:
    """A call as the client offered the tool."""
    call_id = fitted_id(call.id, RESPONSES_LENGTH)
    if call.name in offer.own:
        return own_tools.call_item(call, f"{own_tools.PREFIX[call.name]}_{given}", call_id)
    if call.custom:
        item = {"id": f"ctc_{given}", "type": "custom_tool_call", "input": call.arguments}
    else:
        item = {"id": f"fc_{given}", "type": "function_call", "arguments": call.arguments or "{}"}
    return item | {"status": "completed", "call_id": call_id, **offer.named(call.name)}


def id_of(given: str) -> str:
    """An id that looks like one of OpenAI's."""
    return given if given.startswith("resp_") else fitted_id(f"resp_{given}", RESPONSES_LENGTH)


def item_id(response_id: str, number: int) -> str:
    """The end of an item's id: its response's and its place."""
    return f"{response_id.removeprefix('resp_')[:48]}_{number}"


def usage_fields(usage: Usage) -> dict[str, Any]:
    """Counts as the SDK reads them: input with what came from the cache, and a number also where it is
    unknown."""
    read, written = usage.input_tokens or 0, usage.output_tokens or 0
    return {
        "input_tokens": read,
        "input_tokens_details": {
            "cached_tokens": usage.cache_read_tokens or 0,
            "cache_write_tokens": usage.cache_write_tokens or 0,
        },
        "output_tokens": written,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens or 0},
        "total_tokens": read + written,
    }
