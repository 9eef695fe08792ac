"""What readers of streams of server-sent events share: bytes cut anywhere become the data of whole events."""

from __future__ import annotations

from abc import ABC, abstractmethod

from sluiceway.wire.sse import EventSplitter, data_of
from sluiceway.wire.tap import MAX_JSON_BYTES
from sluiceway.wire.translation.events import Event


class SseReader(ABC):
    """`_next` is the index of the next part; `_begun` and `_ended` say whether the answer has."""

    def __init__(self) -> None:
        self._splitter = EventSplitter(MAX_JSON_BYTES)
        self._next = 0
        self._begun = False
        self._ended = False

    def feed(self, chunk: bytes) -> list[Event]:
        events: list[Event] = []
        for event in self._splitter.feed(chunk):
            self._take(data_of(event), events)
        return events

    def finish(self) -> list[Event]:
        """The stream is over; what ends with it is added by the API's own reader."""
        events: list[Event] = []
        self._take(data_of(self._splitter.last()), events)
        return events

    def _take(self, data: bytes, out: list[Event]) -> None:
        if data and not self._ended:
            self._read(data, out)

    @abstractmethod
    def _read(self, data: bytes, out: list[Event]) -> None:
        """Adds what the data of one event says."""
