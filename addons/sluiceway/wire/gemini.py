"""The Gemini API: generateContent, streamGenerateContent, countTokens and the embeddings, v1 and v1beta.

Facts from Google's Gemini API reference (models.generateContent, UsageMetadata, caching, errors).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from sluiceway.errors import WireError
from sluiceway.types import Answer, Call, ErrorAnswer, Refusal, RefusalKind, Usage, UsageSource
from sluiceway.wire.arrays import ArraySplitter
from sluiceway.wire.body import read_object, write
from sluiceway.wire.dialect import Reading, Tap, Target
from sluiceway.wire.extent import Extent
from sluiceway.wire.fields import (
    choices,
    count,
    items,
    label,
    mapping,
    maybe_list,
    maybe_object,
    need_list,
    whole,
    word,
)
from sluiceway.wire.gemini_stream import GeminiMeter, error_object, parse_generated
from sluiceway.wire.refusal import RETRYABLE, STATUS, error_answer
from sluiceway.wire.sse import EventSplitter
from sluiceway.wire.tap import JsonTap, StreamTap

_PATH = re.compile(r"/(?P<kind>models|tunedModels)/(?P<model>[A-Za-z0-9._@-]{1,200}):(?P<method>[A-Za-z]+)/?")
_OPERATIONS = {
    "generateContent": "generate_content",
    "streamGenerateContent": "generate_content",
    "countTokens": "count_tokens",
    "embedContent": "embeddings",
    "batchEmbedContents": "embeddings",
}
_TIERS = ("serviceTier", "service_tier")


class Gemini:
    """The dialect of Google's Gemini API. The model stands in the path, and so does the method."""

    name = "gemini"

    def read(
        self, target: Target, headers: Mapping[str, str], body: bytes, add_usage: bool = True
    ) -> Reading:
        model, method = _model_and_method(target.path)
        document, sound = read_object(body)
        _same_model(document, model)
        config = _config(document)
        tools = maybe_list(document, "tools")
        if _OPERATIONS[method] == "generate_content":
            need_list(document, "contents")
        extent = _extent(document)
        call = Call(
            dialect=self.name,
            operation=_OPERATIONS[method],
            model=model,
            stream=method == "streamGenerateContent",
            max_output_tokens=_limit(config) if _OPERATIONS[method] == "generate_content" else 0,
            choices=choices(config, _spelling(config, "candidateCount"), "generationConfig."),
            has_tools=bool(tools),
            service_tier=next((label(document.get(name), 64) for name in _TIERS if name in document), None),
            input_bytes=extent.input_bytes,
            dense_bytes=extent.dense_bytes,
        )
        return Reading(call, sound, document)

    def limit_output(self, reading: Reading, max_output_tokens: int) -> Reading:
        asked = reading.call.max_output_tokens
        if max_output_tokens < 1:
            raise WireError("generationConfig.maxOutputTokens: cannot be lowered below 1")
        if reading.call.operation != "generate_content" or (asked is not None and asked <= max_output_tokens):
            return reading
        name = _spelling(reading.document, "generationConfig")
        config = _config(reading.document)
        lowered = {**config, _spelling(config, "maxOutputTokens"): max_output_tokens}
        document = {**reading.document, name: lowered}
        return Reading(replace(reading.call, max_output_tokens=max_output_tokens), write(document), document)

    def tap(self, call: Call, status: int, content_type: str) -> Tap:
        if status >= 400:
            return JsonTap(_parse_error, generates=False)
        if call.operation == "count_tokens":
            return JsonTap(_parse_count, generates=False)
        if call.operation == "embeddings":
            return JsonTap(_parse_embedding, generates=False)
        if "event-stream" in content_type.lower():
            return StreamTap(EventSplitter(), GeminiMeter(call))
        if call.stream:
            array = ArraySplitter()
            return StreamTap(array, GeminiMeter(call, array))
        return JsonTap(parse_generated)

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


def _model_and_method(path: str) -> tuple[str, str]:
    """The model as Google names it (`tunedModels/x` keeps its kind) and the method after the colon."""
    found = _PATH.search(unquote(path))
    if found is None or found.end() != len(unquote(path)):
        raise WireError("path: must end in models/{model}:{method}")
    if found["method"] not in _OPERATIONS:
        raise WireError("path: this method of a model is not known")
    return (found["model"] if found["kind"] == "models" else f"tunedModels/{found['model']}"), found["method"]


def _same_model(document: Mapping[str, Any], model: str) -> None:
    """A batch names its model once more in each request; another one would be billed as another."""
    named = [("model", document.get("model"))]
    for index, request in enumerate(maybe_list(document, "requests")):
        named.append((f"requests.{index}.model", mapping(request).get("model")))
    for where, name in named:
        if name is not None and name not in (model, f"models/{model}"):
            raise WireError(f"{where}: differs from the model in the path")


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


def _parse_error(document: object) -> Answer:
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
