"""AWS's binary event stream as bytes: cuts a stream into frames at any chunk boundary, reads and writes one.

application/vnd.amazon.eventstream, as AWS describes it (Amazon Transcribe developer guide, "Event stream
encoding"): total length, length of the headers and their CRC32, the headers, a payload, the CRC32 of it all.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import NamedTuple
from zlib import crc32

import orjson

CONTENT_TYPE = "application/vnd.amazon.eventstream"
# Of a frame that is looked into. A larger one (generated images) passes, and only its size is known.
MAX_KEPT_BYTES = 1 << 20
# AWS allows a payload of 24 MB and headers of 128 KB; what claims to be longer is no frame.
MAX_FRAME_BYTES = (24 << 20) + (128 << 10) + 16
MAX_HEADERS_BYTES = 128 << 10
PRELUDE_BYTES = 12
AROUND_BYTES = 16  # the prelude and the last CRC
_PRELUDE = struct.Struct(">III")
_STRING = 7
# Bytes of a header's value by its type; bytes and strings say theirs.
_VALUE_BYTES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}


class Frame(NamedTuple):
    """One message: its string headers, without the colon in front of AWS's own, and its payload."""

    headers: Mapping[str, str]
    payload: bytes

    @property
    def kind(self) -> str:
        """`event`, `exception` or `error`."""
        return self.headers.get("message-type", "event")

    @property
    def name(self) -> str:
        """What the event or the exception is called."""
        return self.headers.get("event-type") or self.headers.get("exception-type", "")


class FrameSplitter:
    """Bytes in, whole frames out. Holds at most 1 MB of a frame that has begun.

    `held` is what the begun frame has brought so far. `unread_bytes` counts what was not looked into:
    frames over 1 MB, and all after the first that is `broken` (a CRC that does not fit, a length that
    cannot be), since from there on nobody knows where the next one begins.
    """

    __slots__ = ("_crc", "_left_bytes", "broken", "held", "unread_bytes")

    def __init__(self) -> None:
        self.held = b""
        self.broken = False
        self.unread_bytes = 0
        self._left_bytes = 0  # of a large frame that is passing
        self._crc = 0  # of that frame so far

    @property
    def between(self) -> bool:
        """True when no frame has begun that has not ended, as far as can be known."""
        return not self.held and not self._left_bytes and not self.broken

    def feed(self, chunk: bytes) -> list[Frame]:
        """The frames that end in this chunk, but for large ones."""
        if self.broken:
            self.unread_bytes += len(chunk)
            return []
        chunk = self._skip(chunk) if self._left_bytes else chunk
        data = self.held + chunk if self.held else chunk
        frames: list[Frame] = []
        begin = 0
        while not self.broken and len(data) - begin >= PRELUDE_BYTES:
            total, headers_bytes, crc = _PRELUDE.unpack_from(data, begin)
            if not _is_prelude(data, begin, total, headers_bytes, crc):
                self._give_up()
            elif total > MAX_KEPT_BYTES:
                begin += self._start_skipping(data[begin:], total)
            elif len(data) - begin < total:
                break
            elif (frame := read(data[begin : begin + total], headers_bytes)) is None:
                self._give_up()
            else:
                frames.append(frame)
                begin += total
        self.held = data[begin:]
        if self.broken:
            self.unread_bytes += len(self.held)
            self.held = b""
        return frames

    def padding(self) -> bytes:
        """What ends a large frame of which the client has a part: blanks, and the CRC that fits them. Its
        payload is then no JSON, but the frame after it can be read."""
        blanks = b" " * max(0, self._left_bytes - 4)
        if self._left_bytes < 4:
            return b""  # in the middle of the last CRC: nothing can be mended
        ending = blanks + crc32(blanks, self._crc).to_bytes(4)
        self._left_bytes = 0
        return ending

    def _start_skipping(self, data: bytes, total: int) -> int:
        self._left_bytes, self._crc = total, 0
        return len(data) - len(self._skip(data))

    def _skip(self, chunk: bytes) -> bytes:
        """Lets a large frame pass; what follows it. Its own CRC is not checked: nothing of it is believed."""
        passing = chunk[: self._left_bytes]
        self._crc = crc32(passing[: max(0, self._left_bytes - 4)], self._crc)
        self._left_bytes -= len(passing)
        self.unread_bytes += len(passing)
        return chunk[len(passing) :]

    def _give_up(self) -> None:
        self.broken = True


