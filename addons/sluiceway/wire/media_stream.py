"""Streams of images, recordings and transcripts: the last event tells the usage, all before is content."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from sluiceway.types import Answer, Refusal, Usage
from sluiceway.wire import openai_error
from sluiceway.wire.fields import last_object, load, mapping, total, word
from sluiceway.wire.sse import EventSplitter, data_of, render
from sluiceway.wire.tap import StreamTap

# An image is megabytes in one event, with its usage behind it: the end of the event is enough.
EVENT_BYTES = 128 << 10


type UsageOf = Callable[[Mapping[str, Any]], Usage]


def stream(endings: tuple[bytes, ...], usage_of: UsageOf) -> StreamTap:
    """A tap for a stream whose events of a type that ends so (`.completed`) tell the usage."""
    return StreamTap(EventSplitter(EVENT_BYTES), MediaMeter(endings, usage_of))


class MediaMeter:
    """Meters by the endings alone. Each of several images is an ending with a usage of its own."""

    def __init__(self, endings: tuple[bytes, ...], usage_of: UsageOf) -> None:
        self._marks = tuple(ending + b'"' for ending in endings)
        self._usage_of = usage_of
        self._usage = Usage()
        self._error_type: str | None = None
        self.ended = False

    def event(self, event: bytes) -> None:
        # The type stands at the event's beginning (`event:` or the document's first field) or at its end.
        edges = event if len(event) < 1024 else event[:512] + event[-512:]
        if any(mark in edges for mark in self._marks):
            self.ended = True
            document = mapping(load(data_of(event))) or {"usage": last_object(event, "usage")}
            self._usage = _both(self._usage, self._usage_of(document))
        elif b'"error"' in edges:
            error = mapping(mapping(load(data_of(event))).get("error"))
            if error:
                self._error_type = word(error.get("type")) or word(error.get("code")) or "error"

    def answer(self) -> Answer:
        return Answer(usage=self._usage, complete=self.ended, error_type=self._error_type)

    def cut(self, message: str) -> bytes:
        """What these APIs stream cannot be ended early: the bytes are one image or recording."""
        return b""

    def fail(self, refusal: Refusal, request_id: str) -> bytes:
        return render({"type": "error", "error": openai_error.error_object(refusal)}, "error")


def _both(one: Usage, other: Usage) -> Usage:
    units = {
        unit: one.tool_units.get(unit, 0) + other.tool_units.get(unit, 0)
        for unit in (*one.tool_units, *other.tool_units)
    }
    return replace(
        other,
        input_tokens=total(one.input_tokens, other.input_tokens),
        output_tokens=total(one.output_tokens, other.output_tokens),
        audio_input_tokens=total(one.audio_input_tokens, other.audio_input_tokens),
        audio_output_tokens=total(one.audio_output_tokens, other.audio_output_tokens),
        image_tokens=total(one.image_tokens, other.image_tokens),
        image_input_tokens=total(one.image_input_tokens, other.image_input_tokens),
        tool_units=units,
    )
