"""Gemini behind Google's Code Assist, which Gemini CLI uses after a login: the same API in an envelope.

A request is `{"model", "project", "user_prompt_id", "request": {...}}`, every piece of an answer
`{"response": {...}, "traceId"}`; errors have no envelope (Gemini CLI, code_assist/converter and server).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from sluiceway.errors import WireError
from sluiceway.types import Answer, Call, ErrorAnswer, Refusal
from sluiceway.wire import notice
from sluiceway.wire.answer_parts import AnswerParts, within
from sluiceway.wire.answer_parts_gemini import gemini_parts
from sluiceway.wire.arrays import ArraySplitter
from sluiceway.wire.body import read_object
from sluiceway.wire.dialect import Reading, Tap, Target
from sluiceway.wire.fields import label, mapping, need_model
from sluiceway.wire.gemini import Gemini, parse_error
from sluiceway.wire.gemini_stream import GeminiMeter, parse_generated
from sluiceway.wire.parts import IDENTIFIER, USER, Path, Segment
from sluiceway.wire.rewrite import replaced, with_model
from sluiceway.wire.sse import EventSplitter, data_of, render
from sluiceway.wire.tap import JsonTap, StreamTap
from sluiceway.wire.walk import Parts, segments

INNER = "request"
_PARTS: Parts = {"model": IDENTIFIER, "project": IDENTIFIER, "user_prompt_id": IDENTIFIER, INNER: USER}
METHODS = {":generateContent": False, ":streamGenerateContent": True}
"""The metered methods, and whether they stream."""


class GeminiCloudCode:
    """The dialect of cloudcode-pa.googleapis.com. The model stands in the body."""

    name = "gemini_cloudcode"

    def __init__(self) -> None:
        self._gemini = Gemini()

    def read(
        self, target: Target, headers: Mapping[str, str], body: bytes, add_usage: bool = True
    ) -> Reading:
        stream = METHODS.get(f":{target.path.rpartition(':')[2]}")
        if stream is None:
            raise WireError("path: must end in :generateContent or :streamGenerateContent")
        document, sound = read_object(body)
        return Reading(self._call(document, stream), sound, document, target)

    def _call(self, document: Mapping[str, Any], stream: bool) -> Call:
        model = need_model(document)
        inner = document.get(INNER)
        if not isinstance(inner, dict):
            raise WireError(f"{INNER}: must be an object")
        try:
            call = self._gemini.call({**inner, "model": None}, model, "generate_content", stream)
        except WireError as error:
            raise WireError(f"{INNER}.{error}") from None
        session = label(inner.get("session_id"))
        return replace(call, dialect=self.name, conversation_id=session or call.conversation_id)

    def limit_output(self, reading: Reading, max_output_tokens: int) -> Reading:
        inside = self._inside(reading)
        limited = self._gemini.limit_output(inside, max_output_tokens)
        if limited is inside:
            return reading
        call = replace(reading.call, max_output_tokens=limited.call.max_output_tokens)
        return reading.rewritten(call, {**reading.document, INNER: limited.document})

    def segments(self, reading: Reading) -> tuple[Segment, ...]:
        return segments(reading.document, _PARTS)

    def replaced(self, reading: Reading, changes: Mapping[Path, str]) -> Reading:
        stream = reading.call.stream
        return replaced(reading, _PARTS, changes, lambda document: self._call(document, stream))

    def with_model(self, reading: Reading, model: str) -> tuple[Reading, str]:
        return with_model(reading, model)

    def notice(self, reading: Reading, text: str, request_id: str) -> ErrorAnswer:
        plain = notice.gemini(self._inside(reading), text, request_id)
        if reading.call.stream and data_of(plain.body):
            return replace(plain, body=_enveloped(data_of(plain.body)))
        document = orjson.loads(plain.body)
        pieces = [{"response": piece} for piece in document] if isinstance(document, list) else None
        return replace(plain, body=orjson.dumps(pieces or {"response": document}))

    def tap(self, call: Call, status: int, content_type: str) -> Tap:
        if status >= 400:
            return JsonTap(parse_error, generates=False)
        if "event-stream" in content_type.lower():
            return StreamTap(EventSplitter(), EnvelopeMeter(call))
        if call.stream:
            array = ArraySplitter()
            return StreamTap(array, EnvelopeMeter(call, array))
        return JsonTap(_parse)

    def answer_parts(self, document: object) -> AnswerParts:
        return within("response", gemini_parts(mapping(document).get("response")))

    def refuse(self, refusal: Refusal, request_id: str, codex: bool = False) -> ErrorAnswer:
        return self._gemini.refuse(refusal, request_id, codex)

    def _inside(self, reading: Reading) -> Reading:
        """The request in the envelope, as Gemini's own dialect reads it."""
        return replace(reading, document=mapping(reading.document.get(INNER)))


class EnvelopeMeter(GeminiMeter):
    """Gemini's meter, with each piece taken out of its envelope, and ours put into one."""

    def _document(self, event: bytes) -> Mapping[str, Any]:
        document = super()._document(event)
        return mapping(document.get("response")) or document

    def _piece(self, document: dict[str, object]) -> bytes:
        return super()._piece(document if "error" in document else {"response": document})


def _parse(document: object) -> Answer:
    return parse_generated(mapping(document).get("response"))


def _enveloped(piece: bytes) -> bytes:
    return render({"response": orjson.loads(piece)}, line_end=b"\r\n")
