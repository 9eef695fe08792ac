"""Reads the beginning of an answer before any of it is passed on, where the request could still go elsewhere.

A stream is held until its first event that says something, which is the first there is: a good one is not
delayed. A JSON answer is held whole, within a bound, since nobody can use half of one. An error's body is
taken in, within bounds of size and time, so that its connection can be used again.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

import aiohttp

from sluiceway.errors import WireError
from sluiceway.gateway import decoding
from sluiceway.gateway.exchange import Exchange
from sluiceway.gateway.failing import Failure, is_failure, retry_after_s
from sluiceway.types import Answer, UsageSource

STREAM_BYTES = 8 * 1024
WHOLE_BYTES = 256 * 1024
ERROR_BYTES = 64 * 1024
ERROR_S = 2.0
TIMED_OUT, EMPTY, LOST, ERROR_EVENT = "first_byte_timeout", "empty_answer", "connection_lost", "error_event"


class Ahead:
    """What was read ahead of one answer. `held` goes to the client first; `failure`: why it does not do."""

    def __init__(self, exchange: Exchange, answer: aiohttp.ClientResponse) -> None:
        assert exchange.dialect and exchange.call
        self._exchange, self._answer = exchange, answer
        self._tap = exchange.dialect.tap(exchange.call, answer.status, answer.content_type)
        encoding = answer.headers.get("content-encoding", "")
        self._decoder = None if decoding.is_plain(encoding) else decoding.decoder(encoding, WHOLE_BYTES)
        self._readable = decoding.is_plain(encoding) or self._decoder is not None
        self._streams = exchange.call.stream
        self.held = b""
        self.failure: Failure | None = None

    async def look(self, within_s: float) -> None:
        """Reads until it is clear whether the answer does."""
        if is_failure(self._answer.status):
            await self._error()
        elif 200 <= self._answer.status < 300:
            await self._beginning(within_s)

    async def _error(self) -> None:
        try:
            async with asyncio.timeout(ERROR_S):
                while not self._answer.content.at_eof() and len(self.held) < ERROR_BYTES:
                    await self._read()
        except (aiohttp.ClientError, OSError, WireError):  # a TimeoutError is an OSError
            pass  # its status says enough
        self.failure = Failure(
            str(self._answer.status),
            sent=True,
            status=self._answer.status,
            error_type=self._seen.error_type,
            retry_after_s=retry_after_s(self._answer.headers, datetime.now(UTC)),
        )

    async def _beginning(self, within_s: float) -> None:
        try:
            async with asyncio.timeout(max(0.0, within_s)):
                while not self._is_enough():
                    await self._read()
        except TimeoutError:
            if self._streams or not self.held:  # a whole answer that has begun is passed on as it comes
                self.failure = self._lost(TIMED_OUT)
        except WireError:
            pass  # whoever passes it on says so
        except (aiohttp.ClientError, OSError):
            self.failure = self._lost(LOST)

    def _is_enough(self) -> bool:
        """Whether it is clear by what is there; sets `failure` where it does not do."""
        ended, length = self._answer.content.at_eof(), len(self.held)
        if not self._streams:
            whole = "json" in self._answer.content_type
            return ended or length >= (WHOLE_BYTES if whole else 1)
        seen = self._seen
        if seen.error_type is not None and not seen.output_bytes:
            self.failure = Failure(
                ERROR_EVENT, sent=False, status=self._answer.status, error_type=seen.error_type
            )
            return True
        if ended and not _has_begun(seen) and self._readable:
            self.failure = self._lost(EMPTY)
        return ended or _has_begun(seen) or length >= STREAM_BYTES or (length > 0 and not self._readable)

    async def _read(self) -> None:
        chunk = await self._answer.content.readany()
        if chunk and not self._exchange.first_s:
            self._exchange.first_s = time.monotonic()
        self.held += chunk
        for piece in (chunk,) if self._decoder is None else self._decoder.feed(chunk):
            if self._readable:
                self._tap.feed(piece)

    @property
    def _seen(self) -> Answer:
        return self._tap.answer()

    def _lost(self, reason: str) -> Failure:
        """It was asked and may be billed: for what was seen of it."""
        return Failure(reason, sent=True, status=self._answer.status, error_type=reason, seen=self._seen)

    def let_go(self) -> None:
        """Nobody will read on: a connection that is at the end of its answer goes back to the pool."""
        if self._answer.content.at_eof():
            self._answer.release()
        else:
            self._answer.close()


def _has_begun(seen: Answer) -> bool:
    told = seen.response_id or seen.model or seen.output_bytes or seen.complete
    return bool(told) or seen.usage.source is not UsageSource.NONE
