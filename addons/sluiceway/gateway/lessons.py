"""What the end of an answer teaches: its place's breaker, its key's limit, and how fast the target is."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

import aiohttp

from sluiceway.gateway.failing import ending_of, retry_after_s
from sluiceway.gateway.health import Sample
from sluiceway.gateway.parts import GatewayParts
from sluiceway.gateway.ways import Way
from sluiceway.types import LedgerRow, Outcome


def begins_well(way: Way, parts: GatewayParts, then: Callable[[], None] | None) -> Callable[[], None] | None:
    """What to call when the client has the first good bytes of a stream; `then`: whatever else is to be done.
    None: nothing. A whole answer has ended by then, and is learnt from as it does."""
    if way.leave is None or not way.leave.probe or not way.upload.reading.call.stream:
        return then

    def begun() -> None:
        assert way.leave
        way.leave = parts.breakers.began(way.leave)
        if then is not None:
            then()

    return begun


def learn_from(
    way: Way, answer: aiohttp.ClientResponse | None, row: LedgerRow | None, parts: GatewayParts
) -> None:
    """It is over. `row` None: it broke off before anything of it could be shown."""
    now_s = time.monotonic()
    if way.leave is not None:
        pause_s = None if answer is None else retry_after_s(answer.headers, datetime.now(UTC))
        parts.breakers.ended(way.leave, ending_of(row, pause_s, draining=parts.draining), now_s)
    if row is None:
        return
    if way.member is not None:
        used = (row.input_tokens or 0) + (row.output_tokens or 0)
        parts.key_limits.correct(way.member, used - way.tokens, now_s)
    if row.outcome == Outcome.OK and row.upstream_status == 200 and row.metered:
        latency_ms = (now_s - way.exchange.sent_s) * 1000
        parts.health.observe(way.place, Sample(now_s, row.ttft_ms if row.stream else None, latency_ms))
