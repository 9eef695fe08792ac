"""Cuts the bytes of an answer into frames, each around one JSON document, and writes a frame anew.

A frame is an event, an object of a streamed array with the comma before it, one of AWS's binary messages, or
all of an answer that is one document. Joined, the frames and the rest are the answer again, byte for byte.
"""

from __future__ import annotations

import re
from typing import Any, Protocol

import orjson

from sluiceway.wire.answer_frames_aws import BinaryFrames
from sluiceway.wire.answer_parts import Framing
from sluiceway.wire.arrays import ArraySplitter
from sluiceway.wire.fields import load
from sluiceway.wire.sse import EventSplitter, data_of

# A frame that is larger is not waited for: it is an image or a recording.
MOST_BYTES = 32 << 20
_LINE = re.compile(rb"(\r\n|\n|\r)")


class Frames(Protocol):
    """One way to carry documents."""

    @property
    def opaque(self) -> bool:
        """Whether a frame's bytes do not show the text within (base64)."""
        ...

    @property
    def begun_bytes(self) -> int:
        """How much is held of a frame that has not ended."""
        ...

    def feed(self, chunk: bytes) -> list[bytes]:
        """The frames that end in this chunk."""
        ...

    def rest(self) -> bytes:
        """What was held when the answer ended: not a frame, but where it lacks only its end."""
        ...

    def load(self, frame: bytes) -> Any:
        """The document in a frame, None if there is none."""
        ...

    def written(self, frame: bytes, document: Any) -> bytes:
        """The frame with another document in it."""
        ...

    def another(self, frame: bytes, document: Any) -> bytes:
        """A further frame of the kind of an earlier one, to stand between two frames."""
        ...


class EventFrames:
    """Server-sent events."""

    opaque = False

    def __init__(self) -> None:
        self._splitter = EventSplitter(MOST_BYTES)

    @property
    def begun_bytes(self) -> int:
        return self._splitter.begun_bytes

    def feed(self, chunk: bytes) -> list[bytes]:
        return self._splitter.feed(chunk)

    def rest(self) -> bytes:
        return self._splitter.taken()

    def load(self, frame: bytes) -> Any:
        return load(data_of(frame))

    def written(self, frame: bytes, document: Any) -> bytes:
        """All other lines stay: the event's name, its id, comments."""
        data: bytes | None = b"data: " + orjson.dumps(document)
        pieces = _LINE.split(frame)
        out: list[bytes] = []
        for line, end in zip(pieces[::2], [*pieces[1::2], b""], strict=True):
            if not line.startswith(b"data:"):
                out += (line, end)
            elif data is not None:
                out += (data, end)
                data = None
        return b"".join(out)

    def another(self, frame: bytes, document: Any) -> bytes:
        pieces = _LINE.split(frame)
        lines = zip(pieces[::2], [*pieces[1::2], b""], strict=True)
        without_id = b"".join(line + end for line, end in lines if not line.startswith((b"id:", b":")))
        return self.written(without_id, document)


class ArrayFrames:
    """A JSON array that comes object by object."""

    opaque = False

    def __init__(self) -> None:
        self._splitter = ArraySplitter(MOST_BYTES)
        self._held = bytearray()

    @property
    def begun_bytes(self) -> int:
        return len(self._held)

    def feed(self, chunk: bytes) -> list[bytes]:
        self._held += chunk
        frames = []
        for found in self._splitter.feed(chunk):
            end = self._held.find(b"{") + len(found)  # before it are only brackets, commas and blanks
            frames.append(bytes(self._held[:end]))
            del self._held[:end]
        return frames

    def rest(self) -> bytes:
        held, self._held = bytes(self._held), bytearray()
        return held

    def load(self, frame: bytes) -> Any:
        at = frame.find(b"{")
        return load(frame[at:]) if at >= 0 else None

    def written(self, frame: bytes, document: Any) -> bytes:
        return frame[: frame.find(b"{")] + orjson.dumps(document)

    def another(self, frame: bytes, document: Any) -> bytes:
        return b",\r\n" + orjson.dumps(document)


class DocumentFrame:
    """An answer that is one document, known at its end."""

    opaque = False

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self.begun_bytes = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        self._held.append(chunk)
        self.begun_bytes += len(chunk)
        return []

    def rest(self) -> bytes:
        whole = b"".join(self._held)
        self._held.clear()
        self.begun_bytes = 0
        return whole

    def load(self, frame: bytes) -> Any:
        return load(frame)

    def written(self, frame: bytes, document: Any) -> bytes:
        return orjson.dumps(document)

    def another(self, frame: bytes, document: Any) -> bytes:
        return b""


def frames_of(framing: Framing) -> Frames:
    """A new cutter for one answer."""
    if framing == "document":
        return DocumentFrame()
    if framing == "frames":
        return BinaryFrames()
    return EventFrames() if framing == "events" else ArrayFrames()
