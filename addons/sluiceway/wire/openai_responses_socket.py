"""The OpenAI Responses API over a WebSocket: `GET /v1/responses` with an upgrade, as Codex prefers it.

The client sends `response.create`, whose other fields are those of a POST's body, and gets the events of a
stream, one a frame. A first one with `generate: false` only warms the prompt cache. `stream_id` runs several
lanes side by side, one answer at a time on each (OpenAI docs, "WebSocket mode"; its SDK's sessions).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from sluiceway.errors import WireError
from sluiceway.types import Call, Refusal
from sluiceway.wire import openai_error
from sluiceway.wire.dialect import Metered, Reading, Target
from sluiceway.wire.fields import count, label, load, mapping
from sluiceway.wire.frames import as_event, as_frames
from sluiceway.wire.openai_responses import OpenAIResponses
from sluiceway.wire.openai_responses_end import Ending
from sluiceway.wire.openai_responses_stream import ResponsesMeter
from sluiceway.wire.socket import NO_SUCH_DATA, NOTHING, POLICY, Frame, Heard, Parting, called, read_frame

DIALECT = OpenAIResponses()
# Codex tells what it has dealt with; a cancel can only save tokens.
_PASS = frozenset({"response.processed", "response.cancel"})
# What they add is billed with the answer that runs (Responses, steering and injected items, beta).
_TELL = frozenset({"response.steer", "response.inject"})
_BEGINS = frozenset({"response.created", "response.completed", "response.incomplete", "response.failed"})


class OpenAIResponsesSocket(OpenAIResponses):
    """The dialect of the socket. A frame is read as the POST that it stands for."""

    name = "openai_responses_socket"

    def session(self, target: Target, client_session: str | None) -> ResponsesSession:
        return ResponsesSession(target, client_session)


@dataclass(slots=True)
class _Turn:
    lane: str
    call: Call
    meter: ResponsesMeter
    begun: bool = False


class ResponsesSession:
    """One connection. A lane's answers come in the order they were asked for."""

    binary = False
    model: str | None = None

    def __init__(self, target: Target, client_session: str | None) -> None:
        self._target = target
        self._session = client_session
        self._turns: dict[str, _Turn] = {}
        self._number = 0

    def read(self, data: bytes) -> Frame:
        reading = read_frame(data, self._target)
        kind = label(reading.document.get("type"), 64)
        if kind is None:
            raise WireError("type: a non-empty string is required")
        lane = label(reading.document.get("stream_id")) or ""
        if kind == "response.create":
            return Frame(called(reading, self._call(reading, data)), "ask", kind, lane)
        if kind in _TELL:
            return Frame(reading, "tell", kind, lane)
        return Frame(reading, "pass" if kind in _PASS else "unknown", kind, lane)

    def _call(self, reading: Reading, data: bytes) -> Call:
        call = DIALECT.read(self._target, {}, data).call
        if call.background:  # the API does not use it here (OpenAI docs, "WebSocket mode")
            raise WireError("background: is not used on a WebSocket; leave it out, or send a POST")
        if call.conversation_id is None:
            call = replace(call, conversation_id=self._session)
        if reading.document.get("generate") is False:
            call = replace(call, max_output_tokens=0)
        return replace(call, stream=True)

    def take(self, frame: Frame, reading: Reading) -> tuple[str | None, bytes]:
        if frame.does != "ask":
            return None, reading.body
        return self._begin(frame.lane, reading.call), reading.body

    def _begin(self, lane: str, call: Call) -> str:
        self._number += 1
        turn = str(self._number)
        self._turns[turn] = _Turn(lane, call, ResponsesMeter(call))
        return turn

    def with_model(self, frame: Frame, model: str) -> Reading:
        return DIALECT.with_model(frame.reading, model)[0]

    def hear(self, data: bytes) -> Heard:
        document = mapping(load(data))
        kind = label(document.get("type"), 64)
        if kind is None:
            return NOTHING
        lane = label(document.get("stream_id")) or ""
        turn, begun = self._turn_of(lane, kind), None
        if turn is None and kind in _BEGINS:
            begun = self._unasked(document)
            turn = self._begin(lane, begun)
        if turn is None:
            return NOTHING
        return self._heard(turn, begun, kind, document, data)

    def _turn_of(self, lane: str, kind: str) -> str | None:
        """The oldest of the lane; but an error, while that one runs, is about the newest, which does not."""
        waiting = [name for name, turn in self._turns.items() if turn.lane == lane and not turn.meter.ended]
        if not waiting:
            return None
        newest = self._turns[waiting[-1]]
        return waiting[-1] if kind == "error" and not newest.begun else waiting[0]

    def _unasked(self, document: Mapping[str, Any]) -> Call:
        response = mapping(document.get("response"))
        return Call(
            dialect=DIALECT.name,
            operation="chat",
            model=label(response.get("model")),
            stream=True,
            conversation_id=self._session,
            previous_response_id=label(response.get("previous_response_id")),
        )

    def _heard(
        self, turn: str, begun: Call | None, kind: str, document: Mapping[str, Any], data: bytes
    ) -> Heard:
        running = self._turns[turn]
        refused = kind == "error" and not running.begun
        running.begun = running.begun or kind.startswith("response.")
        running.meter.event(as_event(data, kind))
        return Heard(turn, begun, running.meter.ended, _status(document) if refused else 200)

    def meter(self, turn: str) -> Metered:
        return self._turns[turn].meter

    def forget(self, turn: str) -> None:
        self._turns.pop(turn, None)

    def refuse(self, frame: Frame | None, refusal: Refusal, request_id: str) -> Parting:
        """As `response.failed`: Codex shows its message at once; after an `error` it would try again."""
        lane = frame.lane if frame else ""
        call = frame.reading.call if frame else _NO_CALL
        failed = Ending({}, call, 0).failed(openai_error.failure_code(refusal), refusal.message)
        close = NO_SUCH_DATA if frame is None else POLICY if frame.does == "unknown" else None
        return Parting(tuple(_frames(failed, lane)), close=close)

    def deny(self, turn: str, refusal: Refusal, request_id: str) -> Parting:
        """There is no word by which a client can stop an answer here, so the socket has to end."""
        return replace(self.fail(turn, refusal, request_id), close=POLICY)

    def cut(self, turn: str, message: str) -> Parting:
        running = self._turns[turn]
        return Parting(tuple(_frames(running.meter.cut(message), running.lane)), close=POLICY)

    def fail(self, turn: str, refusal: Refusal, request_id: str) -> Parting:
        running = self._turns[turn]
        return Parting(tuple(_frames(running.meter.fail(refusal, request_id), running.lane)))


_NO_CALL = Call(dialect=DIALECT.name, operation="chat", model=None)


def _status(document: Mapping[str, Any]) -> int:
    """The status that an `error` says the request would have had; 400 where it says none."""
    for name in ("status", "status_code"):
        status = count(document.get(name))
        if status is not None and 400 <= status <= 599:
            return status
    return 400


def _frames(stream: bytes, lane: str) -> Iterator[bytes]:
    """The events of a stream as frames of a lane."""
    for data in as_frames(stream):
        yield orjson.dumps({**orjson.loads(data), "stream_id": lane}) if lane else data
