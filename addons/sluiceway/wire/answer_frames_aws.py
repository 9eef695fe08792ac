"""AWS's binary frames as frames of an answer: the document within, and a frame around another one."""

from __future__ import annotations

import binascii
from typing import Any

import orjson

from sluiceway.wire.eventstream import length, refilled, whole
from sluiceway.wire.fields import load, mapping

_CHUNK = "chunk"  # of InvokeModel: the vendor's own event in base64


class BinaryFrames:
    """The document of a Converse event has its name around it, since the frame's header alone tells it."""

    opaque = True

    def __init__(self) -> None:
        self._held = b""
        self._broken = False

    @property
    def begun_bytes(self) -> int:
        return len(self._held)

    def feed(self, chunk: bytes) -> list[bytes]:
        """After what is no frame nobody knows where the next one begins: all else passes as it is."""
        data, frames, begin = self._held + chunk, [], 0
        while begin < len(data):
            size = None if self._broken else length(data[begin : begin + 12])
            if size is None:
                self._broken = True
                size = len(data) - begin
            if not size or len(data) - begin < size:
                break
            frames.append(data[begin : begin + size])
            begin += size
        self._held = data[begin:]
        return frames

    def rest(self) -> bytes:
        held, self._held = self._held, b""
        return held

    def load(self, frame: bytes) -> Any:
        """The event, None for an exception."""
        found = whole(frame)
        if found is None or found.kind != "event":
            return None
        payload = load(found.payload)
        if found.name != _CHUNK:
            return {found.name: payload}
        try:
            return load(binascii.a2b_base64(str(mapping(payload).get("bytes"))))
        except ValueError:
            return None

    def written(self, frame: bytes, document: Any) -> bytes:
        found = whole(frame)
        if found is None:
            return frame
        if found.name != _CHUNK:
            return refilled(frame, orjson.dumps(document[found.name]))
        text = binascii.b2a_base64(orjson.dumps(document), newline=False).decode()
        return refilled(frame, orjson.dumps({**mapping(load(found.payload)), "bytes": text}))

    def another(self, frame: bytes, document: Any) -> bytes:
        return self.written(frame, document)
