"""Usage that comes with a later request: the row that waits for it, whoever asks for it, and its expiry.

1. a request begins a job, and its answer names it: the row is given up to wait, its money reserved
2. whatever passes later and tells that the job is over ends the row, once, at what it says
3. a job that nobody asked about in time is charged what it had reserved
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sluiceway.errors import Refused, StoreError
from sluiceway.gateway import refusals
from sluiceway.gateway.billing import COSTLESS, as_told, figures, moved
from sluiceway.gateway.exchange import Exchange
from sluiceway.gateway.parts import GatewayParts
from sluiceway.pricing import regions
from sluiceway.store.deferred import digest
from sluiceway.store.records import Later, Waiting
from sluiceway.types import (
    Answer,
    Call,
    Cost,
    CostBasis,
    KeyClass,
    LedgerRow,
    Outcome,
    Provider,
    Usage,
    UsageSource,
    to_nusd,
)
from sluiceway.wire.later import TELLS, Job, id_in

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 60.0
NOTHING_USED: Mapping[str, Any] = {
    "usage_source": UsageSource.REPORTED,
    "input_tokens": 0,
    "output_tokens": 0,
}
# Fields of a batch's row that are sums of its requests'; in those of WHOLE an unknown part makes it unknown.
WHOLE = ("input_tokens", "output_tokens", "cost_nusd", "cost_as_requested_nusd")
ADDED = (
    *WHOLE,
    "charged_nusd",
    "cache_read_tokens",
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "reasoning_tokens",
    "audio_input_tokens",
    "audio_output_tokens",
    "image_tokens",
)
FILE = "file"
# A file of results, by which its batch is found; in the place of what a file of requests asks for.
RESULTS, JOB = "results", "job"
KINDS = {"openai_response": "response", "gemini_results": RESULTS}  # of the ids in paths; else a batch's
OF_FILE = (
    *("model", "choices", "max_output_tokens", "input_bytes", "dense_bytes", "cache_writes", "held_input"),
    *("has_tools", "has_images", "has_thinking", "wants_json"),
)
NEVER_SEEN = "usage_never_seen"  # in the row's error_type


async def begun(exchange: Exchange, parts: GatewayParts, call: Call) -> Call:
    """The call that would begin a job, with what a batch's file was seen to ask for. Refused where what it
    used could not be seen at this provider, or its file did not come through here."""
    provider = exchange.provider
    if all(route.collects != TELLS.get(call.dialect, "") for route in provider.routes):
        raise Refused(refusals.BACKGROUND)
    if call.file_id is None:
        return call
    which = digest(parts.key, provider.name, FILE, call.file_id)
    found = await asyncio.to_thread(parts.store.deferred.file, which)
    if found is None or (None not in (call.model, found["model"]) and call.model != found["model"]):
        raise Refused(refusals.UNKNOWN_FILE)
    return replace(call, **{**found, "model": found["model"] or call.model})


async def keep_file(parts: GatewayParts, provider: str, file_id: str, call: Call) -> None:
    """Remembers what a file of requests asks for, for the batch that will name it."""
    figures = {name: getattr(call, name) for name in OF_FILE}
    which = digest(parts.key, provider, FILE, file_id)
    await asyncio.to_thread(parts.store.deferred.keep_file, which, figures, datetime.now(UTC))


async def check(exchange: Exchange, parts: GatewayParts) -> None:
    """Refused where who asks may not be told of a job. With a key of their own the provider decides that;
    with the company's only what they began themselves. An answer that was not made in the background is not
    known here, and its id is its only key to look at it; a batch that is not known is nobody's to see."""
    route = exchange.route
    if exchange.company_key is None or route is None or route.collects is None:
        return
    kind = KINDS.get(route.collects, "batch")
    which = digest(parts.key, exchange.provider.name, kind, id_in(exchange.path))
    owner = await asyncio.to_thread(_owner, parts, kind, which)
    looks = kind == "response" and exchange.request.method == "GET"
    if owner != exchange.principal.name and (owner is not None or not looks):
        raise Refused(refusals.not_yours(exchange.pool[0].rule if exchange.pool else None, parts.contact))


def _owner(parts: GatewayParts, kind: str, which: bytes) -> str | None:
    job = _of_results(parts, which) if kind == RESULTS else which
    return None if job is None else parts.store.deferred.begun_by(job)


def _of_results(parts: GatewayParts, which: bytes) -> bytes | None:
    """The batch whose answers stand in a file; None: not known, since its state was never asked for."""
    found = parts.store.deferred.file(which)
    return None if found is None else bytes.fromhex(found[JOB])


def later(parts: GatewayParts, row: LedgerRow, remote_id: str, input_tokens: int) -> Later:
    """Where the usage of this row will be seen: the provider answers for its own ids alone, to those whose
    key it accepts, so whose key asks makes no difference to whose row it is."""
    kind, wait = ("batch", parts.batches_deferred_for) if _is_batch(row) else ("response", parts.deferred_for)
    job = digest(parts.key, row.provider, kind, remote_id)
    return Later(kind, job, input_tokens, datetime.now(UTC) + wait)


