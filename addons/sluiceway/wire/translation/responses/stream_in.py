"""Reads a stream of the Responses API into neutral events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sluiceway.wire.fields import label, load, mapping
from sluiceway.wire.openai_responses_stream import usage_of
from sluiceway.wire.translation.chat.errors import failure_in
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
from sluiceway.wire.translation.neutral import Part, StopReason, Text, Thinking
from sluiceway.wire.translation.responses.answer import call_of, stop_of
from sluiceway.wire.translation.sse_reader import SseReader

_TEXT = "response.output_text.delta"
_REFUSAL = "response.refusal.delta"
_CALLS = frozenset({"response.function_call_arguments.delta", "response.custom_tool_call_input.delta"})
_THOUGHTS = frozenset({"response.reasoning_summary_text.delta", "response.reasoning_text.delta"})
_ENDED = frozenset({"response.completed", "response.incomplete", "response.cancelled"})
_CALL_KINDS = ("function_call", "custom_tool_call")


@dataclass(slots=True)
class _Open:
    """A part that has not ended. `place` tells words of one place in the answer from those of another."""

    index: int
    place: tuple[object, ...] = ()
    seen: bool = False


class ResponseReader(SseReader):
    """Items of OpenAI's own tools are left out. Reasoning that comes sealed means nothing to others."""

    def __init__(self) -> None:
        super().__init__()
        self._words: _Open | None = None  # text or thoughts
        self._calls: dict[object, _Open] = {}  # by the item's place in the answer
        self._parts: list[Part] = []  # by kind only: why an answer ended is told by what it has
        self._tier: str | None = None

    def _read(self, data: bytes, out: list[Event]) -> None:
        if data == b"[DONE]":
            return
        document = load(data)
        if not isinstance(document, dict):
            self._fail(NO_JSON, out)
            return
        kind, delta = label(document.get("type")), document.get("delta")
        if kind == _TEXT and isinstance(delta, str):
            out.append(TextDelta(self._word(document, Text(""), out), delta))
        elif kind in _CALLS and isinstance(delta, str):
            self._argument(document, delta, out)
        elif kind in _THOUGHTS and isinstance(delta, str):
            self._thought(document, delta, out)
        elif kind == _REFUSAL and isinstance(delta, str):
            out.append(TextDelta(self._word(document, Text("", refusal=True), out), delta))
        else:
            self._rare(kind, document, out)

    def _rare(self, kind: str | None, document: Mapping[str, Any], out: list[Event]) -> None:
        if kind == "response.created":
            self._begin(mapping(document.get("response")), out)
        elif kind == "response.output_item.added":
            self._added(document, mapping(document.get("item")), out)
        elif kind == "response.output_item.done":
            self._done(document, mapping(document.get("item")), out)
        elif kind in _ENDED:
            self._finish(mapping(document.get("response")), out)
        elif kind == "response.failed":
            self._fail(failure_in(mapping(document.get("response"))), out)
        elif kind == "error":
            self._fail(failure_in(document), out)

    def _added(self, document: Mapping[str, Any], item: Mapping[str, Any], out: list[Event]) -> None:
        if item.get("type") not in _CALL_KINDS:
            return
        self._close_words(out)
        call = call_of(item)
        self._calls[_key(document)] = _Open(self._next, seen=bool(call.arguments))
        self._start(call, out)

    def _argument(self, document: Mapping[str, Any], delta: str, out: list[Event]) -> None:
        call = self._calls.get(_key(document))
        if call is not None and delta:
            call.seen = True
            out.append(ArgumentsDelta(call.index, delta))

    def _done(self, document: Mapping[str, Any], item: Mapping[str, Any], out: list[Event]) -> None:
        """An item ends. Some servers send it in one piece."""
        kind = item.get("type")
        if kind == "message" and (self._words is None or self._words.place[0] != _key(document)):
            return
        if kind in _CALL_KINDS:
            if _key(document) not in self._calls:
                self._added(document, item, out)
            call = self._calls.pop(_key(document))
            written = call_of(item).arguments
            if not call.seen and written:
                out.append(ArgumentsDelta(call.index, written))
            out.append(PartEnded(call.index))
        elif kind in ("message", "reasoning"):
            self._close_words(out)

    def _thought(self, document: Mapping[str, Any], delta: str, out: list[Event]) -> None:
        before = self._words
        index = self._word(document, Thinking(vendor="openai"), out)
        if before is not None and before.index == index and before.place[2:] != _within(document):
            before.place = (*before.place[:2], *_within(document))
            delta = f"\n\n{delta}"
        out.append(ThinkingDelta(index, delta))

    def _word(self, document: Mapping[str, Any], part: Part, out: list[Event]) -> int:
        """The index of the open part for such words, which begins here if it has not."""
        place = (_key(document), type(part).__name__, *_within(document))
        known = self._words
        thinks = isinstance(part, Thinking)
        if known is not None and (known.place[:2] if thinks else known.place) == (
            place[:2] if thinks else place
        ):
            return known.index
        self._close(out)
        self._words = _Open(self._next, place)
        self._start(part, out)
        return self._words.index

    def _start(self, part: Part, out: list[Event]) -> None:
        self._begin({}, out)
        self._parts.append(part)
        out.append(PartStarted(self._next, part))
        self._next += 1

    def _close_words(self, out: list[Event]) -> None:
        if self._words is not None:
            out.append(PartEnded(self._words.index))
            self._words = None

    def _close(self, out: list[Event]) -> None:
        self._close_words(out)
        out += [PartEnded(call.index) for call in self._calls.values()]
        self._calls.clear()

    def _begin(self, response: Mapping[str, Any], out: list[Event]) -> None:
        if not self._begun:
            self._begun = True
            self._tier = label(response.get("service_tier"), 64)
            name, model = label(response.get("id")) or "", label(response.get("model")) or ""
            out.append(Started(name, model, tier=self._tier))

    def _fail(self, failure: Failure, out: list[Event]) -> None:
        self._begin({}, out)
        self._ended = True
        out.append(Failed(failure))

    def _finish(self, response: Mapping[str, Any], out: list[Event]) -> None:
        self._begin(response, out)
        self._ended = True
        self._close(out)
        tier = label(response.get("service_tier"), 64) or self._tier
        stop: StopReason = stop_of(response, tuple(self._parts))
        out.append(Finished(stop, None, usage_of(response), tier))


def _key(document: Mapping[str, Any]) -> object:
    """The item that an event is about."""
    index = document.get("output_index")
    return index if isinstance(index, int) else str(document.get("item_id"))


def _within(document: Mapping[str, Any]) -> tuple[object, ...]:
    """The place within the item."""
    return (str(document.get("content_index")), str(document.get("summary_index")))
