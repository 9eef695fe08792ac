"""Reads a stream of the Messages API into neutral events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluiceway.wire.anthropic_stream import tier_of, usage_of
from sluiceway.wire.fields import label, load, mapping
from sluiceway.wire.translation.anthropic.answer import stop_of
from sluiceway.wire.translation.anthropic.blocks_in import answer_part
from sluiceway.wire.translation.anthropic.errors import failure_in
from sluiceway.wire.translation.events import (
    ArgumentsDelta,
    Event,
    Failed,
    Finished,
    PartEnded,
    PartStarted,
    SignatureDelta,
    Started,
    TextDelta,
    ThinkingDelta,
)
from sluiceway.wire.translation.failure import NO_JSON, Failure
from sluiceway.wire.translation.neutral import StopReason
from sluiceway.wire.translation.sse_reader import SseReader


class MessageReader(SseReader):
    """Blocks of kinds that are Anthropic's alone are left out, and those behind them move up."""

    def __init__(self) -> None:
        super().__init__()
        self._open: dict[object, int] = {}  # the stream's index of an open block to ours
        self._usage: dict[str, Any] = {}
        self._stop: StopReason | None = None
        self._sequence: str | None = None

    def finish(self) -> list[Event]:
        events = super().finish()
        if self._stop is not None:
            self._finish(events)  # all but the last event, which says nothing more
        return events

    def _read(self, data: bytes, out: list[Event]) -> None:
        document = load(data)
        if isinstance(document, dict):
            self._event(document, out)
        else:
            self._fail(NO_JSON, out)

    def _event(self, data: Mapping[str, Any], out: list[Event]) -> None:
        kind = data.get("type")
        if kind == "content_block_delta":
            self._delta(data, out)
        elif kind == "content_block_start":
            self._start(data, out)
        elif kind == "content_block_stop":
            index = self._open.pop(_key(data), None)
            if index is not None:
                out.append(PartEnded(index))
        else:
            self._rare(kind, data, out)

    def _delta(self, data: Mapping[str, Any], out: list[Event]) -> None:
        index, delta = self._open.get(_key(data)), mapping(data.get("delta"))
        if index is None:
            return
        for name, made in _DELTAS:
            text = delta.get(name)
            if isinstance(text, str):
                out.append(made(index, text))
                return

    def _start(self, data: Mapping[str, Any], out: list[Event]) -> None:
        part = answer_part(mapping(data.get("content_block")))
        if part is None:
            return
        self._begin(out)
        self._open[_key(data)] = self._next
        out.append(PartStarted(self._next, part))
        self._next += 1

    def _rare(self, kind: object, data: Mapping[str, Any], out: list[Event]) -> None:
        if kind == "message_start":
            self._usage.update(_known(mapping(data.get("message")).get("usage")))
            self._begin(out, mapping(data.get("message")))
        elif kind == "message_delta":
            delta = mapping(data.get("delta"))
            self._usage.update(_known(data.get("usage")))
            self._stop = stop_of(delta.get("stop_reason")) or self._stop
            sequence = delta.get("stop_sequence")
            self._sequence = sequence if isinstance(sequence, str) else self._sequence
        elif kind == "message_stop":
            self._finish(out)
        elif kind == "error":
            self._fail(failure_in(data), out)

    def _fail(self, failure: Failure, out: list[Event]) -> None:
        self._begin(out)
        self._ended = True
        out.append(Failed(failure))

    def _begin(self, out: list[Event], message: Mapping[str, Any] | None = None) -> None:
        if self._begun:
            return
        self._begun = True
        told = mapping(message)
        usage = mapping(told.get("usage"))
        name, model = label(told.get("id")) or "", label(told.get("model")) or ""
        out.append(Started(name, model, usage_of(usage, final=False), tier_of(usage)))

    def _finish(self, out: list[Event]) -> None:
        if self._ended:
            return
        self._ended = True
        self._begin(out)
        out += [PartEnded(index) for index in self._open.values()]
        self._open.clear()
        usage = usage_of(self._usage, final=self._stop is not None)
        out.append(Finished(self._stop or StopReason.END, self._sequence, usage, tier_of(self._usage)))


_DELTAS: tuple[tuple[str, type[TextDelta | ThinkingDelta | ArgumentsDelta | SignatureDelta]], ...] = (
    ("text", TextDelta),
    ("partial_json", ArgumentsDelta),
    ("thinking", ThinkingDelta),
    ("signature", SignatureDelta),
)


def _key(data: Mapping[str, Any]) -> object:
    index = data.get("index")
    return index if isinstance(index, int) else None


def _known(usage: object) -> dict[str, Any]:
    return {name: value for name, value in mapping(usage).items() if value is not None}
