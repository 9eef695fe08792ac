"""The OpenAI Responses API: /v1/responses, and Codex's copy of it behind a ChatGPT login.

Facts from OpenAI's API reference (Responses: create, streaming events) and the official SDK's models.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sluiceway.errors import WireError
from sluiceway.types import Answer, Call, ErrorAnswer, Refusal, Usage, UsageSource
from sluiceway.wire import notice, openai_error, wants
from sluiceway.wire.answer_parts import AnswerParts
from sluiceway.wire.answer_parts_responses import response_parts
from sluiceway.wire.body import read_object
from sluiceway.wire.client import codex_session
from sluiceway.wire.dialect import Reading, Tap, Target
from sluiceway.wire.extent import Extent
from sluiceway.wire.fields import flag, label, mapping, maybe_list, need_model, whole
from sluiceway.wire.openai_responses_stream import ResponsesMeter, parse_response
from sluiceway.wire.parts import DEFINITION, IDENTIFIER, SYSTEM, USER, Path, Segment
from sluiceway.wire.rewrite import replaced, with_model
from sluiceway.wire.sse import EventSplitter
from sluiceway.wire.tap import JsonTap, StreamTap, is_stream
from sluiceway.wire.walk import Parts, segments

MIN_OUTPUT_TOKENS = 16  # the smallest `max_output_tokens` the API accepts
_PARTS: Parts = {
    "model": IDENTIFIER,
    "conversation": IDENTIFIER,
    "previous_response_id": IDENTIFIER,
    "instructions": SYSTEM,
    "prompt": USER,
    "input": USER,
    "tools": DEFINITION,
    "text": DEFINITION,
}


class OpenAIResponses:
    """The dialect of /v1/responses. What a `previous_response_id` or a stored prompt brings along is billed
    as input too, but lies with the provider, so `input_bytes` cannot count it."""

    name = "openai_responses"

    def read(
        self, target: Target, headers: Mapping[str, str], body: bytes, add_usage: bool = True
    ) -> Reading:
        document, sound = read_object(body)
        return Reading(self._call(document, headers, target.path), sound, document, target)

    def _call(self, document: Mapping[str, Any], headers: Mapping[str, str], path: str) -> Call:
        counts_only = path.rstrip("/").endswith("/input_tokens")
        given = document.get("input")
        if given is not None and not isinstance(given, str | list):
            raise WireError("input: must be a string or a list")
        tools = maybe_list(document, "tools")
        conversation = document.get("conversation")
        extent = Extent()
        extent.add([given, document.get("instructions"), document.get("prompt")])
        extent.add_json(tools)
        extent.add_json(document.get("text"))
        return Call(
            dialect=self.name,
            operation="count_tokens" if counts_only else "chat",
            model=None if _needs_none(document, counts_only) else need_model(document),
            stream=flag(document, "stream") and not counts_only,
            background=flag(document, "background") and not counts_only,
            max_output_tokens=0 if counts_only else whole(document, "max_output_tokens"),
            has_tools=bool(tools) or _brings_tools(given),
            has_images=extent.has_images,
            has_thinking=wants.responses_thinks(document),
            wants_json=wants.json_in(mapping(document.get("text")).get("format")),
            service_tier=label(document.get("service_tier"), 64),
            conversation_id=codex_session(headers)
            or label(document.get("prompt_cache_key"))
            or label(conversation)
            or label(mapping(conversation).get("id")),
            previous_response_id=label(document.get("previous_response_id")),
            held_input=any(document.get(name) for name in ("previous_response_id", "conversation", "prompt")),
            input_bytes=extent.input_bytes,
            dense_bytes=extent.dense_bytes,
        )

    def limit_output(self, reading: Reading, max_output_tokens: int) -> Reading:
        """Not below 16: the API refuses less. Counting has no output."""
        if reading.call.operation != "chat":
            return reading
        asked = reading.call.max_output_tokens
        limit = max(MIN_OUTPUT_TOKENS, max_output_tokens)
        if asked is not None and asked <= limit:
            return reading
        document = {**reading.document, "max_output_tokens": limit}
        return reading.rewritten(replace(reading.call, max_output_tokens=limit), document)

    def segments(self, reading: Reading) -> tuple[Segment, ...]:
        return segments(reading.document, _PARTS)

    def replaced(self, reading: Reading, changes: Mapping[Path, str]) -> Reading:
        path = reading.target.path
        return replaced(reading, _PARTS, changes, lambda document: self._call(document, {}, path))

    def with_model(self, reading: Reading, model: str) -> tuple[Reading, str]:
        return with_model(reading, model)

    def answer_parts(self, document: object) -> AnswerParts:
        return response_parts(document)

    def notice(self, reading: Reading, text: str, request_id: str) -> ErrorAnswer:
        if reading.call.operation != "chat":
            return self.refuse(notice.refusal(text), request_id)
        return notice.responses(reading, text, request_id)

    def tap(self, call: Call, status: int, content_type: str) -> Tap:
        if status >= 400:
            return JsonTap(openai_error.parse_error, generates=False)
        if call.operation == "count_tokens":
            return JsonTap(_parse_count, generates=False)
        if is_stream(call, content_type):
            return StreamTap(EventSplitter(), ResponsesMeter(call))
        return JsonTap(parse_response)

    def refuse(self, refusal: Refusal, request_id: str, codex: bool = False) -> ErrorAnswer:
        return openai_error.refuse(refusal, request_id, codex)


def _needs_none(document: Mapping[str, Any], counts_only: bool) -> bool:
    """A stored prompt brings its model along, and so do Perplexity's `preset` and its list of `models`;
    counting does without (Responses: input token counts; Perplexity docs, "Agent API: Presets")."""
    brought = any(document.get(name) for name in ("prompt", "preset", "models"))
    return document.get("model") is None and (counts_only or brought)


def _parse_count(document: object) -> Answer:
    """Counting is free, so it uses nothing; the count itself is kept nowhere."""
    free = Usage(input_tokens=0, output_tokens=0, source=UsageSource.REPORTED)
    return Answer(usage=free, complete="input_tokens" in mapping(document))


def _brings_tools(given: object) -> bool:
    """Codex sends its tools as an input item of type `additional_tools`."""
    return isinstance(given, list) and any(mapping(item).get("type") == "additional_tools" for item in given)
