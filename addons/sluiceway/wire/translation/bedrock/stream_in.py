"""Reads a ConverseStream (AWS's binary frames) into neutral events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluiceway.types import Usage
from sluiceway.wire.bedrock_converse_stream import tier_of
from sluiceway.wire.bedrock_usage import usage_of
from sluiceway.wire.eventstream import Frame, FrameSplitter
from sluiceway.wire.fields import load, mapping
from sluiceway.wire.translation.bedrock.answer import stop_of
from sluiceway.wire.translation.bedrock.errors import failure_of
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
from sluiceway.wire.translation.neutral import Part, StopReason, Text, Thinking, ToolCall


class FrameReader:
    """Words have no event that begins them. Thoughts are shown as nobody's: a signature comes behind them,
    and until then nobody can tell whose they are."""

    def __init__(self) -> None:
        self._splitter = FrameSplitter()
        self._open: dict[object, tuple[int, type]] = {}  # the stream's block to our index and its kind
        self._next = 0
        self._stop: StopReason | None = None
        self._begun = False
        self._ended = False

    def feed(self, chunk: bytes) -> list[Event]:
        events: list[Event] = []
        for frame in self._splitter.feed(chunk):
            self._frame(frame, events)
        if self._splitter.broken or self._splitter.unread_bytes:
            self._fail(NO_JSON, events)
        return events

    def finish(self) -> list[Event]:
        events: list[Event] = []
        if self._stop is not None:
            self._finish({}, events)  # the last frame has only the usage
        return events

    def _frame(self, frame: Frame, out: list[Event]) -> None:
        if self._ended:
            return
        if frame.kind != "event":
            self._fail(failure_of(frame), out)
            return
        data = load(frame.payload)
        if not isinstance(data, dict):
            self._fail(NO_JSON, out)
        elif frame.name == "contentBlockDelta":
            self._delta(data, mapping(data.get("delta")), out)
        else:
            self._rare(frame.name, data, out)

    def _rare(self, name: str, data: Mapping[str, Any], out: list[Event]) -> None:
        if name == "messageStart":
            self._begin(out)
        elif name == "contentBlockStart":
            call = mapping(mapping(data.get("start")).get("toolUse"))
            if call:
                given, tool = str(call.get("toolUseId") or ""), str(call.get("name") or "")
                self._start(data, ToolCall(given, tool), out)
        elif name == "contentBlockStop":
            known = self._open.pop(_key(data), None)
            if known is not None:
                out.append(PartEnded(known[0]))
        elif name == "messageStop":
            self._stop = stop_of(data.get("stopReason")) or StopReason.END
        elif name == "metadata":
            self._finish(data, out)

    def _delta(self, data: Mapping[str, Any], delta: Mapping[str, Any], out: list[Event]) -> None:
        text, call = delta.get("text"), mapping(delta.get("toolUse"))
        thought = mapping(delta.get("reasoningContent")).get("text")
        if isinstance(text, str):
            out.append(TextDelta(self._at(data, Text(""), out), text))
        elif isinstance(call.get("input"), str):
            known = self._open.get(_key(data))
            if known is not None and known[1] is ToolCall and call["input"]:
                out.append(ArgumentsDelta(known[0], call["input"]))
        elif isinstance(thought, str):
            out.append(ThinkingDelta(self._at(data, Thinking(), out), thought))

    def _at(self, data: Mapping[str, Any], part: Part, out: list[Event]) -> int:
        """The index of the open block, which begins here if it has not."""
        known = self._open.get(_key(data))
        if known is None or known[1] is not type(part):
            return self._start(data, part, out)
        return known[0]

    def _start(self, data: Mapping[str, Any], part: Part, out: list[Event]) -> int:
        self._begin(out)
        self._close(out)
        self._open[_key(data)] = self._next, type(part)
        out.append(PartStarted(self._next, part))
        self._next += 1
        return self._next - 1

    def _close(self, out: list[Event]) -> None:
        out += [PartEnded(index) for index, _ in self._open.values()]
        self._open.clear()

    def _begin(self, out: list[Event]) -> None:
        if not self._begun:
            self._begun = True
            out.append(Started())

    def _fail(self, failure: Failure, out: list[Event]) -> None:
        if self._ended:
            return
        self._begin(out)
        self._ended = True
        out.append(Failed(failure))

    def _finish(self, data: Mapping[str, Any], out: list[Event]) -> None:
        if self._ended:
            return
        self._begin(out)
        self._ended = True
        self._close(out)
        usage = usage_of(mapping(data.get("usage"))) if data else Usage()
        out.append(Finished(self._stop or StopReason.END, None, usage, tier_of(data)))


def _key(data: Mapping[str, Any]) -> object:
    index = data.get("contentBlockIndex")
    return index if isinstance(index, int) else None
