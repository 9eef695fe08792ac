"""Reads an answer to its end for nobody: it is metered, and thrown away."""

from __future__ import annotations

import asyncio
import time

import aiohttp

from sluiceway.errors import WireError
from sluiceway.gateway.allowance import Allowance
from sluiceway.gateway.exchange import Exchange
from sluiceway.types import Answer, Outcome
from sluiceway.wire.dialect import ReadsHeaders


async def read_out(
    exchange: Exchange, answer: aiohttp.ClientResponse, allowance: Allowance | None, idle_s: float
) -> tuple[Outcome, Answer]:
    """How it ended, and what it said of itself. One that breaks off is one that was cut: what was seen of it
    is what it is charged for."""
    assert exchange.dialect and exchange.call
    good = 200 <= answer.status < 300
    tap = exchange.dialect.tap(exchange.call, answer.status, answer.content_type)
    if isinstance(tap, ReadsHeaders):
        tap.headers({name.lower(): value for name, value in answer.headers.items()})
    while not answer.content.at_eof():
        try:
            async with asyncio.timeout(idle_s):
                chunk = await answer.content.readany()
            exchange.first_s = exchange.first_s or time.monotonic()
            tap.feed(chunk)
        except (aiohttp.ClientError, OSError, WireError):  # a TimeoutError is an OSError
            return Outcome.TRUNCATED if good else Outcome.UPSTREAM_ERROR, tap.answer()
        if allowance is not None and good and not await allowance.covers(tap, len(chunk)):
            if not tap.answer().complete:  # one whose ending was seen costs no more
                return Outcome.CAPPED, tap.answer()
            allowance = None
    tap.finish()
    seen = tap.answer()
    whole = seen.complete or not exchange.call.stream
    if not good or seen.error_type:
        return Outcome.UPSTREAM_ERROR, seen
    return Outcome.OK if whole else Outcome.TRUNCATED, seen
