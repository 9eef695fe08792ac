"""A socket's frames as the events of a stream, for those who read streams: to put back, to keep."""

from __future__ import annotations

from sluiceway.types import Answer, Refusal
from sluiceway.wire.sse import EventSplitter, data_of

EVENTS = "text/event-stream"


def as_event(frame: bytes, kind: str = "") -> bytes:
    """A frame as one event. A line end can only stand between the tokens of JSON."""
    head = b"event: " + kind.encode() + b"\n" if kind else b""
    return head + b"data: " + frame.replace(b"\n", b" ").replace(b"\r", b" ") + b"\n\n"


def as_frames(stream: bytes) -> list[bytes]:
    """The events of a stream as frames."""
    return [data for event in EventSplitter().feed(stream) if (data := data_of(event))]


class Passing:
    """A tap that counts nothing: on a socket that is the session's business."""

    between_events = True

    def feed(self, chunk: bytes) -> bytes:
        return chunk

    def finish(self) -> bytes:
        return b""

    def answer(self) -> Answer:
        return Answer()

    def cut(self, message: str) -> bytes:
        return b""

    def fail(self, refusal: Refusal, request_id: str) -> bytes:
        return b""
