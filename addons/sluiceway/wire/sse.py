"""Server-sent events as bytes: splits a stream into events at any chunk boundary, reads and writes one.

The format is the WHATWG HTML standard's, section 9.2: lines end in CR, LF or CRLF, a blank line ends an
event, lines starting with a colon are comments, several `data` lines are joined by LF, a BOM may come first.
"""

from __future__ import annotations

import re

import orjson

from sluiceway.wire.fields import load
from sluiceway.wire.mend import close_json

MAX_EVENT_BYTES = 1 << 20
HEAD_BYTES = 64 << 10
_BOM = b"\xef\xbb\xbf"
# A CR before an LF belongs to it, so a blank line is: LF LF, LF CR(LF), CR CR(LF).
BLANK = re.compile(rb"\n(?:\n|\r\n?)|\r\r\n?")
_LINE_END = re.compile(rb"\r\n|\n|\r")


class EventSplitter:
    """Bytes in, whole events out, each with its line ends, so that joined they are the stream again.

    An event of more than 1 MB (`most_bytes`) loses its middle: its first 64 KB and its last 960 KB are enough
    to know what it is and to find the usage, which providers write at the end.
    """

    __slots__ = ("_head", "_most_bytes", "_rest")

    def __init__(self, most_bytes: int = MAX_EVENT_BYTES) -> None:
        self._rest = bytearray()
        self._head = b""
        self._most_bytes = most_bytes

    @property
    def between(self) -> bool:
        """True when no event has begun that has not ended."""
        return not self._rest and not self._head

    @property
    def begun_bytes(self) -> int:
        """How much is held of an event that has not ended."""
        return len(self._head) + len(self._rest)

    def taken(self) -> bytes:
        """All that is held, which is forgotten here."""
        begun = self._head + bytes(self._rest)
        self._head = b""
        self._rest.clear()
        return begun

    def last(self) -> bytes:
        """At the end of the stream: an event that lacks only its blank line, b"" if it broke off earlier. A
        document that came instead of a stream, from a server that cannot or under a wrong content type, is
        given as one event."""
        rest = self._head + bytes(self._rest)
        data = data_of(rest)
        if data == b"[DONE]" or load(data) is not None:
            return rest
        document = load(rest) if rest.lstrip().startswith(b"{") else None
        return render(document) if isinstance(document, dict) else b""

    def mend(self) -> bytes:
        """What makes the half-sent event harmless: nothing but a line end while it has no data (the next
        event's lines replace its own), else what closes its JSON and the event."""
        return b"" if self.between else _mend(self._head + bytes(self._rest), whole=not self._head)

    def feed(self, chunk: bytes) -> list[bytes]:
        """The events that end in this chunk."""
        if self.between:
            # The common case: exactly one event, so no copy.
            if chunk.find(b"\n\n") == len(chunk) - 2 >= 0 and b"\r" not in chunk:
                return [chunk]
            return self._split(chunk, 0)
        searched = max(0, len(self._rest) - 2)
        self._rest += chunk
        data = bytes(self._rest) if BLANK.search(self._rest, searched) else None
        if data is None:
            self._bound()
            return []
        self._rest.clear()
        return self._split(data, searched)

    def _split(self, data: bytes, start: int) -> list[bytes]:
        events: list[bytes] = []
        begin = 0
        for blank in BLANK.finditer(data, start):
            events.append(data[begin : blank.end()])
            begin = blank.end()
        if events and self._head:
            events[0] = self._head + events[0][HEAD_BYTES - self._most_bytes :]
            self._head = b""
        self._rest += data[begin:]
        self._bound()
        return events

    def _bound(self) -> None:
        if len(self._rest) <= self._most_bytes + HEAD_BYTES:  # the slack makes cutting rare
            return
        if not self._head:
            self._head = bytes(self._rest[:HEAD_BYTES])
        del self._rest[: HEAD_BYTES - self._most_bytes]


def name_of(event: bytes) -> bytes:
    """The event's name, b"" if it gives none."""
    if event.startswith(b"event: "):
        name = event[7 : event.find(b"\n")].rstrip(b"\r")
        if b"\r" not in name and event.count(b"event:") == 1:
            return name
    name = b""
    for line in _lines(event):
        if line.startswith(b"event:"):
            name = line[6:].removeprefix(b" ")
    return name


def data_of(event: bytes) -> bytes:
    """The event's data, its `data` lines joined by LF; b"" if it has none."""
    return b"\n".join(line[5:].removeprefix(b" ") for line in _lines(event) if line.startswith(b"data:"))


def render(document: dict[str, object], name: str = "", line_end: bytes = b"\n") -> bytes:
    """One event around a JSON document."""
    head = b"event: " + name.encode() + line_end if name else b""
    return head + b"data: " + orjson.dumps(document) + line_end * 2


def _lines(event: bytes) -> list[bytes]:
    return _LINE_END.split(event.removeprefix(_BOM))


def _mend(begun: bytes, whole: bool) -> bytes:
    line_end = b"\r\n" if b"\r\n" in begun else b"\n"
    data = data_of(begun).strip()
    last = _lines(begun)[-1]
    if not data:
        return line_end if last else b""
    if not last:
        return b"\n\r\n" if begun.endswith(b"\r") else line_end
    if not whole or not last.startswith(b"data:"):
        return line_end * 2
    if b"[DONE]".startswith(data):
        return b"[DONE]"[len(data) :] + line_end * 2
    return close_json(data) + line_end * 2
