"""Bedrock's InvokeModel, whole and streamed: each vendor's own body, the model in the path.

Facts from AWS's Bedrock API reference (InvokeModel, InvokeModelWithResponseStream) and Anthropic's documents
("Claude on Amazon Bedrock": the body of Messages without `model` and `stream`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sluiceway.errors import WireError
from sluiceway.types import Call, ErrorAnswer, Refusal
from sluiceway.wire import bedrock_error, notice, wants
from sluiceway.wire.answer_parts import AnswerParts
from sluiceway.wire.answer_parts_bedrock import invoke_parts
from sluiceway.wire.anthropic import AnthropicMessages
from sluiceway.wire.bedrock_bodies import ANTHROPIC, BODIES, NOVA, body_of
from sluiceway.wire.bedrock_converse import add, cache_points, parse_error
from sluiceway.wire.bedrock_invoke_stream import InvokeMeter, InvokeTap, chunk_of
from sluiceway.wire.bedrock_path import STREAMS, model_and_method, path_for
from sluiceway.wire.body import read_object
from sluiceway.wire.dialect import Reading, Tap, Target
from sluiceway.wire.eventstream import CONTENT_TYPE
from sluiceway.wire.extent import Extent
from sluiceway.wire.fields import choices, label, maybe_list
from sluiceway.wire.frame_tap import FrameTap, is_frames
from sluiceway.wire.parts import DEFINITION, SYSTEM, USER, Path, Segment, place
from sluiceway.wire.rewrite import asks_less, replaced
from sluiceway.wire.sse import EventSplitter, data_of
from sluiceway.wire.tap import JsonTap
from sluiceway.wire.thinking import thinking_below
from sluiceway.wire.walk import Parts, segments

TIER_HEADER = "x-amzn-bedrock-service-tier"
LATENCY_HEADER = "x-amzn-bedrock-performanceconfig-latency"
_TEXT = place("user", "text")
_METHODS = ("invoke", "invoke-with-response-stream")
_MESSAGES = AnthropicMessages()
_PARTS: Parts = {
    "system": SYSTEM,
    "messages": USER,
    "tools": DEFINITION,
    "toolConfig": DEFINITION,
    "output_config": DEFINITION,
    "preamble": SYSTEM,
    "chat_history": USER,
    "documents": USER,
    "tool_results": USER,
    **dict.fromkeys(("prompt", "inputText", "message", "texts", "inputs"), _TEXT),
}


class BedrockInvoke:
    """The dialect of InvokeModel. Operations: chat, embeddings; by the body, since one path serves both."""

    name = "bedrock_invoke"

    def read(
        self, target: Target, headers: Mapping[str, str], body: bytes, add_usage: bool = True
    ) -> Reading:
        model, method = model_and_method(target.path)
        if method not in _METHODS:
            raise WireError("path: this operation of a model is not known")
        document, sound = read_object(body)
        call = self._call(document, model, method)
        return Reading(replace(call, service_tier=_tier(headers, call)), sound, document, target)

    def _call(self, document: Mapping[str, Any], model: str, method: str) -> Call:
        body = body_of(document, model)
        stream = method in STREAMS
        if body is ANTHROPIC:
            call = _MESSAGES.call_of({**document, "model": model, "stream": stream})
            return replace(call, dialect=self.name, vendor=body.vendor)
        extent = Extent()
        for name in body.input:
            add(extent, document.get(name))
        for name in body.definitions:
            extent.add_json(document.get(name))
        return Call(
            dialect=self.name,
            operation=body.operation,
            model=model,
            stream=stream,
            max_output_tokens=0 if body.operation == "embeddings" else body.limit(document),
            choices=choices(document, "n"),
            has_tools=bool(
                maybe_list(document, "tools") if "tools" in document else "toolConfig" in document
            ),
            has_images=extent.has_images,
            has_thinking=wants.chat_thinks(document),
            wants_json=wants.json_in(document.get("response_format")),
            service_tier=label(document.get("service_tier"), 64),
            cache_writes=cache_points(document) if body is NOVA else None,
            input_bytes=extent.input_bytes,
            dense_bytes=extent.dense_bytes,
            vendor=body.vendor,
        )

    def limit_output(self, reading: Reading, max_output_tokens: int) -> Reading:
        body = BODIES[reading.call.vendor or ""]
        if asks_less(reading, max_output_tokens, "the output limit") or body.operation == "embeddings":
            return reading
        document = body.limited(reading.document, max_output_tokens)
        if body is ANTHROPIC:
            document |= thinking_below(reading.document, max_output_tokens)
        return reading.rewritten(replace(reading.call, max_output_tokens=max_output_tokens), document)

    def segments(self, reading: Reading) -> tuple[Segment, ...]:
        return segments(reading.document, _PARTS)

    def replaced(self, reading: Reading, changes: Mapping[Path, str]) -> Reading:
        model, method = model_and_method(reading.target.path)
        return replaced(reading, _PARTS, changes, lambda document: self._call(document, model, method))

    def with_model(self, reading: Reading, model: str) -> tuple[Reading, str]:
        """Only to a model that takes this body, as far as the name tells: another vendor's takes another."""
        if model == reading.call.model:
            return reading, reading.target.path
        path = path_for(reading.target.path, model)
        if _is_claude(model) != _is_claude(reading.call.model or ""):
            raise WireError("model: this body is for models of another vendor")
        call, target = replace(reading.call, model=model), replace(reading.target, path=path)
        return replace(reading, call=call, target=target), path

    def notice(self, reading: Reading, text: str, request_id: str) -> ErrorAnswer:
        """An assistant's answer for Claude's body; for the others a refusal, which they all show."""
        if reading.call.vendor != ANTHROPIC.vendor:
            return self.refuse(notice.refusal(text), request_id)
        answer = notice.anthropic(reading, text, request_id)
        if not reading.call.stream:
            return answer
        frames = [chunk_of(data_of(event)) for event in EventSplitter().feed(answer.body)]
        return ErrorAnswer(200, (("content-type", CONTENT_TYPE),), b"".join(frames))

    def tap(self, call: Call, status: int, content_type: str) -> Tap:
        if status >= 400:
            return JsonTap(parse_error, generates=False)
        if is_frames(content_type) or (call.stream and "json" not in content_type.lower()):
            return FrameTap(InvokeMeter(call))
        return InvokeTap(call)

    def answer_parts(self, document: object) -> AnswerParts:
        return invoke_parts(document)

    def refuse(self, refusal: Refusal, request_id: str, codex: bool = False) -> ErrorAnswer:
        return bedrock_error.refuse(refusal, request_id)


def _tier(headers: Mapping[str, str], call: Call) -> str | None:
    """InvokeModel takes the tier as a header; some vendors' bodies say it too."""
    if headers.get(LATENCY_HEADER) == "optimized":
        return "latency-optimized"
    return label(headers.get(TIER_HEADER), 64) or call.service_tier


def _is_claude(model: str) -> bool:
    return "anthropic." in model
