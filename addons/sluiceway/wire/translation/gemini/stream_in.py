"""Reads a stream of generateContent (server-sent events) into neutral events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluiceway.types import Usage
from sluiceway.wire.fields import label, load, mapping
from sluiceway.wire.gemini_stream import usage_of
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
from sluiceway.wire.translation.failure import NO_JSON, Failure
from sluiceway.wire.translation.gemini.answer import first, stop_of, with_id
from sluiceway.wire.translation.gemini.contents_in import answer_parts
from sluiceway.wire.translation.gemini.errors import failure_in
from sluiceway.wire.translation.neutral import StopReason, Text, Thinking, ToolCall
from sluiceway.wire.translation.sse_reader import SseReader


class PieceReader(SseReader):
    """Calls come whole. Usage may come behind the piece that says why the answer ended, so the answer is
    finished with the stream."""

    def __init__(self) -> None:
        super().__init__()
        self._words: tuple[type, int] | None = None  # what sort of words is open, and its index
        self._id = ""
        self._has_calls = False
        self._stop: StopReason | None = None
        self._usage: Mapping[str, Any] = {}

    def finish(self) -> list[Event]:
        events = super().finish()
        if self._stop is not None and not self._ended:
            self._finish(events)
        return events

    def _read(self, data: bytes, out: list[Event]) -> None:
        if data == b"[DONE]":
            return
        piece = load(data)
        if not isinstance(piece, dict):
            self._fail({}, NO_JSON, out)
        elif isinstance(piece.get("error"), dict):
            self._fail(piece, failure_in(piece), out)
        else:
            self._piece(piece, out)

    def _piece(self, piece: Mapping[str, Any], out: list[Event]) -> None:
        if not self._begun:
            self._begin(piece, out)
        self._usage = mapping(piece.get("usageMetadata")) or self._usage
        candidate = first(piece)
        for part in answer_parts(candidate.get("content")):
            if isinstance(part, ToolCall):
                self._call(part, out)
            elif part.text:
                self._word(part, out)
        self._stop = stop_of(piece, candidate, self._has_calls) or self._stop

    def _word(self, part: Text | Thinking, out: list[Event]) -> None:
        kind = type(part)
        if self._words is None or self._words[0] is not kind:
            self._close(out)
            self._words = (kind, self._next)
            empty = Thinking(vendor="google") if kind is Thinking else Text("")
            out.append(PartStarted(self._next, empty))
            self._next += 1
        index = self._words[1]
        out.append(ThinkingDelta(index, part.text) if kind is Thinking else TextDelta(index, part.text))

    def _call(self, part: ToolCall, out: list[Event]) -> None:
        self._close(out)
        self._has_calls = True
        call, index = with_id(part, self._id, self._next), self._next
        assert isinstance(call, ToolCall)
        self._next += 1
        begun = ToolCall(call.id, call.name, signature=call.signature, vendor=call.vendor)
        out.append(PartStarted(index, begun))
        if call.arguments:
            out.append(ArgumentsDelta(index, call.arguments))
        out.append(PartEnded(index))

    def _close(self, out: list[Event]) -> None:
        if self._words is not None:
            out.append(PartEnded(self._words[1]))
            self._words = None

    def _begin(self, piece: Mapping[str, Any], out: list[Event]) -> None:
        if self._begun:
            return
        self._begun = True
        self._id = label(piece.get("responseId")) or ""
        usage = usage_of(mapping(piece.get("usageMetadata")), final=False)
        known = Usage(input_tokens=usage.input_tokens, cache_read_tokens=usage.cache_read_tokens)
        out.append(Started(self._id, label(piece.get("modelVersion")) or "", known))

    def _fail(self, piece: Mapping[str, Any], failure: Failure, out: list[Event]) -> None:
        self._begin(piece, out)
        self._ended = True
        out.append(Failed(failure))

    def _finish(self, out: list[Event]) -> None:
        self._ended = True
        self._close(out)
        stop = self._stop or StopReason.END
        if self._has_calls and stop is StopReason.END:
            stop = StopReason.TOOL_USE
        out.append(Finished(stop, None, usage_of(self._usage, final=True)))
