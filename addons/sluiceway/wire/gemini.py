"""The Gemini API: generateContent, streamGenerateContent, countTokens and the embeddings, v1 and v1beta.

Facts from Google's Gemini API reference (models.generateContent, UsageMetadata, caching, errors).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sluiceway.types import Answer, Call, ErrorAnswer, Refusal, RefusalKind, Usage, UsageSource
from sluiceway.wire import notice, wants
from sluiceway.wire.answer_parts import AnswerParts
from sluiceway.wire.answer_parts_gemini import gemini_parts
from sluiceway.wire.arrays import ArraySplitter
from sluiceway.wire.body import read_object
from sluiceway.wire.dialect import Reading, Tap, Target
from sluiceway.wire.extent import Extent
from sluiceway.wire.fields import (
    choices,
    count,
    items,
    mapping,
    maybe_list,
    maybe_object,
    need_list,
    whole,
    word,
)
from sluiceway.wire.gemini_model import OPERATIONS, model_and_method, naming, path_for, same_model
from sluiceway.wire.gemini_stream import GeminiMeter, error_object, parse_generated, tier_word, tiered
from sluiceway.wire.parts import DEFINITION, IDENTIFIER, SYSTEM, USER, Path, Segment
from sluiceway.wire.refusal import RETRYABLE, STATUS, error_answer
from sluiceway.wire.rewrite import asks_less, limited, replaced
from sluiceway.wire.sse import EventSplitter
from sluiceway.wire.tap import JsonTap, StreamTap
from sluiceway.wire.told import Told
from sluiceway.wire.walk import Parts, segments

_TIER = "x-gemini-service-tier"
_TIERS = ("serviceTier", "service_tier")
_PARTS: Parts = {
    "model": IDENTIFIER,
    "systemInstruction": SYSTEM,
    "system_instruction": SYSTEM,
    "contents": USER,
    "content": USER,
    "requests": USER,
    "generateContentRequest": USER,
    "tools": DEFINITION,
    "generationConfig": DEFINITION,
    "generation_config": DEFINITION,
    "cachedContent": IDENTIFIER,
}


class Gemini:
    """The dialect of Google's Gemini API. The model stands in the path, and so does the method."""

    name = "gemini"

    def read(
        self, target: Target, headers: Mapping[str, str], body: bytes, add_usage: bool = True
    ) -> Reading:
        model, method = model_and_method(target.path)
        document, sound = read_object(body)
        call = self.call(document, model, OPERATIONS[method], method == "streamGenerateContent")
        return Reading(call, sound, document, target)

    def call(self, document: Mapping[str, Any], model: str, operation: str, stream: bool) -> Call:
        """What a document of this API asks for, wherever its model was named."""
        same_model(document, model)
        config = _config(document)
        tools = maybe_list(document, "tools")
        if operation == "generate_content":
            need_list(document, "contents")
        extent = _extent(document)
        return Call(
            dialect=self.name,
            operation=operation,
            model=model,
            stream=stream,
            max_output_tokens=_limit(config) if operation == "generate_content" else 0,
            choices=choices(config, _spelling(config, "candidateCount"), "generationConfig."),
            has_tools=bool(tools),
            has_images=extent.has_images,
            has_thinking=wants.gemini_thinks(config),
            wants_json=wants.gemini_json(config),
            service_tier=next((tier_word(document[name]) for name in _TIERS if name in document), None),
            input_bytes=extent.input_bytes,
            dense_bytes=extent.dense_bytes,
        )

    def limit_output(self, reading: Reading, max_output_tokens: int) -> Reading:
        less = asks_less(reading, max_output_tokens, "generationConfig.maxOutputTokens")
        if less or reading.call.operation != "generate_content":
            return reading
        name = _spelling(reading.document, "generationConfig")
        config = _config(reading.document)
        lowered = {**config, _spelling(config, "maxOutputTokens"): max_output_tokens}
        return limited(reading, max_output_tokens, {name: lowered})

    def segments(self, reading: Reading) -> tuple[Segment, ...]:
        return segments(reading.document, _PARTS)

    def replaced(self, reading: Reading, changes: Mapping[Path, str]) -> Reading:
        asked = reading.call
        return replaced(
            reading,
            _PARTS,
            changes,
            lambda document: self.call(document, asked.model or "", asked.operation, asked.stream),
        )

    def with_model(self, reading: Reading, model: str) -> tuple[Reading, str]:
        if model == reading.call.model:
            return reading, reading.target.path
        path = path_for(reading.target.path, model)
        target = replace(reading.target, path=path)
        moved = replace(reading, call=replace(reading.call, model=model), target=target)
        document = naming(reading.document, model)
        return (moved if document is reading.document else moved.rewritten(moved.call, document)), path

    def answer_parts(self, document: object) -> AnswerParts:
        return gemini_parts(document)

    def notice(self, reading: Reading, text: str, request_id: str) -> ErrorAnswer:
        if reading.call.operation != "generate_content":
            return self.refuse(notice.refusal(text), request_id)
        return notice.gemini(reading, text, request_id)

    def tap(self, call: Call, status: int, content_type: str) -> Tap:
        if status >= 400:
            return JsonTap(parse_error, generates=False)
        if call.operation == "count_tokens":
            return JsonTap(_parse_count, generates=False)
        if call.operation == "embeddings":
            return JsonTap(_parse_embedding, generates=False)
        if "event-stream" in content_type.lower():
            return Told(StreamTap(EventSplitter(), GeminiMeter(call)), _TIER, tiered)
        if call.stream:
            array = ArraySplitter()
            return Told(StreamTap(array, GeminiMeter(call, array)), _TIER, tiered)
        return Told(JsonTap(parse_generated), _TIER, tiered)

    def refuse(self, refusal: Refusal, request_id: str, codex: bool = False) -> ErrorAnswer:
        """A spent budget is 403: Gemini's clients retry a 429 silently for over a minute."""
        status = 403 if refusal.kind is RefusalKind.BUDGET else STATUS[refusal.kind]
        error = error_object(refusal, status, request_id)
        if refusal.kind in RETRYABLE and refusal.retry_after_s is not None:
            delay = {
                "@type": "type.googleapis.com/google.rpc.RetryInfo",
                "retryDelay": f"{refusal.retry_after_s}s",
            }
            error["details"] = [*items(error.get("details")), delay]
        return error_answer(status, {"error": error}, refusal)


