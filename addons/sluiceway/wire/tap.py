"""The taps all dialects share: an event stream read by a meter, a JSON answer read at its end, the veil
that hides the usage a client did not ask for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from sluiceway.types import Answer, Call, Refusal
from sluiceway.wire.fields import load
from sluiceway.wire.sse import BLANK

MAX_JSON_BYTES = 32 << 20
_HELD_BYTES = 64 << 10


def is_stream(call: Call, content_type: str) -> bool:
    """Whether an answer comes as events: it says so, or the client asked for them and it is not JSON."""
    kind = content_type.lower()
    return "event-stream" in kind or (call.stream and "json" not in kind)


class Splitter(Protocol):
    """Cuts a stream into events (see EventSplitter)."""

    @property
    def between(self) -> bool: ...
    def feed(self, chunk: bytes) -> list[bytes]: ...
    def last(self) -> bytes: ...
    def mend(self) -> bytes: ...


class Meter(Protocol):
    """What a dialect knows of its stream. No event may make it raise."""

    @property
    def ended(self) -> bool:
        """The dialect's own last event was seen."""
        ...

    def event(self, event: bytes) -> None: ...
    def answer(self) -> Answer: ...
    def cut(self, message: str) -> bytes: ...
    def fail(self, refusal: Refusal, request_id: str) -> bytes: ...


class StreamTap:
    """Meters a stream whose bytes pass as they are, or through a veil."""

    def __init__(self, splitter: Splitter, meter: Meter, veil: Veil | None = None) -> None:
        self._splitter = splitter
        self._meter = meter
        self._veil = veil
        self._finished = False
        self._closed = False

    @property
    def between_events(self) -> bool:
        return self._splitter.between if self._veil is None else self._veil.between

    def feed(self, chunk: bytes) -> bytes:
        for event in self._splitter.feed(chunk):
            self._meter.event(event)
        return chunk if self._veil is None else self._veil.feed(chunk)

    def finish(self) -> bytes:
        if not self._finished:
            self._finished = True
            self._meter.event(self._splitter.last())
        return b"" if self._veil is None else self._veil.finish()

    def answer(self) -> Answer:
        return self._meter.answer()

    def cut(self, message: str) -> bytes:
        if not self._close():
            return b""
        return self._mend() + self._meter.cut(message)

    def fail(self, refusal: Refusal, request_id: str) -> bytes:
        if not self._close():
            return b""
        return self._mend() + self._meter.fail(refusal, request_id)

    def _close(self) -> bool:
        was_open = not self._closed and not self._meter.ended
        self._closed = True
        return was_open

    def _mend(self) -> bytes:
        # What the veil holds back the client never got, so there is nothing to mend.
        return b"" if self._veil is not None and self._veil.between else self._splitter.mend()


class JsonTap:
    """Keeps up to 32 MB of an answer that is one JSON document, and reads it when asked."""

    between_events = True

    def __init__(self, parse: Callable[[object], Answer], generates: bool = True) -> None:
        self._parse = parse
        self._generates = generates
        self._kept: list[bytes] = []
        self._size = 0
        self._read: Answer | None = None

    def feed(self, chunk: bytes) -> bytes:
        self._size += len(chunk)
        self._read = None
        if self._size <= MAX_JSON_BYTES:
            self._kept.append(chunk)
        else:
            self._kept.clear()
        return chunk

    def finish(self) -> bytes:
        return b""

    def answer(self) -> Answer:
        """Without usage and not complete while the document is not whole, or when it was too large; then
        all its bytes are taken for generated ones, if it is an answer that has such (`generates`)."""
        if self._read is None:
            document = load(b"".join(self._kept))
            if document is None:
                self._read = Answer(output_bytes=self._size if self._generates else 0)
            else:
                self._read = self._parse(document)
        return self._read

    def cut(self, message: str) -> bytes:
        return b""

    def fail(self, refusal: Refusal, request_id: str) -> bytes:
        return b""


class Veil:
    """Takes events that the client did not ask for out of its stream.

    Only the event that has begun is held back, and no more than 64 KB of it: what is larger is not hidden.
    """

    def __init__(self, hides: Callable[[bytes], bool]) -> None:
        self._hides = hides
        self._held = b""
        self._passing = False  # the client has got the beginning of the event that has not ended

    @property
    def between(self) -> bool:
        """True when the client's bytes end between two events."""
        return not self._passing

    def feed(self, chunk: bytes) -> bytes:
        data = self._held + chunk
        shown: list[bytes] = []
        hidden = False
        begin = 0
        for blank in BLANK.finditer(data, max(0, len(self._held) - 2)):
            event = data[begin : blank.end()]
            if blank.end() == len(data) and event.endswith(b"\n\r"):
                break  # the LF of this line end is in the next chunk
            if not self._passing and self._hides(event):
                hidden = True
            else:
                shown.append(event)
            self._passing = False
            begin = blank.end()
        if not hidden and not self._held and begin == len(data):
            return chunk
        shown.append(self._hold(data[begin:]))
        return b"".join(shown)

    def finish(self) -> bytes:
        held, self._held = self._held, b""
        return b"" if not self._passing and self._hides(held) else held

    def _hold(self, begun: bytes) -> bytes:
        """Keeps the begun event back; one that has grown too large passes, but for its last line ends."""
        if not self._passing and len(begun) <= _HELD_BYTES:
            self._held = begun
            return b""
        self._passing = True
        overdue = begun.rstrip(b"\r\n")
        self._held = begun[len(overdue) :]
        return overdue
