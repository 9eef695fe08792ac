"""Gemini's Live API: a WebSocket on `...GenerativeService.BidiGenerateContent`, v1beta and v1alpha.

The first message is `setup`, which names the model; then `clientContent`, `realtimeInput` and `toolResponse`
bring what the model hears, and it speaks when it thinks the person has stopped. Messages are JSON, in text
frames or in binary ones. Facts from Google's Gemini API reference (Live API) and the official SDK's models.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from sluiceway.errors import WireError
from sluiceway.types import Call, Refusal
from sluiceway.wire.answer_parts import ALL, AnswerParts, Piece
from sluiceway.wire.dialect import Metered, Reading, Target
from sluiceway.wire.extent import Extent
from sluiceway.wire.fields import items, load, mapping, need_model
from sluiceway.wire.gemini import Gemini
from sluiceway.wire.gemini_live_meter import LiveMeter, either, heard_bytes, speaks
from sluiceway.wire.parts import DEFINITION, IDENTIFIER, RESULT, SYSTEM, USER, Path, Segment
from sluiceway.wire.rewrite import replaced
from sluiceway.wire.socket import NO_SUCH_DATA, NOTHING, POLICY, Frame, Heard, Parting, called, read_frame
from sluiceway.wire.walk import Parts, segments

NAME = "gemini_live"
OPERATION = "realtime"
_MODELS = "models/"
# As Google's JSON parser takes both spellings; what is read and forwarded is what stands below the name.
_KINDS = {
    "setup": "setup",
    "clientContent": "clientContent",
    "client_content": "clientContent",
    "realtimeInput": "realtimeInput",
    "realtime_input": "realtimeInput",
    "toolResponse": "toolResponse",
    "tool_response": "toolResponse",
    "contextUpdate": "contextUpdate",
    "context_update": "contextUpdate",
}
_PARTS: Parts = {
    "model": IDENTIFIER,
    "systemInstruction": SYSTEM,
    "system_instruction": SYSTEM,
    "tools": DEFINITION,
    "generationConfig": DEFINITION,
    "generation_config": DEFINITION,
    "turns": USER,
    "text": USER,
    "functionResponses": RESULT,
    "function_responses": RESULT,
}


class GeminiLive(Gemini):
    """The dialect of the socket. The document of a reading is what stands below the name of its kind."""

    name = NAME

    def session(self, target: Target, client_session: str | None) -> LiveSession:
        return LiveSession(target)

    def read(
        self, target: Target, headers: Mapping[str, str], body: bytes, add_usage: bool = True
    ) -> Reading:
        return LiveSession(target).read(body).reading

    def limit_output(self, reading: Reading, max_output_tokens: int) -> Reading:
        return reading  # answers are cut while they run

    def segments(self, reading: Reading) -> tuple[Segment, ...]:
        return segments(reading.document, _PARTS)

    def replaced(self, reading: Reading, changes: Mapping[Path, str]) -> Reading:
        return replaced(reading, _PARTS, changes, lambda document: reading.call)

    def answer_parts(self, document: object) -> AnswerParts:
        """What is written, and what is said aloud as its transcript tells it."""
        content = mapping(either(mapping(document), "serverContent", "server_content"))
        name = "serverContent" if "serverContent" in mapping(document) else "server_content"
        turn = "modelTurn" if "modelTurn" in content else "model_turn"
        pieces = [
            Piece((name, turn, "parts", index, "text"), text, ("said",), "delta")
            for index, part in enumerate(items(mapping(content.get(turn)).get("parts")))
            if isinstance(text := mapping(part).get("text"), str)
        ]
        ended = either(content, "turnComplete", "turn_complete") is True
        return AnswerParts(tuple(pieces), ALL if ended else ())


def _short(model: str) -> str:
    """The model without what stands before it: `models/`, on Vertex AI also its project and place."""
    return model.rpartition(_MODELS)[2]


class LiveSession:
    """One connection, with at most one turn at a time."""

    binary = True

    def __init__(self, target: Target) -> None:
        self._target = target
        self.model: str | None = None
        self._limit: int | None = None
        self._has_tools = False
        self._number = 0
        self._turn: str | None = None
        self._meters: dict[str, LiveMeter] = {}
        self._new = Extent()  # what was added to the conversation since the last turn began
        self._last_usage: Mapping[str, Any] = {}

    def read(self, data: bytes) -> Frame:
        whole = read_frame(data, self._target)
        named = [name for name in whole.document if name in _KINDS]
        if not named:
            return Frame(whole, "unknown", "")
        if len(named) > 1 or len(whole.document) > 1:
            raise WireError("a message holds one of setup, clientContent, realtimeInput and toolResponse")
        kind, document = _KINDS[named[0]], whole.document[named[0]]
        if not isinstance(document, dict):
            raise WireError(f"{named[0]}: must be an object")
        if (kind == "setup") is (self.model is not None):
            raise WireError("setup: is the first message and the only one of its kind")
        # The name stands beside what is below it, so that the frame can be written again.
        reading = replace(whole, document=document, target=replace(self._target, query=named[0]))
        return self._frame(kind, reading)

    def _frame(self, kind: str, reading: Reading) -> Frame:
        document = reading.document
        if kind == "setup":
            model = _short(need_model(document))
            return Frame(called(reading, self._call(model, document)), "setup", kind)
        asks = kind == "toolResponse" or (
            kind == "clientContent" and either(document, "turnComplete", "turn_complete") is True
        )
        asks = asks and self._turn is None  # what comes while a turn runs belongs to it, or interrupts it
        call = self._call(self.model, document if kind != "realtimeInput" else {})
        return Frame(called(reading, call), "ask" if asks else "tell", kind)

    def _call(self, model: str | None, document: Mapping[str, Any]) -> Call:
        """What a turn asks for with this message, or without one; only what is new counts as input."""
        extent = Extent(self._new.input_bytes, self._new.dense_bytes)
        extent.add(dict(document))
        return Call(
            dialect=NAME,
            operation=OPERATION,
            model=model,
            stream=True,
            max_output_tokens=self._limit,
            has_tools=self._has_tools,
            previous_response_id=str(self._number) if self._number else None,
            input_bytes=extent.input_bytes,
            dense_bytes=extent.dense_bytes,
        )

    def take(self, frame: Frame, reading: Reading) -> tuple[str | None, bytes]:
        document = reading.document
        if frame.kind == "setup":
            self._set_up(document)
        if frame.kind == "realtimeInput":
            self._new.input_bytes += heard_bytes(document)
        elif frame.does == "tell" or self._turn is not None:
            self._new.add(dict(document))
        if frame.does != "ask" or self._turn is not None:
            return None, self._written(reading)  # what comes while a turn runs belongs to it or ends it
        return self._begin(), self._written(reading)

    def _set_up(self, document: Mapping[str, Any]) -> None:
        self.model = _short(need_model(document))
        config = mapping(either(document, "generationConfig", "generation_config"))
        limit = either(config, "maxOutputTokens", "max_output_tokens")
        self._limit = limit if isinstance(limit, int) and 0 < limit < 2**31 else None
        self._has_tools = bool(document.get("tools"))

    def _written(self, reading: Reading) -> bytes:
        """The client's bytes, unless something below the name was changed or a name was given twice."""
        name = reading.target.query
        if not name or load(reading.body) == {name: reading.document}:
            return reading.body
        return orjson.dumps({name: reading.document})

    def _begin(self) -> str:
        self._number += 1
        self._turn = str(self._number)
        self._meters[self._turn] = LiveMeter(self.model)
        self._new = Extent()
        return self._turn

    def with_model(self, frame: Frame, model: str) -> Reading:
        if frame.does != "setup":
            raise WireError("setup.model: is chosen when the socket is opened")
        need_model({"model": model})
        reading = frame.reading
        before, _, _ = str(reading.document.get("model")).rpartition(_MODELS)
        document = {**reading.document, "model": f"{before}{_MODELS}{model}"}
        return replace(reading, call=replace(reading.call, model=model), document=document)

    def hear(self, data: bytes) -> Heard:
        document = mapping(load(data))
        content = mapping(either(document, "serverContent", "server_content"))
        tools = mapping(either(document, "toolCall", "tool_call"))
        usage = mapping(either(document, "usageMetadata", "usage_metadata"))
        if self._turn is not None:
            return self._said(self._turn, None, content, tools, usage)
        if tools or speaks(content):
            begun = self._call(self.model, {})
            return self._said(self._begin(), begun, content, tools, usage)
        if not usage or usage == self._last_usage:
            return NOTHING  # the count of a turn that is over, told again
        begun = self._call(self.model, {})
        turn = self._begin()
        self._said(turn, begun, content, tools, usage)
        return Heard(turn, begun, ended=True)  # it was heard, billed, and left without an answer

    def _said(
        self,
        turn: str,
        begun: Call | None,
        content: Mapping[str, Any],
        tools: Mapping[str, Any],
        usage: Mapping[str, Any],
    ) -> Heard:
        self._last_usage = usage or self._last_usage
        return Heard(turn, begun, self._meters[turn].message(content, tools, usage))

    def meter(self, turn: str) -> Metered:
        return self._meters[turn]

    def forget(self, turn: str) -> None:
        self._meters.pop(turn, None)
        if self._turn == turn:
            self._turn = None

    def refuse(self, frame: Frame | None, refusal: Refusal, request_id: str) -> Parting:
        """There is no message for errors: Google closes the socket and says why in the reason."""
        return Parting(close=NO_SUCH_DATA if frame is None else POLICY)

    def deny(self, turn: str, refusal: Refusal, request_id: str) -> Parting:
        return Parting(close=POLICY)

    def cut(self, turn: str, message: str) -> Parting:
        ending = {"serverContent": {"interrupted": True, "turnComplete": True}}
        return Parting((orjson.dumps(ending),), close=POLICY)

    def fail(self, turn: str, refusal: Refusal, request_id: str) -> Parting:
        return Parting()