def _is_batch(row: LedgerRow) -> bool:
    return row.operation == "batch"


def collect_soon(parts: GatewayParts, provider: str, job: Job) -> None:
    """Charges the request that began a job, if it waits, without making the one who asked wait for it."""
    parts.do_soon(collect(parts, provider, job))


async def collect(parts: GatewayParts, provider: str, job: Job) -> None:
    """As `collect_soon`; on disk when this returns. One after the other: a file of results is known by the
    state of its batch, which a client asks for just before."""
    async with parts.collecting:
        await _collect(parts, provider, job)


async def _collect(parts: GatewayParts, provider: str, job: Job) -> None:
    which = digest(parts.key, provider, job.kind, job.remote_id)
    waiting = await asyncio.to_thread(_waiting, parts, job.kind, which)
    if waiting is not None and job.results is not None:
        file = digest(parts.key, provider, RESULTS, job.results)
        told = {JOB: which.hex()}
        await asyncio.to_thread(parts.store.deferred.keep_file, file, told, datetime.now(UTC))
    elif waiting is not None:
        # A batch may have a hundred thousand answers to be priced.
        await _end(parts, waiting, await asyncio.to_thread(seen, parts, waiting, job))


def _waiting(parts: GatewayParts, kind: str, which: bytes) -> Waiting | None:
    job = _of_results(parts, which) if kind == RESULTS else which
    return None if job is None else parts.store.deferred.find(job)


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


def seen(parts: GatewayParts, waiting: Waiting, job: Job) -> LedgerRow:
    """The row at what its job says it used, priced as of the day it began. Where that cannot be priced (the
    provider is no longer in the rules), at what it had reserved."""
    row, now, answers = waiting.row, datetime.now(UTC), job.answers
    provider = parts.rules.providers.get(row.provider)
    if provider is None:
        return unseen(waiting, now)
    if not answers:
        return replace(row, **_over(row, now, Outcome.OK), **COSTLESS, **NOTHING_USED)
    failed = not _is_batch(row) and answers[0].error_type
    outcome = Outcome.UPSTREAM_ERROR if failed else Outcome.OK
    priced = [_priced(parts, provider, waiting, answer, job) for answer in answers]
    return replace(row, **_over(row, now, outcome), **(priced[0] if len(priced) == 1 else _sum(priced)))


def _sum(priced: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A batch's row: every count and amount summed, and unknown where one of them is; the rest as of the
    first, unless they differ."""
    total = dict(priced[0])
    for name in ADDED:
        parts = [each[name] for each in priced]
        told = [part for part in parts if part is not None]
        total[name] = None if name in WHOLE and len(told) < len(parts) else sum(told) if told else None
    units: Counter[str] = Counter()
    for each in priced:
        units.update(each["tool_units"])
    sources = {each["usage_source"] for each in priced}
    bases = {each["cost_basis"] for each in priced}
    total["usage_source"] = sources.pop() if len(sources) == 1 else UsageSource.PARTIAL
    total["cost_basis"] = bases.pop() if len(bases) == 1 else CostBasis.UNKNOWN
    return total | {"tool_units": dict(units), "error_type": None}


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


def _priced(
    parts: GatewayParts, provider: Provider, waiting: Waiting, answer: Answer, job: Job
) -> dict[str, Any]:
    row, prices = waiting.row, parts.rules.prices
    usage = _usage(parts, waiting, answer, len(job.answers))
    batch = _is_batch(row)
    tier = row.service_tier if batch else answer.service_tier or row.service_tier

    def cost(of: Provider, model: str | None) -> Cost:
        return prices.cost(
            provider=of,
            model=model,
            usage=usage,
            at=row.started_at,
            service_tier=tier,
            region=regions.of_host(row.host),
            operation=row.operation,
            dialect=row.dialect,
            key_class=KeyClass(row.key_class),
            summed=job.summed,
        )

    own = cost(provider, answer.model or row.model_routed)
    if usage.source is UsageSource.REPORTED:
        own = as_told(provider, KeyClass(row.key_class), own, answer)
    asked = cost(provider, row.model_requested).usd if moved(row) else None
    return {
        **figures(answer, usage, tier, own),
        "response_id": row.response_id if batch else answer.response_id or row.response_id,
        "cost_as_requested_nusd": None if asked is None else to_nusd(asked),
        "charged_nusd": to_nusd(own.bound_usd) if row.spends else 0,
    }


def _usage(parts: GatewayParts, waiting: Waiting, answer: Answer, of: int) -> Usage:
    """What the provider says; for a job that was cancelled or failed without a word on it, an estimate, and
    for one `of` a batch's answers that has none, its share of one."""
    told = answer.usage
    if told.source is UsageSource.REPORTED:
        return told
    output = parts.learned.output_from_bytes(answer.output_bytes, waiting.row.model_routed or "")
    return replace(
        told,
        input_tokens=waiting.input_tokens // of if told.input_tokens is None else told.input_tokens,
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
