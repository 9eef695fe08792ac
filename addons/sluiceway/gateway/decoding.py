"""Takes the content-encoding off bodies, in small pieces and within a bound: 1 MB can hold 200 MB."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Protocol

import brotli
import zstandard

from sluiceway.errors import TooLarge, WireError

# What is fed in and comes out at a time, so that a bomb is noticed before it is whole in memory.
INPUT_BYTES = 16 * 1024
PIECE_BYTES = 64 * 1024
# A zstd block of 4 bytes may hold 128 KB, and the binding gives out all of an input at once.
ZSTD_INPUT_BYTES = 1024
# The largest window RFC 9659 asks a decoder of HTTP content to accept.
ZSTD_WINDOW_BYTES = 8 * 1024 * 1024

GZIP, ZLIB, RAW_DEFLATE = 31, 15, -15
ZLIB_HEADER_BYTES = 2
KNOWN = frozenset({"gzip", "x-gzip", "deflate", "br", "zstd", "identity"})


class Decoder(Protocol):
    """Decodes one body, fed in any pieces."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What `data` holds, piece by piece. Raises TooLarge past the bound, WireError on what is not the
        encoding. Run it to its end before feeding more."""
        ...

    @property
    def ended(self) -> bool:
        """Whether the data fed so far is one whole body and nothing else."""
        ...


class _Bound:
    """Counts decoded bytes down to a limit."""

    def __init__(self, limit: int) -> None:
        self._left = limit

    def take(self, piece: bytes) -> bytes:
        self._left -= len(piece)
        if self._left < 0:
            raise TooLarge("the decoded body is too large")
        return piece


class _Identity:
    ended = True

    def feed(self, data: bytes) -> Iterator[bytes]:
        yield data


class _Zlib:
    """gzip and deflate. "deflate" is zlib by RFC 9110, and raw by the habit of some clients."""

    def __init__(self, limit: int, bits: int) -> None:
        self._object = zlib.decompressobj(bits)
        self._head: bytes | None = b"" if bits == ZLIB else None  # until it is known which of the two it is
        self._bound = _Bound(limit)

    @property
    def ended(self) -> bool:
        return self._object.eof and not self._object.unused_data

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self._head is not None:
            self._head = data = self._head + data
            if len(data) < ZLIB_HEADER_BYTES:
                return
            self._head = None
            if not _is_zlib(data):
                self._object = zlib.decompressobj(RAW_DEFLATE)
        for start in range(0, len(data), INPUT_BYTES):
            yield from self._feed(data[start : start + INPUT_BYTES])

    def _feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            try:
                piece = self._object.decompress(data, PIECE_BYTES)
            except zlib.error:
                raise _not_encoded() from None
            if piece:
                yield self._bound.take(piece)
            data = self._object.unconsumed_tail


def _is_zlib(data: bytes) -> bool:
    """Whether the first two bytes are a zlib header: method 8, and a multiple of 31 (RFC 1950)."""
    return data[0] & 15 == 8 and int.from_bytes(data[:2]) % 31 == 0


class _Brotli:
    def __init__(self, limit: int) -> None:
        self._object = brotli.Decompressor()
        self._bound = _Bound(limit)

    @property
    def ended(self) -> bool:
        return bool(self._object.is_finished())

    def feed(self, data: bytes) -> Iterator[bytes]:
        try:
            while True:
                piece = self._object.process(data, output_buffer_limit=PIECE_BYTES)
                data = b""
                if piece:
                    yield self._bound.take(piece)
                elif self._object.can_accept_more_data() or self._object.is_finished():
                    return
        except brotli.error:
            raise _not_encoded() from None


class _Zstd:
    def __init__(self, limit: int) -> None:
        self._object = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES).decompressobj(
            write_size=PIECE_BYTES
        )
        self._bound = _Bound(limit)

    @property
    def ended(self) -> bool:
        return self._object.eof and not self._object.unused_data

    def feed(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), ZSTD_INPUT_BYTES):
            try:
                piece = self._object.decompress(data[start : start + ZSTD_INPUT_BYTES])
            except zstandard.ZstdError:
                raise _not_encoded() from None
            if piece:
                yield self._bound.take(piece)


def _not_encoded() -> WireError:
    return WireError("the body is not what its content-encoding says")


def decoder(encoding: str, limit: int) -> Decoder | None:
    """A decoder for a `content-encoding` that gives out at most `limit` bytes; None: not one we know."""
    match encoding.strip().lower():
        case "" | "identity":
            return _Identity()
        case "gzip" | "x-gzip":
            return _Zlib(limit, GZIP)
        case "deflate":
            return _Zlib(limit, ZLIB)
        case "br":
            return _Brotli(limit)
        case "zstd":
            return _Zstd(limit)
    return None


def is_plain(encoding: str) -> bool:
    """Whether a `content-encoding` value changes nothing."""
    return encoding.strip().lower() in ("", "identity")


def whole(data: bytes, encoding: str, limit: int) -> bytes | None:
    """The body without its encoding; None when that is not one we know. A body that breaks off or has more
    behind its end is a WireError: what the provider made of the rest would not be what was judged."""
    found = decoder(encoding, limit)
    if found is None:
        return None
    body = b"".join(found.feed(data))
    if not found.ended:
        raise WireError("the body does not end where its content-encoding ends")
    return body
