"""The Anthropic Messages API: /v1/messages and its count_tokens.

Facts from Anthropic's API reference (Messages, Streaming, Errors, Prompt caching, Count tokens).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from sluiceway.types import Answer, Call, ErrorAnswer, Refusal, RefusalKind, Usage, UsageSource
from sluiceway.wire import notice, wants
from sluiceway.wire.answer_parts import AnswerParts
from sluiceway.wire.answer_parts_anthropic import message_parts
from sluiceway.wire.anthropic_stream import MessageMeter, parse_message, region_of, tier_of
from sluiceway.wire.body import read_object
from sluiceway.wire.client import claude_session
from sluiceway.wire.dialect import Reading, Tap, Target
from sluiceway.wire.extent import Extent
from sluiceway.wire.fields import flag, mapping, maybe_list, need_list, need_model, whole, word
from sluiceway.wire.parts import ASSISTANT, DEFINITION, IDENTIFIER, SYSTEM, USER, Path, Segment
from sluiceway.wire.refusal import STATUS, error_answer, should_retry
from sluiceway.wire.rewrite import asks_less, limited, replaced, with_model
from sluiceway.wire.sse import EventSplitter
from sluiceway.wire.tap import JsonTap, StreamTap, is_stream
from sluiceway.wire.thinking import thinking_below
from sluiceway.wire.walk import Parts, segments

_ERRORS: dict[RefusalKind, tuple[int, str]] = {
    RefusalKind.IDENTITY: (401, "authentication_error"),
    RefusalKind.BUDGET: (402, "billing_error"),
    RefusalKind.BUSY: (429, "rate_limit_error"),
    RefusalKind.RATE: (429, "rate_limit_error"),
    # Not 403: Claude Code shows that as "Failed to authenticate" and asks to log in again.
    RefusalKind.POLICY: (400, "invalid_request_error"),
    RefusalKind.TOO_LARGE: (413, "request_too_large"),
    RefusalKind.UNREACHABLE: (502, "api_error"),
    RefusalKind.TIMEOUT: (504, "timeout_error"),
    RefusalKind.INTERNAL: (503, "api_error"),
}

PARTS: Parts = {
    "model": IDENTIFIER,
    "system": SYSTEM,
    "messages": USER,
    "prefill": ASSISTANT,
    "tools": DEFINITION,
    "output_config": DEFINITION,
    "output_format": DEFINITION,
}


NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class AnthropicMessages:
    """The dialect of Claude's own API. Operations: chat, count_tokens (documented as free of charge)."""

    name = "anthropic_messages"

    def read(
        self, target: Target, headers: Mapping[str, str], body: bytes, add_usage: bool = True
    ) -> Reading:
        document, sound = read_object(body)
        counts_only = target.path.rstrip("/").endswith("/count_tokens")
        return Reading(self.call_of(document, headers, counts_only), sound, document, target)

    def call_of(
        self, document: Mapping[str, Any], headers: Mapping[str, str] = NO_HEADERS, counts_only: bool = False
    ) -> Call:
        """The document as a Call; batches and other clouds' dialects of the same body ask this too."""
        messages = need_list(document, "messages")
        tools = maybe_list(document, "tools")
        extent = Extent()
        extent.add(document.get("system"))
        extent.add(messages)
        extent.add_json(tools)
        return Call(
            dialect=self.name,
            operation="count_tokens" if counts_only else "chat",
            model=need_model(document),
            stream=flag(document, "stream") and not counts_only,
            max_output_tokens=0 if counts_only else whole(document, "max_tokens"),
            has_tools=bool(tools),
            has_images=extent.has_images,
            has_thinking=wants.thinks(document),
            wants_json=wants.anthropic_json(document),
            service_tier=tier_of(document),
            region=region_of(document),
            conversation_id=claude_session(headers, mapping(document.get("metadata")).get("user_id")),
            cache_writes=_cache_writes(document),
            input_bytes=extent.input_bytes,
            dense_bytes=extent.dense_bytes,
        )

    def limit_output(self, reading: Reading, max_output_tokens: int) -> Reading:
        """Also lowers a thinking budget that would no longer fit."""
        if asks_less(reading, max_output_tokens, "max_tokens"):
            return reading
        fields = {"max_tokens": max_output_tokens, **thinking_below(reading.document, max_output_tokens)}
        return limited(reading, max_output_tokens, fields)

    def segments(self, reading: Reading) -> tuple[Segment, ...]:
        return segments(reading.document, PARTS)

    def replaced(self, reading: Reading, changes: Mapping[Path, str]) -> Reading:
        counts_only = reading.call.operation == "count_tokens"
        return replaced(
            reading, PARTS, changes, lambda document: self.call_of(document, counts_only=counts_only)
        )

    def with_model(self, reading: Reading, model: str) -> tuple[Reading, str]:
        return with_model(reading, model)

    def answer_parts(self, document: object) -> AnswerParts:
        return message_parts(document)

    def notice(self, reading: Reading, text: str, request_id: str) -> ErrorAnswer:
        if reading.call.operation != "chat":
            return self.refuse(notice.refusal(text), request_id)
        return notice.anthropic(reading, text, request_id)

    def tap(self, call: Call, status: int, content_type: str) -> Tap:
        if status >= 400:
            return JsonTap(parse_error, generates=False)
        if call.operation == "count_tokens":
            return JsonTap(parse_count, generates=False)
        if is_stream(call, content_type):
            return StreamTap(EventSplitter(), MessageMeter(call))
        return JsonTap(parse_message)

    def refuse(self, refusal: Refusal, request_id: str, codex: bool = False) -> ErrorAnswer:
        status, kind = _ERRORS.get(refusal.kind, (STATUS[refusal.kind], "invalid_request_error"))
        error = {"type": kind, "message": refusal.message}
        body: dict[str, object] = {"type": "error", "error": error, "request_id": request_id}
        return error_answer(status, body, refusal, *should_retry(refusal))


def parse_error(document: object) -> Answer:
    return Answer(error_type=word(mapping(mapping(document).get("error")).get("type")), complete=True)


def parse_count(document: object) -> Answer:
    """Counting is free, so it uses nothing; the count itself is kept nowhere."""
    return Answer(usage=Usage(input_tokens=0, output_tokens=0, source=UsageSource.REPORTED), complete=True)


def _cache_writes(document: Mapping[str, Any]) -> Literal["5m", "1h"] | None:
    """The longest `cache_control` lifetime on a tool, a system block or a message block."""
    found: Literal["5m", "1h"] | None = None
    for control in _cache_controls(document):
        if control.get("ttl") == "1h":
            return "1h"
        found = "5m"
    return found


def _cache_controls(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    blocks: list[Any] = [document, *_blocks(document.get("system")), *_blocks(document.get("tools"))]
    for message in _blocks(document.get("messages")):
        blocks += _blocks(mapping(message).get("content"))
    blocks += [inner for block in blocks[1:] for inner in _blocks(mapping(block).get("content"))]
    controls = (mapping(block).get("cache_control") for block in blocks)
    return [control for control in controls if isinstance(control, dict)]


def _blocks(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
