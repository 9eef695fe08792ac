"""The OpenAI Realtime API over a WebSocket: `wss://api.openai.com/v1/realtime?model=`.

A client fills a conversation and an audio buffer, and asks for answers by `response.create`; with voice
activity detection, which is on unless switched off, the provider begins an answer by itself when the person
has stopped speaking. Facts from OpenAI's API reference (Realtime, client and server events) and its SDK.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import orjson

from sluiceway.errors import WireError
from sluiceway.types import Call, ErrorAnswer, Refusal
from sluiceway.wire import notice, openai_error
from sluiceway.wire.answer_parts import ALL, AnswerParts, Piece, Said
from sluiceway.wire.answer_parts import NOTHING as NOTHING_SAID
from sluiceway.wire.dialect import Metered, Reading, Tap, Target
from sluiceway.wire.extent import Extent
from sluiceway.wire.fields import label, load, mapping, maybe_list, maybe_object, need_model
from sluiceway.wire.openai_realtime_meter import HEARD_TOKENS_PER_S, RealtimeMeter, audio_bytes
from sluiceway.wire.parts import DEFINITION, IDENTIFIER, SYSTEM, USER, Path, Segment
from sluiceway.wire.rewrite import replaced
from sluiceway.wire.socket import NO_SUCH_DATA, NOTHING, POLICY, Frame, Heard, Parting, called, read_frame
from sluiceway.wire.tap import JsonTap
from sluiceway.wire.walk import Parts, segments

NAME = "openai_realtime"
OPERATION = "realtime"
_PARTS: Parts = {
    "type": IDENTIFIER,
    "event_id": IDENTIFIER,
    "item": USER,
    "response": USER,
    "session": SYSTEM,
    "tools": DEFINITION,
}
_TELL = frozenset({"conversation.item.create", "session.update", "transcription_session.update"})
_PASS = frozenset(
    (
        "conversation.item.delete",
        "conversation.item.retrieve",
        "conversation.item.truncate",
        "input_audio_buffer.append",
        "input_audio_buffer.clear",
        "input_audio_buffer.commit",
        "output_audio_buffer.clear",
        "response.cancel",
    )
)
_ARGUMENTS = "response.function_call_arguments.delta"
_WRITTEN = frozenset(
    (
        _ARGUMENTS,
        "response.output_text.delta",
        "response.text.delta",
        "response.output_audio_transcript.delta",
        "response.audio_transcript.delta",
    )
)
_ENDS = frozenset({"response.output_item.done", "response.done"})
_TRANSCRIBED = "conversation.item.input_audio_transcription.completed"
_SETTINGS = frozenset(
    f"{kind}.{verb}" for kind in ("session", "transcription_session") for verb in ("created", "updated")
)


class OpenAIRealtime:
    """The dialect of the socket; of a frame by itself as far as the guard and our own noes are concerned."""

    name = NAME

    def session(self, target: Target, client_session: str | None) -> RealtimeSession:
        return RealtimeSession(target)

    def read(
        self, target: Target, headers: Mapping[str, str], body: bytes, add_usage: bool = True
    ) -> Reading:
        return RealtimeSession(target).read(body).reading

    def limit_output(self, reading: Reading, max_output_tokens: int) -> Reading:
        return reading  # answers are cut while they run

    def segments(self, reading: Reading) -> tuple[Segment, ...]:
        return segments(reading.document, _PARTS)

    def replaced(self, reading: Reading, changes: Mapping[Path, str]) -> Reading:
        return replaced(reading, _PARTS, changes, lambda document: reading.call)

    def with_model(self, reading: Reading, model: str) -> tuple[Reading, str]:
        raise WireError("model: is chosen when the socket is opened")

    def answer_parts(self, document: object) -> AnswerParts:
        """What is written, and what is said aloud as its transcript tells it."""
        event = mapping(document)
        kind, delta = event.get("type"), event.get("delta")
        block = (str(event.get("response_id")), str(event.get("item_id")))
        if kind in _ENDS:
            return AnswerParts(ended=ALL)
        if not isinstance(delta, str) or kind not in _WRITTEN:
            return NOTHING_SAID
        said: Said = "tool_arguments" if kind == _ARGUMENTS else "text"
        return AnswerParts((Piece(("delta",), delta, block, "delta", said, said == "tool_arguments"),))

    def notice(self, reading: Reading, text: str, request_id: str) -> ErrorAnswer:
        return self.refuse(notice.refusal(text), request_id)

    def tap(self, call: Call, status: int, content_type: str) -> Tap:
        return JsonTap(openai_error.parse_error, generates=False)

    def refuse(self, refusal: Refusal, request_id: str, codex: bool = False) -> ErrorAnswer:
        return openai_error.refuse(refusal, request_id, codex)


class RealtimeSession:
    """One connection. Answers are told apart by the provider's id once it has given them one."""

    binary = False

    def __init__(self, target: Target) -> None:
        self._target = target
        asked = parse_qs(target.query)
        named = asked.get("model") or asked.get("deployment", [])  # Azure's older path names a deployment
        if len(named) > 1:
            raise WireError("model: is given twice in the address")
        self.model: str | None = need_model({"model": named[0]}) if named else None
        self._number = 0
        self._asked: deque[tuple[str, str]] = deque()  # turns without an id yet, and their frames' event_id
        self._by_id: dict[str, str] = {}
        self._meters: dict[str, RealtimeMeter] = {}
        self._id: str | None = None
        self._last: str | None = None  # the last answer's id: what was before it is known by its usage
        self._transcriber: str | None = None
        self._narrow_in = self._narrow_out = False
        self._new = Extent()  # what was added to the conversation since the last answer began

    def read(self, data: bytes) -> Frame:
        reading = read_frame(data, self._target)
        kind = label(reading.document.get("type"), 64)
        if kind is None:
            raise WireError("type: a non-empty string is required")
        if kind == "response.create":
            return Frame(called(reading, self._call(reading.document)), "ask", kind)
        if kind in _TELL:
            self._same_model(reading.document)
            return Frame(called(reading, self._listening(self.model)), "tell", kind)
        return Frame(reading, "pass" if kind in _PASS else "unknown", kind)

    def _same_model(self, document: Mapping[str, Any]) -> None:
        """What was decided for the socket's model must not be had for another."""
        model = maybe_object(document, "session").get("model")
        if model is None or self.model is None:
            return
        if model != self.model:
            raise WireError("session.model: must be the model in the socket's address, or left out")

    def _call(self, document: Mapping[str, Any]) -> Call:
        asked = maybe_object(document, "response")
        extent = Extent()
        extent.add([asked.get("instructions"), asked.get("input")])
        extent.add_json(maybe_list(asked, "tools"))
        limit = asked.get("max_output_tokens", asked.get("max_response_output_tokens"))
        call = self._listening(self.model)
        return replace(
            call,
            max_output_tokens=limit if isinstance(limit, int) and 0 < limit < 2**31 else None,
            has_tools=bool(asked.get("tools")),
            input_bytes=call.input_bytes + extent.input_bytes,
            dense_bytes=call.dense_bytes + extent.dense_bytes,
        )

    def _listening(self, model: str | None) -> Call:
        """An answer to what has been said so far."""
        return Call(
            dialect=NAME,
            operation=OPERATION,
            model=model,
            stream=True,
            conversation_id=self._id,
            previous_response_id=self._last,
            input_bytes=self._new.input_bytes,
            dense_bytes=self._new.dense_bytes,
        )

    def take(self, frame: Frame, reading: Reading) -> tuple[str | None, bytes]:
        document = reading.document
        if frame.does != "ask":
            self._brought(frame.kind, document)
            return None, reading.body
        turn = self._begin()
        event_id = document.get("event_id")
        if not isinstance(event_id, str) or not event_id:
            # By it the provider says which frame an error is about.
            event_id = f"sluiceway_{turn}"
            reading = reading.rewritten(reading.call, {**document, "event_id": event_id})
        self._asked.append((turn, event_id))
        return turn, reading.body

    def _brought(self, kind: str, document: Mapping[str, Any]) -> None:
        if kind == "input_audio_buffer.append":
            audio = document.get("audio")
            length = len(audio) if isinstance(audio, str) else 0
            self._new.input_bytes += audio_bytes(length, self._narrow_in, HEARD_TOKENS_PER_S)
        elif kind == "conversation.item.create":
            self._new.add(document.get("item"))
        elif kind in _TELL:
            session = mapping(document.get("session"))
            self._new.add(session.get("instructions"))
            self._new.add_json(session.get("tools"))

    def _begin(self) -> str:
        self._number += 1
        turn = str(self._number)
        self._meters[turn] = RealtimeMeter(self._narrow_out)
        return turn

    def with_model(self, frame: Frame, model: str) -> Reading:
        raise WireError("model: is chosen when the socket is opened")

    def hear(self, data: bytes) -> Heard:
        document = mapping(load(data))
        kind = document.get("type")
        if not isinstance(kind, str):
            return NOTHING
        if kind in _SETTINGS:
            self._settings(mapping(document.get("session")))
            return NOTHING
        if kind == "error":
            return self._error(mapping(document.get("error")))
        if kind == _TRANSCRIBED:
            return self._transcribed(mapping(document.get("usage")))
        response = mapping(document.get("response"))
        if kind == "response.created":
            return self._created(response)
        if kind == "response.done":
            return self._done(response)
        turn = self._by_id.get(label(document.get("response_id")) or "")
        if turn is None:
            return NOTHING
        self._meters[turn].event(kind, document)
        return Heard(turn)

    def _created(self, response: Mapping[str, Any]) -> Heard:
        response_id, begun = label(response.get("id")), None
        if self._asked:
            turn, _ = self._asked.popleft()
        else:
            begun, turn = self._listening(self.model), self._begin()
        self._meters[turn].begins(response_id, self.model)
        self._by_id[response_id or turn] = turn
        self._last, self._new = response_id, Extent()
        return Heard(turn, begun)

    def _done(self, response: Mapping[str, Any]) -> Heard:
        begun = None
        turn = self._by_id.get(label(response.get("id")) or "")
        if turn is None:
            heard = self._created(response)
            turn, begun = heard.turn, heard.begun
        assert turn is not None
        self._meters[turn].done(response)
        return Heard(turn, begun, ended=True)

    def _error(self, error: Mapping[str, Any]) -> Heard:
        """Errors end no answer, but they may say that one which was asked for will not come."""
        event_id = error.get("event_id")
        refused = next((asked for asked in self._asked if asked[1] == event_id), None)
        if refused is None:
            return NOTHING
        self._asked.remove(refused)
        return Heard(refused[0], ended=True, status=400)

    def _transcribed(self, usage: Mapping[str, Any]) -> Heard:
        """Writing down what was said is billed beside the answers, at its own model's price."""
        if not usage:
            return NOTHING
        turn = self._begin()
        self._meters[turn].begins(None, self._transcriber)
        self._meters[turn].transcribed(usage)
        call = replace(self._listening(self._transcriber), input_bytes=0, previous_response_id=None)
        return Heard(turn, replace(call, dense_bytes=0, max_output_tokens=0), ended=True)

    def _settings(self, session: Mapping[str, Any]) -> None:
        self._id = label(session.get("id")) or self._id
        self.model = self.model or label(session.get("model"))
        audio = mapping(session.get("audio"))
        heard, said = mapping(audio.get("input")), mapping(audio.get("output"))
        transcription = mapping(heard.get("transcription") or session.get("input_audio_transcription"))
        self._transcriber = label(transcription.get("model")) or self._transcriber
        self._narrow_in = _is_narrow(heard.get("format") or session.get("input_audio_format"))
        self._narrow_out = _is_narrow(said.get("format") or session.get("output_audio_format"))

    def meter(self, turn: str) -> Metered:
        return self._meters[turn]

    def forget(self, turn: str) -> None:
        self._meters.pop(turn, None)
        self._by_id = {name: known for name, known in self._by_id.items() if known != turn}

    def refuse(self, frame: Frame | None, refusal: Refusal, request_id: str) -> Parting:
        event_id = frame.reading.document.get("event_id") if frame else None
        close = NO_SUCH_DATA if frame is None else POLICY if frame.does == "unknown" else None
        return Parting((_error(refusal, request_id, event_id),), close=close)

    def deny(self, turn: str, refusal: Refusal, request_id: str) -> Parting:
        return Parting((_error(refusal, request_id),), (self._cancel(turn),))

    def cut(self, turn: str, message: str) -> Parting:
        """The provider ends it, with `response.done` and the status "cancelled" as after any interruption."""
        error = {"type": "insufficient_quota", "code": "insufficient_quota", "message": message}
        return Parting((_event({**error, "param": None, "event_id": None}),), (self._cancel(turn),))

    def _cancel(self, turn: str) -> bytes:
        named = next((name for name, known in self._by_id.items() if known == turn), None)
        return orjson.dumps({"type": "response.cancel", **({"response_id": named} if named else {})})

    def fail(self, turn: str, refusal: Refusal, request_id: str) -> Parting:
        return Parting((_error(refusal, request_id),))


def _error(refusal: Refusal, request_id: str, event_id: object = None) -> bytes:
    return _event({**openai_error.error_object(refusal), "event_id": event_id}, request_id)


def _event(error: Mapping[str, object], request_id: str = "") -> bytes:
    return orjson.dumps({"type": "error", "event_id": f"event_sluiceway{request_id}", "error": error})


def _is_narrow(form: object) -> bool:
    """Whether audio comes as telephones have it; a format is a word, or an object since 2025."""
    kind = mapping(form).get("type") if isinstance(form, dict) else form
    return kind in ("audio/pcmu", "audio/pcma", "g711_ulaw", "g711_alaw")
