"""Splits a streamed JSON array into its objects: how Gemini streams unless asked for events."""

from __future__ import annotations

import re

from sluiceway.wire.mend import close_json
from sluiceway.wire.sse import HEAD_BYTES, MAX_EVENT_BYTES

_OUTSIDE = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|["{}\[\]]', re.DOTALL)  # a whole string in one step
_QUOTE = ord('"')
_INSIDE = re.compile(rb'["\\]')


class ArraySplitter:
    """Bytes in, whole objects out. One of more than `most_bytes` loses its middle, as in EventSplitter."""

    __slots__ = ("_base", "_depth", "_head", "_in_string", "_most_bytes", "_rest", "_skip", "_tail")

    def __init__(self, most_bytes: int = MAX_EVENT_BYTES) -> None:
        self._most_bytes = most_bytes
        self._rest = bytearray()
        self._head = b""
        self._depth = 0
        self._base = -1  # the depth at which the object being read lies, -1 between objects
        self._skip = 0  # bytes of the next chunk that an escape has already claimed
        self._in_string = False
        self._tail = b""  # the last byte that was no blank

    @property
    def between(self) -> bool:
        """True outside of every object."""
        return self._base < 0

    @property
    def separator(self) -> bytes:
        """What must stand before one more object, after `mend`."""
        if self.between and self._tail in (b"[", b","):
            return b""
        return b",\n" if self._tail else b"["

    def last(self) -> bytes:
        """An object ends with its brace, so none is left over."""
        return b""

    def mend(self) -> bytes:
        """What closes the half-sent object."""
        return b"" if self.between or self._head else close_json(bytes(self._rest))

    def feed(self, chunk: bytes) -> list[bytes]:
        """The objects that end in this chunk."""
        found: list[bytes] = []
        begin = 0
        position, self._skip = self._skip, 0
        while match := (_INSIDE if self._in_string else _OUTSIDE).search(chunk, position):
            position = match.end()
            byte = match.group()
            if byte == b"\\":
                position += 1
            elif byte == b'"':
                self._in_string = not self._in_string
            elif byte[0] == _QUOTE:
                continue
            elif byte in (b"{", b"["):
                begin = self._open(byte, begin, match.start())
            else:
                self._depth = max(0, self._depth - 1)
                if self._depth == self._base and byte == b"}":
                    found.append(self._close(chunk[begin:position]))
        self._skip = max(0, position - len(chunk))
        self._tail = chunk.rstrip()[-1:] or self._tail
        if not self.between:
            self._keep(chunk[begin:])
        return found

    def _open(self, byte: bytes, begin: int, at: int) -> int:
        if byte == b"{" and self.between and self._depth <= 1:
            self._base = self._depth
            begin = at
        self._depth += 1
        return begin

    def _close(self, end: bytes) -> bytes:
        self._base = -1
        if not self._head:
            whole = bytes(self._rest) + end
        else:
            whole = self._head + (bytes(self._rest) + end)[HEAD_BYTES - self._most_bytes :]
        self._rest.clear()
        self._head = b""
        return whole

    def _keep(self, piece: bytes) -> None:
        self._rest += piece
        if len(self._rest) > self._most_bytes + HEAD_BYTES:
            self._head = self._head or bytes(self._rest[:HEAD_BYTES])
            del self._rest[: HEAD_BYTES - self._most_bytes]
