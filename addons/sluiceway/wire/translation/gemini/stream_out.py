"""Writes a stream of streamGenerateContent (server-sent events) from neutral events."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson

from sluiceway.types import Usage
from sluiceway.wire.translation.events import (
    ArgumentsDelta,
    Event,
    Failed,
    Finished,
    PartEnded,
    PartStarted,
    Started,
    TextDelta,
    ThinkingDelta,
)
from sluiceway.wire.translation.gemini.answer import (
    candidate_of,
    parts_shown,
    shows_thoughts,
    usage_fields,
    word_of,
)
from sluiceway.wire.translation.gemini.contents_out import call_part
from sluiceway.wire.translation.gemini.errors import error_object
from sluiceway.wire.translation.neutral import Text, Thinking, ToolCall
from sluiceway.wire.translation.translator import Asked
from sluiceway.wire.translation.whole_arguments import whole_object

_WORDS = b'data: {"candidates":[{"content":{"parts":[{"text":%b}],"role":"model"},"index":0}]%b\r\n\r\n'
_THOUGHTS = _WORDS.replace(b"%b}]", b'%b,"thought":true}]', 1)


class PieceWriter:
    """A call's piece comes when its arguments are whole: the API has them as an object."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._shows = shows_thoughts(asked)
        self._calls: dict[int, tuple[ToolCall, list[str]]] = {}
        self._envelope: dict[str, Any] = {}
        self._tail = b"}"
        self._has_called = False
        self._known = Usage()

    def write(self, event: Event) -> bytes:
        if isinstance(event, TextDelta):
            return _WORDS % (orjson.dumps(event.text), self._tail) if event.text else b""
        if isinstance(event, ArgumentsDelta):
            call = self._calls.get(event.index)
            if call is not None:
                call[1].append(event.text)
            return b""
        return self._rare(event)

    def _rare(self, event: Event) -> bytes:
        match event:
            case ThinkingDelta():
                return self._thought(event.text)
            case PartStarted(index, ToolCall() as call):
                self._calls[index] = call, [call.arguments]
            case PartStarted(_, Thinking() as thinking):
                return self._thought(thinking.text)
            case PartStarted(_, Text() as text):
                return self._piece(parts_shown([text], thoughts=False)) if text.text else b""
            case PartEnded():
                return self._called(event.index)
            case Started():
                self._begin(event)
            case Finished():
                return self._finish(event)
            case Failed():
                return b"data: %b\r\n\r\n" % orjson.dumps({"error": error_object(event.failure)})
        return b""

    def _begin(self, event: Started) -> None:
        """Nothing goes out: the API's first piece has words already."""
        self._known = event.usage
        self._envelope = {
            "modelVersion": event.model or self._asked.model,
            "responseId": event.id or self._asked.fallback_id,
        }
        self._tail = b",%b" % orjson.dumps(self._envelope)[1:]

    def _thought(self, text: str) -> bytes:
        return _THOUGHTS % (orjson.dumps(text), self._tail) if text and self._shows else b""

    def _called(self, index: int) -> bytes:
        found = self._calls.pop(index, None)
        if found is None:
            return b""
        call, words = found
        part = call_part(call, call.name, whole_object("".join(words)), not self._has_called)
        self._has_called = True
        return self._piece([part])

    def _finish(self, event: Finished) -> bytes:
        left = b"".join([self._called(index) for index in list(self._calls)])
        usage = event.usage
        if usage.input_tokens is None:
            usage = replace(self._known, output_tokens=usage.output_tokens)
        last = [candidate_of([{"text": ""}], word_of(event.stop_reason))]
        told = {"candidates": last, "usageMetadata": usage_fields(usage), **self._envelope}
        return left + b"data: %b\r\n\r\n" % orjson.dumps(told)

    def _piece(self, parts: list[dict[str, Any]]) -> bytes:
        told = {"candidates": [candidate_of(parts)], **self._envelope}
        return b"data: %b\r\n\r\n" % orjson.dumps(told)
