"""Meters an answer that comes in AWS's binary frames."""

from __future__ import annotations

from typing import Protocol

from sluiceway.types import Answer, Refusal
from sluiceway.wire.eventstream import CONTENT_TYPE, Frame, FrameSplitter


def is_frames(content_type: str) -> bool:
    """Whether an answer comes in frames."""
    return CONTENT_TYPE in content_type.lower()


class FrameMeter(Protocol):
    """What a dialect knows of its stream. No frame may make it raise."""

    @property
    def ended(self) -> bool:
        """The dialect's own last event, or an exception, was seen."""
        ...

    def frame(self, frame: Frame) -> None: ...
    def answer(self, unread_bytes: int) -> Answer:
        """`unread_bytes` passed without being looked into: taken for generated ones."""
        ...

    def cut(self, message: str) -> bytes: ...
    def fail(self, refusal: Refusal, request_id: str) -> bytes: ...


class FrameTap:
    """Passes whole frames only, so that a stream can be ended by a frame of ours at any moment.

    Nobody is kept waiting by that: no client can look into a frame before it has the CRC at its end. Frames
    over 1 MB, and all after a broken one, pass as they come.
    """

    def __init__(self, meter: FrameMeter) -> None:
        self._splitter = FrameSplitter()
        self._meter = meter
        self._closed = False

    @property
    def between_events(self) -> bool:
        return self._splitter.between or bool(self._splitter.held)

    def feed(self, chunk: bytes) -> bytes:
        before = self._splitter.held
        for frame in self._splitter.feed(chunk):
            self._meter.frame(frame)
        held = self._splitter.held
        if not before and not held:
            return chunk
        data = before + chunk
        return data[: len(data) - len(held)]

    def finish(self) -> bytes:
        """A frame that has begun goes on as it is: the client shall see that it broke off."""
        held, self._splitter.held = self._splitter.held, b""
        return held

    def answer(self) -> Answer:
        return self._meter.answer(self._splitter.unread_bytes)

    def cut(self, message: str) -> bytes:
        return self._splitter.padding() + self._meter.cut(message) if self._close() else b""

    def fail(self, refusal: Refusal, request_id: str) -> bytes:
        return self._splitter.padding() + self._meter.fail(refusal, request_id) if self._close() else b""

    def _close(self) -> bool:
        was_open = not self._closed and not self._meter.ended
        self._closed = True
        return was_open