def _is_prelude(data: bytes, at: int, total: int, headers_bytes: int, crc: int) -> bool:
    if not AROUND_BYTES + headers_bytes <= total <= MAX_FRAME_BYTES or headers_bytes > MAX_HEADERS_BYTES:
        return False
    return crc32(data[at : at + 8]) == crc


def read(data: bytes, headers_bytes: int) -> Frame | None:
    """A whole frame whose prelude was checked; None where its CRC does not fit or its headers are none."""
    if crc32(memoryview(data)[:-4]) != int.from_bytes(data[-4:]):
        return None
    end = PRELUDE_BYTES + headers_bytes
    headers = _headers(data, end)
    return None if headers is None else Frame(headers, data[end:-4])


def _headers(data: bytes, end: int) -> dict[str, str] | None:
    """The string headers; values of other types are passed over."""
    found: dict[str, str] = {}
    at = PRELUDE_BYTES
    while at < end:
        kind_at = at + 1 + data[at]
        if kind_at >= end:
            return None
        name, kind = data[at + 1 : kind_at], data[kind_at]
        at, size = kind_at + 1, _VALUE_BYTES.get(kind)
        if size is None:
            if kind not in (6, _STRING) or at + 2 > end:
                return None
            size, at = int.from_bytes(data[at : at + 2]), at + 2
        if at + size > end:
            return None
        if kind == _STRING:
            key = name.decode("utf-8", "replace").removeprefix(":")
            found[key] = data[at : at + size].decode("utf-8", "replace")
        at += size
    return found


def length(data: bytes) -> int | None:
    """The bytes of the frame that begins here: 0 while too little of it is there, None where it is none."""
    if len(data) < PRELUDE_BYTES:
        return 0
    total, headers_bytes, crc = _PRELUDE.unpack_from(data)
    return total if _is_prelude(data, 0, total, headers_bytes, crc) else None


def whole(data: bytes) -> Frame | None:
    """The one frame that these bytes are; None where they are not one, or damaged."""
    if len(data) < AROUND_BYTES or length(data) != len(data):
        return None
    return read(data, int.from_bytes(data[4:8]))


def refilled(data: bytes, payload: bytes) -> bytes:
    """A whole frame with another payload; its headers stay as they are."""
    end = PRELUDE_BYTES + int.from_bytes(data[4:8])
    prelude = (AROUND_BYTES + end - PRELUDE_BYTES + len(payload)).to_bytes(4) + data[4:8]
    rest = prelude + crc32(prelude).to_bytes(4) + data[PRELUDE_BYTES:end] + payload
    return rest + crc32(rest).to_bytes(4)


def render(document: Mapping[str, object], name: str, kind: str = "event") -> bytes:
    """One frame around a JSON document: the event `name`, or with another `kind` the exception."""
    headers = {
        f":{'event' if kind == 'event' else 'exception'}-type": name,
        ":content-type": "application/json",
        ":message-type": kind,
    }
    return frame(headers, orjson.dumps(document))


def frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One frame with these headers, as they are."""
    written = b"".join(_header(name, value) for name, value in headers.items())
    prelude = struct.pack(">II", AROUND_BYTES + len(written) + len(payload), len(written))
    data = prelude + crc32(prelude).to_bytes(4) + written + payload
    return data + crc32(data).to_bytes(4)


def _header(name: str, value: str) -> bytes:
    key, text = name.encode(), value.encode()
    return bytes((len(key),)) + key + bytes((_STRING,)) + len(text).to_bytes(2) + text
