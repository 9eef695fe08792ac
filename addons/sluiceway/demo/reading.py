"""Requests as they arrive at the simulator: bounded, and in the shape that dialects read."""

from __future__ import annotations

from aiohttp import web

from sluiceway.demo import credentials, dialects
from sluiceway.demo.exchange import Asked

_MOST_BYTES = 32 * 2**20  # Anthropic's limit; the others' are of the same order


async def read(request: web.BaseRequest) -> bytes | None:
    """The whole body, None beyond the limit. The rest of a body that is too long is not read."""
    if request.headers.get("expect", "").lower() == "100-continue":
        # A bare aiohttp server leaves this to its handler; curl waits a second for it.
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0
    pieces, size = [], 0
    async for piece in request.content.iter_any():
        size += len(piece)
        if size > _MOST_BYTES:
            return None
        pieces.append(piece)
    return b"".join(pieces)


def asked(request: web.BaseRequest, raw: bytes, now: int) -> Asked:
    """The request for the provider its Host header names."""
    headers, path, query = request.headers, request.path, request.rel_url.query
    return Asked(
        provider=dialects.provider_of(headers.get("host", ""), path),
        method=request.method,
        path=path,
        query=query,
        headers=headers,
        raw=raw,
        credentials=credentials.presented(headers, query),
        now=now,
        output_tokens=_number(headers.get("x-demo-output-tokens")),
        events=_number(headers.get("x-demo-events")),
        target=request.raw_path,
    )


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None
