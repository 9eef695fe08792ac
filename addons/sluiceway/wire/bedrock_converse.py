"""Bedrock's Converse API: converse, converse-stream and count-tokens, for every vendor's models alike.

Facts from AWS's Bedrock API reference (Converse, ConverseStream, CountTokens) and its user guide ("Prompt
caching").
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import orjson

from sluiceway.errors import WireError
from sluiceway.types import Answer, Call, ErrorAnswer, Refusal, Usage, UsageSource
from sluiceway.wire import bedrock_error, notice, wants
from sluiceway.wire.answer_parts import AnswerParts
from sluiceway.wire.answer_parts_bedrock import converse_parts
from sluiceway.wire.bedrock_converse_stream import (
    ConverseMeter,
    metadata,
    parse_converse,
    text_block,
    tier_of,
)
from sluiceway.wire.bedrock_path import STREAMS, model_and_method, path_for
from sluiceway.wire.body import read_object
from sluiceway.wire.dialect import Reading, Tap, Target
from sluiceway.wire.eventstream import CONTENT_TYPE, render
from sluiceway.wire.extent import Extent
from sluiceway.wire.fields import items, load, mapping, maybe_list, maybe_object, whole
from sluiceway.wire.frame_tap import FrameTap, is_frames
from sluiceway.wire.parts import DEFINITION, IDENTIFIER, SYSTEM, USER, Path, Segment, place
from sluiceway.wire.rewrite import asks_less, replaced
from sluiceway.wire.tap import JsonTap
from sluiceway.wire.thinking import thinking_below
from sluiceway.wire.walk import Parts, segments

_MEDIA = {"image": "image", "document": "file", "video": "video", "audio": "audio"}
_OPERATIONS = {"converse": "chat", "converse-stream": "chat", "count-tokens": "count_tokens"}
_PARTS: Parts = {
    "modelId": IDENTIFIER,
    "system": SYSTEM,
    "messages": USER,
    "input": USER,
    "promptVariables": place("user", "text"),
    "toolConfig": DEFINITION,
    "outputConfig": DEFINITION,
}


class BedrockConverse:
    """The dialect of Converse. Operations: chat, count_tokens (documented as free of charge)."""

    name = "bedrock_converse"

    def read(
        self, target: Target, headers: Mapping[str, str], body: bytes, add_usage: bool = True
    ) -> Reading:
        model, method = model_and_method(target.path)
        if method not in _OPERATIONS:
            raise WireError("path: this operation of a model is not known")
        document, sound = read_object(body)
        return Reading(self._call(document, model, method), sound, document, target)

    def _call(self, document: Mapping[str, Any], model: str, method: str) -> Call:
        operation = _OPERATIONS[method]
        asked = _opened(document).get("input", {}) if operation == "count_tokens" else document
        asked = mapping(mapping(asked).get("converse") or asked)
        messages = maybe_list(asked, "messages")  # a stored prompt, named by its ARN, brings its own
        tools = maybe_list(maybe_object(asked, "toolConfig"), "tools")
        extent = Extent()
        for part in ("system", "promptVariables", "invokeModel"):
            add(extent, asked.get(part))
        add(extent, messages)
        extent.add_json(tools)
        return Call(
            dialect=self.name,
            operation=operation,
            model=model,
            stream=method in STREAMS,
            max_output_tokens=_limit(asked) if operation == "chat" else 0,
            has_tools=bool(tools),
            has_images=extent.has_images,
            has_thinking=wants.thinks(_extra(asked)),
            wants_json=wants.converse_json(asked),
            service_tier=tier_of(asked),
            cache_writes=cache_points(asked),
            input_bytes=extent.input_bytes,
            dense_bytes=extent.dense_bytes,
        )

    def limit_output(self, reading: Reading, max_output_tokens: int) -> Reading:
        """Also what is said beside it, in the words of the model's vendor."""
        less = asks_less(reading, max_output_tokens, "inferenceConfig.maxTokens")
        if less or reading.call.operation != "chat":
            return reading
        config = {**maybe_object(reading.document, "inferenceConfig"), "maxTokens": max_output_tokens}
        document = {**reading.document, "inferenceConfig": config}
        extra = _extra(reading.document)
        if extra:
            own = {"max_tokens": max_output_tokens} if "max_tokens" in extra else {}
            document["additionalModelRequestFields"] = {
                **extra,
                **own,
                **thinking_below(extra, max_output_tokens),
            }
        return reading.rewritten(replace(reading.call, max_output_tokens=max_output_tokens), document)

    def segments(self, reading: Reading) -> tuple[Segment, ...]:
        return segments(_opened(reading.document), _PARTS)

    def replaced(self, reading: Reading, changes: Mapping[Path, str]) -> Reading:
        model, method = model_and_method(reading.target.path)
        opened = replace(reading, document=_opened(reading.document))
        done = replaced(
            opened, _PARTS, changes, lambda document: self._call(_closed(document), model, method)
        )
        return reading if done is opened else reading.rewritten(done.call, _closed(done.document))

    def with_model(self, reading: Reading, model: str) -> tuple[Reading, str]:
        if model == reading.call.model:
            return reading, reading.target.path
        path = path_for(reading.target.path, model)
        call, target = replace(reading.call, model=model), replace(reading.target, path=path)
        return replace(reading, call=call, target=target), path

    def notice(self, reading: Reading, text: str, request_id: str) -> ErrorAnswer:
        if reading.call.operation != "chat":
            return self.refuse(notice.refusal(text), request_id)
        usage = {"inputTokens": 0, "outputTokens": 0}
        if reading.call.stream:
            start, stop = render({"role": "assistant"}, "messageStart"), {"stopReason": "end_turn"}
            frames = [start, *text_block(text), render(stop, "messageStop"), metadata(usage)]
            return ErrorAnswer(200, (("content-type", CONTENT_TYPE),), b"".join(frames))
        answer = {
            "output": {"message": {"role": "assistant", "content": [{"text": text}]}},
            "stopReason": "end_turn",
            "usage": {**usage, "totalTokens": 0},
            "metrics": {"latencyMs": 0},
        }
        return ErrorAnswer(200, (("content-type", "application/json"),), orjson.dumps(answer))

    def tap(self, call: Call, status: int, content_type: str) -> Tap:
        if status >= 400:
            return JsonTap(parse_error, generates=False)
        if call.operation == "count_tokens":
            return JsonTap(parse_count, generates=False)
        if is_frames(content_type) or (call.stream and "json" not in content_type.lower()):
            return FrameTap(ConverseMeter(call))
        return JsonTap(parse_converse)

    def answer_parts(self, document: object) -> AnswerParts:
        return converse_parts(document)

    def refuse(self, refusal: Refusal, request_id: str, codex: bool = False) -> ErrorAnswer:
        return bedrock_error.refuse(refusal, request_id)


