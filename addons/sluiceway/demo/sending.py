"""Putting an answer on the wire: at once or event by event, encoded, trickled, cut or reset."""

from __future__ import annotations

import asyncio
import socket
import struct
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import brotli
import zstandard
from aiohttp import web

from sluiceway.demo.exchange import Reply
from sluiceway.demo.faults import SOUND, Delivery
from sluiceway.demo.pace import Pace


@dataclass(slots=True)
class Sent:
    """How much of an answer was handed to the connection so far."""

    events: int = 0
    complete: bool = False


class _Encoder(NamedTuple):
    """A compressor that can be flushed, so that every event arrives by itself."""

    feed: Callable[[bytes], bytes]
    end: Callable[[], bytes]


async def send(
    request: web.BaseRequest, reply: Reply, delivery: Delivery, pace: Pace, sent: Sent
) -> web.StreamResponse:
    """Answer `request`, keeping `sent` up to date at every step, for whoever looks when it breaks off."""
    if delivery.refuse:
        return _broken(request, web.Response(), reset=False)
    if delivery.hang:
        await asyncio.Event().wait()  # until the client leaves, which cancels this handler
    await pace.before_first(delivery.first_s)
    if reply.events is None and delivery is SOUND:
        return await _whole(request, reply, sent)
    return await _in_parts(request, reply, delivery, pace, sent)


async def _whole(request: web.BaseRequest, reply: Reply, sent: Sent) -> web.StreamResponse:
    response = web.Response(status=reply.status, body=reply.body, headers=_headers(reply))
    await response.prepare(request)
    await response.write_eof()
    sent.events, sent.complete = 1, True
    return response


async def _in_parts(
    request: web.BaseRequest, reply: Reply, delivery: Delivery, pace: Pace, sent: Sent
) -> web.StreamResponse:
    response = web.StreamResponse(status=reply.status, headers=_headers(reply))
    encoder = _encoder(delivery.encoding)
    if delivery.encoding:
        response.headers["content-encoding"] = delivery.encoding
    elif reply.events is None:
        response.content_length = len(reply.body)
    await response.prepare(request)
    parts = _parts(reply, delivery)
    async for part in _paced(parts, pace, delivery):
        await _write(response, encoder.feed(part), delivery.trickle_bytes)
        sent.events += 1
        if sent.events in (delivery.cut_after, delivery.reset_after):
            return _broken(request, response, reset=sent.events == delivery.reset_after)
    await _write(response, encoder.end(), delivery.trickle_bytes)
    sent.complete = reply.whole
    await response.write_eof()
    return response


def _parts(reply: Reply, delivery: Delivery) -> Sequence[bytes]:
    if reply.events is not None:
        return reply.events
    if delivery.cut_after is None and delivery.reset_after is None:
        return (reply.body,)
    return (reply.body[: len(reply.body) // 2],)  # whatever the count, it breaks off in the middle


async def _paced(parts: Sequence[bytes], pace: Pace, delivery: Delivery) -> AsyncIterator[bytes]:
    for index, part in enumerate(parts):
        if index:
            await pace.before_next(delivery.between_s)
        if index and index == len(parts) - 1 and delivery.hold:
            await pace.until_released()
        yield part


async def _write(response: web.StreamResponse, data: bytes, size: int | None) -> None:
    if not data:
        return
    if not size:
        await response.write(data)
        return
    for start in range(0, len(data), size):
        await response.write(data[start : start + size])
        await asyncio.sleep(0)


def _headers(reply: Reply) -> list[tuple[str, str]]:
    return [("content-type", reply.content_type), *reply.headers]


def _broken(request: web.BaseRequest, response: web.StreamResponse, *, reset: bool) -> web.StreamResponse:
    """Close the connection in mid-answer: an orderly end of TCP, or RST at once."""
    transport = request.transport
    if transport is None:
        return response
    if not reset:
        transport.close()
        return response
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    return response


def _encoder(encoding: str | None) -> _Encoder:
    if encoding == "gzip":
        gzip = zlib.compressobj(wbits=31)
        return _Encoder(lambda data: gzip.compress(data) + gzip.flush(zlib.Z_SYNC_FLUSH), gzip.flush)
    if encoding == "br":
        br = brotli.Compressor(quality=4)
        return _Encoder(lambda data: bytes(br.process(data) + br.flush()), lambda: bytes(br.finish()))
    if encoding == "zstd":
        zstd = zstandard.ZstdCompressor().compressobj()
        block = zstandard.COMPRESSOBJ_FLUSH_BLOCK
        return _Encoder(lambda data: zstd.compress(data) + zstd.flush(block), zstd.flush)
    return _Encoder(lambda data: data, lambda: b"")
