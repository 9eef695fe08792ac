"""Usage that comes with a later request: the row that waits for it, whoever asks for it, and its expiry.

1. a request begins a job, and its answer names it: the row is given up to wait, its money reserved
2. whatever passes later and tells that the job is over ends the row, once, at what it says
3. a job that nobody asked about in time is charged what it had reserved
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sluiceway.errors import StoreError
from sluiceway.gateway.billing import figures, moved
from sluiceway.gateway.parts import GatewayParts
from sluiceway.store.deferred import digest
from sluiceway.store.records import Later, Waiting
from sluiceway.types import Answer, Cost, KeyClass, LedgerRow, Outcome, Provider, Usage, UsageSource, to_nusd
from sluiceway.wire.later import Job

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 60.0
NEVER_SEEN = "usage_never_seen"  # in the row's error_type


def collectable(provider: Provider) -> bool:
    """Whether what a job used can be seen at this provider."""
    return any(route.collects == "openai_response" for route in provider.routes)


def later(parts: GatewayParts, row: LedgerRow, remote_id: str, input_tokens: int) -> Later:
    """Where the usage of this row will be seen: the provider answers for its own ids alone, to those whose
    key it accepts, so whose key asks makes no difference to whose row it is."""
    job = digest(parts.key, row.provider, "response", remote_id)
    return Later("response", job, input_tokens, datetime.now(UTC) + parts.deferred_for)


def collect_soon(parts: GatewayParts, provider: str, job: Job) -> None:
    """Charges the request that began a job, if it waits, without making the one who asked wait for it."""
    parts.do_soon(collect(parts, provider, job))


async def collect(parts: GatewayParts, provider: str, job: Job) -> None:
    """As `collect_soon`; on disk when this returns."""
    which = digest(parts.key, provider, job.kind, job.remote_id)
    waiting = await asyncio.to_thread(parts.store.deferred.find, which)
    if waiting is not None:
        await _end(parts, waiting, seen(parts, waiting, job.answer))


async def expire(parts: GatewayParts, now: datetime) -> int:
    """Ends what has been waited for long enough; how many rows it were."""
    overdue = await asyncio.to_thread(parts.store.deferred.overdue, now)
    for waiting in overdue:
        await _end(parts, waiting, unseen(waiting, now))
    return len(overdue)


async def _end(parts: GatewayParts, waiting: Waiting, final: LedgerRow) -> None:
    done = parts.store.ledger.collect(waiting, final)
    if done is not None:
        parts.metrics.ended(final)
        await done


def seen(parts: GatewayParts, waiting: Waiting, answer: Answer) -> LedgerRow:
    """The row at what its job says it used, priced as of the day it began. Where that cannot be priced (the
    provider is no longer in the rules), at what it had reserved."""
    row, now = waiting.row, datetime.now(UTC)
    provider = parts.rules.providers.get(row.provider)
    if provider is None:
        return unseen(waiting, now)
    outcome = Outcome.UPSTREAM_ERROR if answer.error_type else Outcome.OK
    return replace(row, **_over(row, now, outcome), **_priced(parts, provider, waiting, answer))


def unseen(waiting: Waiting, now: datetime) -> LedgerRow:
    """The row of a job whose usage nobody ever saw: as after a crash, its cost is not known and the caps are
    charged what was reserved."""
    row = waiting.row
    return replace(
        row,
        **_over(row, now, Outcome.TRUNCATED),
        usage_source=UsageSource.ESTIMATED,
        error_type=NEVER_SEEN,
        charged_nusd=waiting.reserved_nusd if row.spends else 0,
    )


def _over(row: LedgerRow, now: datetime, outcome: Outcome) -> dict[str, Any]:
    lasted_ms = max(0.0, (now - row.started_at).total_seconds() * 1000)
    return {"ended_at": now, "outcome": outcome, "duration_ms": round(lasted_ms, 3)}


def _priced(parts: GatewayParts, provider: Provider, waiting: Waiting, answer: Answer) -> dict[str, Any]:
    row, usage, prices = waiting.row, _usage(parts, waiting, answer), parts.rules.prices
    tier = answer.service_tier or row.service_tier

    def cost(of: Provider, model: str | None) -> Cost:
        return prices.cost(
            provider=of,
            model=model,
            usage=usage,
            at=row.started_at,
            service_tier=tier,
            operation=row.operation,
            dialect=row.dialect,
            key_class=KeyClass(row.key_class),
        )

    own = cost(provider, answer.model or row.model_routed)
    asked = cost(provider, row.model_requested).usd if moved(row) else None
    return {
        **figures(answer, usage, tier, own),
        "response_id": answer.response_id or row.response_id,
        "cost_as_requested_nusd": None if asked is None else to_nusd(asked),
        "charged_nusd": to_nusd(own.bound_usd) if row.spends else 0,
    }


def _usage(parts: GatewayParts, waiting: Waiting, answer: Answer) -> Usage:
    """What the provider says; for a job that was cancelled or failed without a word on it, an estimate."""
    told = answer.usage
    if told.source is UsageSource.REPORTED:
        return told
    output = parts.learned.output_from_bytes(answer.output_bytes, waiting.row.model_routed or "")
    return replace(
        told,
        input_tokens=waiting.input_tokens if told.input_tokens is None else told.input_tokens,
        output_tokens=max(output, told.output_tokens or 0),
        source=UsageSource.ESTIMATED if told.input_tokens is None else UsageSource.PARTIAL,
    )


class Expiry:
    """One task from `start` to `stop` that looks every minute for what is overdue."""

    def __init__(self, parts: GatewayParts) -> None:
        self._parts = parts
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._look())

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _look(self) -> None:
        while True:
            try:
                if ended := await expire(self._parts, datetime.now(UTC)):
                    logger.warning(
                        "%d requests were charged what they reserved: nobody asked what they used", ended
                    )
            except (StoreError, OSError) as error:
                logger.error("overdue rows could not be ended: %s", type(error).__name__)
            await asyncio.sleep(LOOK_EVERY_S)