def parse_error(document: object) -> Answer:
    return Answer(error_type=bedrock_error.error_type(document), complete=True)


def parse_count(document: object) -> Answer:
    """Counting is free, so it uses nothing; the count itself is kept nowhere."""
    return Answer(usage=Usage(input_tokens=0, output_tokens=0, source=UsageSource.REPORTED), complete=True)


def add(extent: Extent, value: Any) -> None:
    """Counts text and media: `{"image": {"format": "png", "source": {"bytes": ...}}}` counts as an image."""
    if isinstance(value, list):
        for item in value:
            add(extent, item)
    elif isinstance(value, dict):
        for name, child in value.items():
            source = mapping(mapping(child).get("source")) if name in _MEDIA else {}
            if source and "text" not in source and "content" not in source:
                data = source.get("bytes")
                extent.add_media(_MEDIA[name], len(data) if isinstance(data, str) else 0)
            elif name not in ("signature", "cachePoint"):
                add(extent, child)
    else:
        extent.add(value)


def _extra(document: Mapping[str, Any]) -> Mapping[str, Any]:
    return mapping(document.get("additionalModelRequestFields"))


def _limit(document: Mapping[str, Any]) -> int | None:
    """The larger of what the request says, if it says it twice."""
    said = (
        whole(maybe_object(document, "inferenceConfig"), "maxTokens", "inferenceConfig."),
        whole(_extra(document), "max_tokens", "additionalModelRequestFields."),
    )
    return max((limit for limit in said if limit is not None), default=None)


def cache_points(document: Mapping[str, Any]) -> Literal["5m", "1h"] | None:
    """The longest lifetime of a cache point in the system, the tools or a message."""
    blocks = [*items(document.get("system")), *items(mapping(document.get("toolConfig")).get("tools"))]
    for message in items(document.get("messages")):
        blocks += items(mapping(message).get("content"))
    points = [mapping(mapping(block).get("cachePoint")) for block in blocks]
    if any(point.get("ttl") == "1h" for point in points):
        return "1h"
    return "5m" if any(points) else None


def _opened(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The document with the invocation it counts in place of its base64, so that its texts can be seen."""
    invocation = mapping(mapping(document.get("input")).get("invokeModel"))
    body = invocation.get("body")
    if not isinstance(body, str):
        return document
    try:
        inner = load(binascii.a2b_base64(body))
    except ValueError:
        return document
    if not isinstance(inner, dict):
        return document
    return {**document, "input": {**document["input"], "invokeModel": {**invocation, "body": inner}}}


def _closed(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The document as it is sent."""
    invocation = mapping(mapping(document.get("input")).get("invokeModel"))
    inner = invocation.get("body")
    if not isinstance(inner, dict):
        return document
    body = binascii.b2a_base64(orjson.dumps(inner), newline=False).decode()
    return {**document, "input": {**document["input"], "invokeModel": {**invocation, "body": body}}}
