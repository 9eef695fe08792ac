"""Reads what an answer says around its images, recordings and texts: of a JSON document all but long strings.

An image as base64 is megabytes in one string, and nothing in it is metered. So strings are dropped while the
bytes pass, and what is kept of an answer of any size is a few kilobytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sluiceway.types import Answer, Refusal
from sluiceway.wire.fields import load

LONGEST_STRING_BYTES = 1024
MOST_BYTES = 1 << 20
_STOP = re.compile(rb'["\\]')


class Skimmer:
    """JSON in pieces of any size in, the same JSON out, with each string of more than 1 KB left empty."""

    __slots__ = ("_escaped", "_inside", "_kept", "_size", "_string")

    def __init__(self) -> None:
        self._kept: list[bytes] = []
        self._size = 0
        self._string: bytearray | None = None  # of the string that has begun; None once it is too long
        self._inside = False
        self._escaped = False

    def feed(self, data: bytes) -> None:
        """The next bytes."""
        at = 0
        while at < len(data):
            at = self._in_string(data, at) if self._inside else self._outside(data, at)

    def document(self) -> object:
        """What was read so far, None while it is not whole or where it was too large."""
        return load(b"".join(self._kept)) if 0 < self._size <= MOST_BYTES and not self._inside else None

    def _outside(self, data: bytes, at: int) -> int:
        quote = data.find(b'"', at)
        end = len(data) if quote < 0 else quote + 1
        self._keep(data[at:end])
        if quote >= 0:
            self._inside, self._string = True, bytearray()
        return end

    def _in_string(self, data: bytes, at: int) -> int:
        if self._escaped:
            self._escaped = False
            self._add(data[at : at + 1])
            return at + 1
        found = _STOP.search(data, at)
        if found is None:
            self._add(data[at:])
            return len(data)
        self._add(data[at : found.start()])
        if found[0] == b"\\":
            self._escaped = True
            self._add(b"\\")
        else:
            self._keep(bytes(self._string or b"") + b'"')
            self._inside, self._string = False, None
        return found.end()

    def _add(self, text: bytes) -> None:
        if self._string is None:
            return
        if len(self._string) + len(text) > LONGEST_STRING_BYTES:
            self._string = None
        else:
            self._string += text

    def _keep(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size <= MOST_BYTES:
            self._kept.append(piece)
        else:
            self._kept.clear()


class SkimTap:
    """A tap for an answer that is one JSON document, of which only the short strings are read."""

    between_events = True

    def __init__(self, parse: Callable[[object], Answer]) -> None:
        self._parse = parse
        self._skimmer = Skimmer()
        self._read: Answer | None = None

    def feed(self, chunk: bytes) -> bytes:
        self._skimmer.feed(chunk)
        self._read = None
        return chunk

    def finish(self) -> bytes:
        return b""

    def answer(self) -> Answer:
        if self._read is None:
            document = self._skimmer.document()
            self._read = Answer() if document is None else self._parse(document)
        return self._read

    def cut(self, message: str) -> bytes:
        return b""

    def fail(self, refusal: Refusal, request_id: str) -> bytes:
        return b""
