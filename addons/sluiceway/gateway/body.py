"""Reads request bodies and decodes answers, always within a bound: a 1 MB gzip can hold 200 MB."""

from __future__ import annotations

import asyncio
import zlib
from typing import Protocol

import brotli
import zstandard
from aiohttp import web

from sluiceway.errors import TooLarge, WireError

OFF_LOOP_BYTES = 64 * 1024
STEP_BYTES = 64 * 1024


class Decoder(Protocol):
    """Decodes pieces of one body; raises TooLarge past its bound and WireError on what is not the encoding."""

    def feed(self, data: bytes) -> bytes: ...


class _Zlib:
    def __init__(self, limit: int, gzip: bool) -> None:
        # 32 + 15: gzip or zlib by header. "deflate" is zlib by RFC 9110, raw by habit of some clients.
        self._object = zlib.decompressobj(47 if gzip else 15)
        self._gzip = gzip
        self._left = limit
        self._first = True

    def feed(self, data: bytes) -> bytes:
        pieces = []
        while data:
            try:
                piece = self._object.decompress(data, STEP_BYTES)
            except zlib.error as error:
                if not self._first or self._gzip:
                    raise WireError("the body is not what its content-encoding says") from error
                self._object, self._first = zlib.decompressobj(-15), False
                continue
            self._first = False
            self._left -= len(piece)
            if self._left < 0:
                raise TooLarge("the decoded body is too large")
            pieces.append(piece)
            data = self._object.unconsumed_tail
            if not piece and not data:
                break
        return b"".join(pieces)


class _Brotli:
    def __init__(self, limit: int) -> None:
        self._object = brotli.Decompressor()
        self._left = limit

    def feed(self, data: bytes) -> bytes:
        pieces = []
        try:
            piece = self._object.process(data, output_buffer_limit=STEP_BYTES)
            while piece or not self._object.can_accept_more_data():
                self._left -= len(piece)
                if self._left < 0:
                    raise TooLarge("the decoded body is too large")
                pieces.append(piece)
                piece = self._object.process(b"", output_buffer_limit=STEP_BYTES)
        except brotli.error as error:
            raise WireError("the body is not what its content-encoding says") from error
        return b"".join(pieces)


class _Zstd:
    def __init__(self, limit: int) -> None:
        # 8 MB is the largest window RFC 9659 asks a decoder of HTTP content to accept.
        self._object = zstandard.ZstdDecompressor(max_window_size=8 * 1024 * 1024).decompressobj(
            write_size=STEP_BYTES
        )
        self._left = limit

    def feed(self, data: bytes) -> bytes:
        pieces = []
        try:
            # Small steps in, so that a bomb is noticed before it is whole in memory.
            for start in range(0, len(data), 1024):
                piece = self._object.decompress(data[start : start + 1024])
                self._left -= len(piece)
                if self._left < 0:
                    raise TooLarge("the decoded body is too large")
                pieces.append(piece)
        except zstandard.ZstdError as error:
            raise WireError("the body is not what its content-encoding says") from error
        return b"".join(pieces)


class _Identity:
    def feed(self, data: bytes) -> bytes:
        return data


def decoder(encoding: str, limit: int) -> Decoder | None:
    """A decoder for a `content-encoding` value, or None when we do not know it."""
    match encoding.strip().lower():
        case "" | "identity":
            return _Identity()
        case "gzip" | "x-gzip":
            return _Zlib(limit, gzip=True)
        case "deflate":
            return _Zlib(limit, gzip=False)
        case "br":
            return _Brotli(limit)
        case "zstd":
            return _Zstd(limit)
    return None


async def read(request: web.BaseRequest, limit: int) -> bytes:
    """The request's body as sent. TooLarge past `limit`, before the rest is read."""
    if (request.content_length or 0) > limit:
        raise TooLarge(f"the body is larger than {limit} bytes")
    if request.headers.get("expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # an interim answer is not the answer
    pieces, size = [], 0
    while piece := await request.content.readany():
        size += len(piece)
        if size > limit:
            raise TooLarge(f"the body is larger than {limit} bytes")
        pieces.append(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def decoded(raw: bytes, encoding: str, limit: int) -> bytes | None:
    """The body without its content-encoding; None when the encoding is not one we know."""
    decode = decoder(encoding, limit)
    if decode is None or isinstance(decode, _Identity):
        return raw if decode else None
    if len(raw) < OFF_LOOP_BYTES and encoding == "identity":
        return raw
    return await asyncio.get_running_loop().run_in_executor(None, decode.feed, raw)
