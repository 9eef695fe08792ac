"""The Cohere Chat API, version 2. (Cohere API reference, Chat v2)"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from sluiceway.types import Call, ErrorAnswer, Refusal
from sluiceway.wire import cohere_error, wants
from sluiceway.wire.answer_parts import AnswerParts
from sluiceway.wire.answer_parts_cohere import chat_parts
from sluiceway.wire.body import read_object
from sluiceway.wire.cohere_stream import CohereMeter, parse_chat
from sluiceway.wire.dialect import Reading, Tap, Target
from sluiceway.wire.extent import Extent
from sluiceway.wire.fields import flag, maybe_list, need_list, need_model, whole
from sluiceway.wire.parts import DEFINITION, IDENTIFIER, RESULT, USER, Path, Segment
from sluiceway.wire.rewrite import asks_less, limited, replaced, with_model
from sluiceway.wire.sse import EventSplitter, render
from sluiceway.wire.tap import JsonTap, StreamTap, is_stream
from sluiceway.wire.walk import Parts, segments

_PARTS: Parts = {
    "model": IDENTIFIER,
    "messages": USER,
    "documents": RESULT,
    "tools": DEFINITION,
    "response_format": DEFINITION,
}
_NO_USAGE = {
    "billed_units": {"input_tokens": 0, "output_tokens": 0},
    "tokens": {"input_tokens": 0, "output_tokens": 0},
}


class CohereChat:
    """The dialect of /v2/chat. A stream tells its usage unasked."""

    name = "cohere_chat"

    def read(
        self, target: Target, headers: Mapping[str, str], body: bytes, add_usage: bool = True
    ) -> Reading:
        document, sound = read_object(body)
        return Reading(self._call(document), sound, document, target)

    def _call(self, document: Mapping[str, Any]) -> Call:
        tools = maybe_list(document, "tools")
        extent = Extent()
        extent.add(need_list(document, "messages"))
        extent.add(maybe_list(document, "documents"))
        extent.add_json(tools)
        extent.add_json(document.get("response_format"))
        return Call(
            dialect=self.name,
            operation="chat",
            model=need_model(document),
            stream=flag(document, "stream"),
            max_output_tokens=whole(document, "max_tokens"),
            has_tools=bool(tools),
            has_images=extent.has_images,
            has_thinking=wants.thinks(document),
            wants_json=wants.json_in(document.get("response_format")),
            input_bytes=extent.input_bytes,
            dense_bytes=extent.dense_bytes,
        )

    def limit_output(self, reading: Reading, max_output_tokens: int) -> Reading:
        if asks_less(reading, max_output_tokens, "max_tokens"):
            return reading
        return limited(reading, max_output_tokens, {"max_tokens": max_output_tokens})

    def segments(self, reading: Reading) -> tuple[Segment, ...]:
        return segments(reading.document, _PARTS)

    def replaced(self, reading: Reading, changes: Mapping[Path, str]) -> Reading:
        return replaced(reading, _PARTS, changes, self._call)

    def with_model(self, reading: Reading, model: str) -> tuple[Reading, str]:
        return with_model(reading, model)

    def notice(self, reading: Reading, text: str, request_id: str) -> ErrorAnswer:
        """A message that is complete, of no billed tokens."""
        block: dict[str, object] = {"type": "text", "text": text}
        if not reading.call.stream:
            message = {"role": "assistant", "content": [block]}
            body = {"id": request_id, "finish_reason": "COMPLETE", "message": message, "usage": _NO_USAGE}
            return ErrorAnswer(200, (("content-type", "application/json"),), orjson.dumps(body))
        start = {"message": {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": []}}
        end = {"finish_reason": "COMPLETE", "usage": _NO_USAGE}
        events = [
            _named("message-start", id=request_id, delta=start),
            _named("content-start", index=0, delta={"message": {"content": {"type": "text", "text": ""}}}),
            _named("content-delta", index=0, delta={"message": {"content": {"text": text}}}),
            _named("content-end", index=0),
            _named("message-end", delta=end),
        ]
        return ErrorAnswer(200, (("content-type", "text/event-stream"),), b"".join(events))

    def tap(self, call: Call, status: int, content_type: str) -> Tap:
        if status >= 400:
            return JsonTap(cohere_error.parse_error, generates=False)
        if is_stream(call, content_type):
            return StreamTap(EventSplitter(), CohereMeter(call))
        return JsonTap(parse_chat)

    def answer_parts(self, document: object) -> AnswerParts:
        return chat_parts(document)

    def refuse(self, refusal: Refusal, request_id: str, codex: bool = False) -> ErrorAnswer:
        return cohere_error.refuse(refusal, request_id)


def _named(kind: str, **fields: object) -> bytes:
    return render({"type": kind, **fields}, kind)