def _spelling(document: Mapping[str, Any], camel: str) -> str:
    """The field's name as this client writes it: proto JSON takes snake_case as well."""
    snake = re.sub(r"([A-Z])", lambda found: f"_{found[1].lower()}", camel)
    return snake if snake in document else camel


def _config(document: Mapping[str, Any]) -> Mapping[str, Any]:
    return maybe_object(document, _spelling(document, "generationConfig"))


def _limit(config: Mapping[str, Any]) -> int | None:
    return whole(config, _spelling(config, "maxOutputTokens"), "generationConfig.")


def _extent(document: Mapping[str, Any]) -> Extent:
    extent = Extent()
    for name in ("contents", "content", "requests", "system_instruction", "systemInstruction"):
        extent.add(document.get(name))
    extent.add(mapping(document.get("generateContentRequest")))
    extent.add_json(document.get("tools"))
    extent.add_json(_config(document).get(_spelling(_config(document), "responseSchema")))
    return extent


def parse_error(document: object) -> Answer:
    # Without events, Google wraps even an error in the stream's array.
    found = mapping(document[0] if isinstance(document, list) and document else document)
    return Answer(error_type=word(mapping(found.get("error")).get("status")), complete=True)


def _parse_count(document: object) -> Answer:
    """Counting is free, so it uses nothing; the count itself is kept nowhere."""
    return Answer(usage=Usage(input_tokens=0, output_tokens=0, source=UsageSource.REPORTED), complete=True)


def _parse_embedding(document: object) -> Answer:
    """Newer embedding models report their input; older ones nothing, which leaves it unknown."""
    answer = mapping(document)
    prompt = count(mapping(answer.get("usageMetadata")).get("promptTokenCount"))
    usage = Usage(input_tokens=prompt, output_tokens=0, source=UsageSource.REPORTED)
    return Answer(usage=Usage() if prompt is None else usage, complete=bool(answer))
