"""Reads request bodies, always within a bound of bytes and time; and what of them goes to the provider."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from aiohttp import StreamReader, web

from sluiceway.errors import Refused, TooLarge, WireError
from sluiceway.gateway import decoding
from sluiceway.gateway.refusals import STALLED, UNKNOWN_ENCODING
from sluiceway.wire.dialect import Reading

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Upload:
    """A request body: as it came (`raw`, perhaps encoded), without its encoding, and as it was judged."""

    raw: bytes
    plain: bytes
    reading: Reading

    @property
    def untouched(self) -> bool:
        """Whether the client's own bytes go on, encoding and all; else the body is written anew, plain."""
        return self.reading.body is self.plain

    @property
    def to_send(self) -> bytes:
        return self.raw if self.untouched else self.reading.body

    def limited(self, reading: Reading) -> Upload:
        """The same upload with `reading` in place of what was judged first."""
        return self if reading is self.reading else Upload(self.raw, self.plain, reading)


async def proceed(request: web.BaseRequest) -> None:
    """Tells a client that waits for it to send its body: aiohttp leaves this to the handler."""
    if request.headers.get("expect", "").lower() == "100-continue" and not request.content.is_eof():
        await request.writer.write(CONTINUE)
        request.writer.output_size = 0  # an interim answer is not the answer


async def read(request: web.BaseRequest, limit: int, idle_s: float, begun: bytes = b"") -> bytes:
    """The request's body as sent; `begun` is what `beginning` has read of it. Raises TooLarge past `limit`,
    before the rest is read; WireError where its framing is broken; Refused when nothing comes for `idle_s`.
    """
    if (request.content_length or 0) > limit:
        raise TooLarge(f"the body is larger than {limit} bytes")
    if not begun:
        await proceed(request)
    found = io.BytesIO(begun)  # joined as they come: a list of pieces would be there twice at its end
    found.seek(0, io.SEEK_END)
    while piece := await _piece(request, idle_s):
        if found.tell() + len(piece) > limit:
            raise TooLarge(f"the body is larger than {limit} bytes")
        found.write(piece)
    return found.getvalue()  # its buffer itself, not a copy


async def beginning(request: web.BaseRequest, enough: Callable[[bytes], bool], idle_s: float) -> bytes:
    """The body as far as is `enough`, or all of it. Raises as `read` does."""
    await proceed(request)
    found = b""
    while not enough(found) and (piece := await _piece(request, idle_s)):
        found += piece
    return found


async def whole(begun: bytes, rest: StreamReader) -> AsyncIterator[bytes]:
    """A body of which the beginning was read, as it comes."""
    yield begun
    async for piece in rest.iter_any():
        yield piece


async def _piece(request: web.BaseRequest, idle_s: float) -> bytes:
    """What has come of the body, nothing at its end."""
    try:
        if request.content.is_eof():  # nothing to wait for: a timer costs more than the rest of this
            return request.content.read_nowait()
        async with asyncio.timeout(idle_s):
            return await request.content.readany()
    except TimeoutError:
        raise Refused(STALLED) from None
    except web.RequestPayloadError:
        raise WireError("the body's transfer-encoding is broken") from None


async def decoded(raw: bytes, encoding: str, limit: int) -> bytes:
    """The body without its content-encoding, decoded off the loop. Raises Refused for an unknown one."""
    if decoding.is_plain(encoding):
        return raw
    plain = await asyncio.get_running_loop().run_in_executor(None, decoding.whole, raw, encoding, limit)
    if plain is None:
        raise Refused(UNKNOWN_ENCODING)
    return plain
