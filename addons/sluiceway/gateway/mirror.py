"""Mirrors: a copy of a request for another model, in the background, whose answer nobody sees and nobody
keeps.

It begins when the client has the first bytes of its own answer, so it adds nothing to the time to them. It
has a row of its own, as the service `mirror` with the rule as its project, and the rule's budget besides the
company's. It goes out with company keys alone, never waits for money, and is dropped where too many are on
their way.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from copy import copy
from datetime import UTC, datetime

import aiohttp

from sluiceway.errors import Refused, WireError
from sluiceway.gateway import refusals
from sluiceway.gateway.allowance import Allowance
from sluiceway.gateway.body import Upload
from sluiceway.gateway.exchange import Exchange
from sluiceway.gateway.guarding import inspect
from sluiceway.gateway.injection import facts_of
from sluiceway.gateway.lessons import learn_from
from sluiceway.gateway.parts import GatewayParts
from sluiceway.gateway.reading import read_out
from sluiceway.gateway.reservation import Admission, output_limit, reserve, tops_up
from sluiceway.gateway.sending import head_of, send
from sluiceway.gateway.settlement import Settlement
from sluiceway.gateway.upstream import Failed
from sluiceway.gateway.ways import Way, Ways, is_held
from sluiceway.policy.mirroring import MIRROR, mirror_cap
from sluiceway.store.records import Answer as Admitted
from sluiceway.store.records import Want
from sluiceway.types import Cap, Decision, KeyClass, LedgerRow, Outcome, Principal
from sluiceway.wire.quirks import renamed


def mirrored(
    judged: Exchange, upload: Upload, decision: Decision, parts: GatewayParts
) -> Callable[[], None] | None:
    """What to call once the client has the first bytes of its answer; None: no copy is wanted."""
    ours = judged.key_class is KeyClass.COMPANY and not judged.sealed
    if decision.mirror is None or not ours or is_held(judged.call):
        return None

    def begin() -> None:
        if parts.draining or parts.copies.is_full:
            parts.metrics.mirrored("busy")
        else:
            parts.copies.start(_run(judged, upload, decision, parts))

    return begin


async def _run(judged: Exchange, upload: Upload, decision: Decision, parts: GatewayParts) -> None:
    cap = mirror_cap(judged.rules.policy, decision.mirror_rule, datetime.now(UTC), parts.time_zone)
    if cap is None:
        parts.metrics.mirrored("no_budget")
        return
    try:
        way = await _way(judged, upload, decision, parts)
    except Refused:
        parts.metrics.mirrored("not_possible")
        return
    if way is None:
        parts.metrics.mirrored("not_now")
        return
    await _sent(_as_mirror(way, cap.rule), cap, parts)


async def _way(judged: Exchange, upload: Upload, decision: Decision, parts: GatewayParts) -> Way | None:
    """As for an attempt: the guard's rules for there, the key for there, a breaker that lets it through."""
    assert decision.mirror
    exchange = copy(judged)
    exchange.route_rule = decision.mirror_rule
    upload = await inspect(exchange, parts, upload, facts_of(judged, parts), decision.mirror)
    alone = Decision(decision.mirror, decision.mirror_rule, None, ())
    return await Ways(exchange, alone, parts).next(upload, first=True)


def _as_mirror(way: Way, rule: str) -> Way:
    """From here on it is the service's own request."""
    exchange = way.exchange
    exchange.principal = Principal(0, MIRROR, "service", MIRROR, project=rule)
    exchange.request_id = f"{exchange.request_id}-{MIRROR}"
    exchange.started_at, exchange.started_s = datetime.now(UTC), time.monotonic()
    exchange.read_s, exchange.first_s, exchange.sent_s = exchange.started_s, 0.0, 0.0
    exchange.tried, exchange.trail, exchange.originals = [MIRROR], None, {}
    return way


def _admission(cap: Cap, parts: GatewayParts) -> Admission:
    """Also within the rule's own budget, and never in anybody's way."""

    async def admit(row: LedgerRow, want: Want, caps: Sequence[Cap], wait_s: float) -> Admitted:
        return await parts.store.ledger.admit(row, want, (*caps, cap), 0)

    return admit


async def _sent(way: Way, cap: Cap, parts: GatewayParts) -> None:
    exchange, settlement = way.exchange, Settlement(way.exchange, parts, shown=False)
    answer: aiohttp.ClientResponse | None = None
    try:
        try:
            allowance = await _paid(way, cap, settlement, parts)
        except BaseException:
            if way.member is not None:
                parts.key_limits.give_back(way.member, way.tokens, time.monotonic())
            raise
        parts.metrics.mirrored("sent")
        fields = head_of(exchange, way.upload)
        fields["accept-encoding"] = "identity"
        answer = await send(exchange, parts, fields, way.upload.to_send)
        outcome, seen = await read_out(exchange, answer, allowance, parts.idle_s)
        settlement.answered(answer.status, outcome, seen)
    except Refused as refused:
        parts.metrics.mirrored("no_money")
        await settlement.refused(0, refused.refusal)
    except Failed as failed:
        settlement.failed(0, failed)
    except (aiohttp.ClientError, OSError, WireError):
        settlement.failed(0, Failed(refusals.BROKEN_OFF, sent=True, status=answer.status if answer else None))
    finally:
        settlement.abandoned(Outcome.INTERNAL_ERROR)
        if answer is not None:
            answer.close()
        learn_from(way, answer, settlement.final, parts)


async def _paid(way: Way, cap: Cap, settlement: Settlement, parts: GatewayParts) -> Allowance | None:
    """The open row with its money, on disk. Raises Refused."""
    exchange = way.exchange
    row = exchange.row()
    granted, guess = await reserve(exchange, parts, row, _admission(cap, parts))
    settlement.opened(row, granted.reservation)
    limit = output_limit(way.upload.reading.call, guess, granted)
    if limit is not None:
        assert exchange.dialect
        limited = exchange.dialect.limit_output(way.upload.reading, limit)
        way.upload = way.upload.limited(renamed(limited, exchange.provider.quirks))
        exchange.call = way.upload.reading.call
    call = way.upload.reading.call
    return Allowance(parts, granted, guess, call) if tops_up(call) else None
