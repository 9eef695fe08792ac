"""Claude on Google's Vertex AI: rawPredict, streamRawPredict and counting; the body of Messages, the model in
the path.

Facts from Anthropic's documents ("Claude on Vertex AI"): `anthropic_version` stands in the body, `model` only
where tokens are counted, by the model called `count-tokens`. What a location costs more the host says
(`pricing/regions.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sluiceway.errors import WireError
from sluiceway.types import Call, ErrorAnswer, Refusal
from sluiceway.wire import notice, rewrite
from sluiceway.wire.answer_parts import AnswerParts
from sluiceway.wire.answer_parts_anthropic import message_parts
from sluiceway.wire.anthropic import PARTS, AnthropicMessages
from sluiceway.wire.body import read_object
from sluiceway.wire.dialect import Reading, Tap, Target
from sluiceway.wire.fields import need_model
from sluiceway.wire.parts import Path, Segment
from sluiceway.wire.rewrite import replaced
from sluiceway.wire.walk import segments

_PATH = re.compile(r"(?P<before>.*/publishers/anthropic/models/)(?P<model>[A-Za-z0-9._@-]+):(?P<method>\w+)")
_MODEL = re.compile(r"[A-Za-z0-9._@-]+")
_METHODS = ("rawPredict", "streamRawPredict")
COUNTS = "count-tokens"
_MESSAGES = AnthropicMessages()


class AnthropicVertex:
    """The dialect of Claude on Vertex. Operations: chat, count_tokens."""

    name = "anthropic_vertex"

    def read(
        self, target: Target, headers: Mapping[str, str], body: bytes, add_usage: bool = True
    ) -> Reading:
        document, sound = read_object(body)
        return Reading(self._call(document, target, headers), sound, document, target)

    def _call(
        self, document: Mapping[str, Any], target: Target, headers: Mapping[str, str] | None = None
    ) -> Call:
        model, method = _model_and_method(target.path)
        if model == COUNTS:
            return replace(_MESSAGES.call_of(document, counts_only=True), dialect=self.name)
        # The method says the same as `stream`; where they differ, the body is what the model goes by.
        stream = document.get("stream", method == "streamRawPredict")
        call = _MESSAGES.call_of({**document, "model": model, "stream": stream}, headers or {})
        return replace(call, dialect=self.name)

    def limit_output(self, reading: Reading, max_output_tokens: int) -> Reading:
        return _MESSAGES.limit_output(reading, max_output_tokens)

    def segments(self, reading: Reading) -> tuple[Segment, ...]:
        return segments(reading.document, PARTS)

    def replaced(self, reading: Reading, changes: Mapping[Path, str]) -> Reading:
        return replaced(reading, PARTS, changes, lambda document: self._call(document, reading.target))

    def with_model(self, reading: Reading, model: str) -> tuple[Reading, str]:
        if model == reading.call.model:
            return reading, reading.target.path
        if reading.call.operation == "count_tokens":
            return rewrite.with_model(reading, model)
        found = _PATH.fullmatch(reading.target.path)
        need_model({"model": model})
        if found is None or not _MODEL.fullmatch(model):
            raise WireError("path: cannot be written for another model")
        path = f"{found['before']}{model}:{found['method']}"
        call, target = replace(reading.call, model=model), replace(reading.target, path=path)
        return replace(reading, call=call, target=target), path

    def notice(self, reading: Reading, text: str, request_id: str) -> ErrorAnswer:
        if reading.call.operation != "chat":
            return self.refuse(notice.refusal(text), request_id)
        return notice.anthropic(reading, text, request_id)

    def tap(self, call: Call, status: int, content_type: str) -> Tap:
        return _MESSAGES.tap(call, status, content_type)

    def answer_parts(self, document: object) -> AnswerParts:
        return message_parts(document)

    def refuse(self, refusal: Refusal, request_id: str, codex: bool = False) -> ErrorAnswer:
        return _MESSAGES.refuse(refusal, request_id)


def _model_and_method(path: str) -> tuple[str, str]:
    found = _PATH.fullmatch(path)
    if found is None or found["method"] not in _METHODS:
        raise WireError("path: must end in publishers/anthropic/models/{model} and :rawPredict")
    return found["model"], found["method"]
