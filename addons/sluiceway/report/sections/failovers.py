"""Failovers: attempts that another took over from, why, how it ended, and what the wait and the failure
cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Text, and_, case, cast, func, select

from sluiceway.report import measures
from sluiceway.report.measures import ledger, whole
from sluiceway.report.model import Attention, Weight
from sluiceway.report.section import Context, Section
from sluiceway.report.text import plural
from sluiceway.types import Outcome

_SHOWN = 15
_WORTH_SAYING = 10
_failed = ledger.alias("failed")
_next = ledger.alias("next")


@dataclass(frozen=True, slots=True)
class Move:
    """From one target to the next, for one reason. `waited_ms` is the average until the next one was asked;
    `cost_nusd` what the failed attempts cost all the same (None: nothing is known of any)."""

    provider: str
    model: str | None
    reason: str | None
    to_provider: str
    to_model: str | None
    attempts: int
    answered: int
    waited_ms: float | None
    cost_nusd: int | None


@dataclass(frozen=True, slots=True)
class Failovers:
    """`requests` were tried more than once, `answered` of them in the end."""

    requests: int
    answered: int
    attempts: int
    moves: tuple[Move, ...]
    more_moves: int
    longest_ms: float | None

    @property
    def lost(self) -> int:
        return self.requests - self.answered


def load(context: Context) -> Failovers:
    last = _last_attempts(context)
    moves = _moves(context)
    requests, answered = len(last), sum(outcome == Outcome.OK for outcome in last)
    waits = [move.waited_ms for move in moves if move.waited_ms is not None]
    return Failovers(
        requests,
        answered,
        sum(move.attempts for move in moves),
        moves[:_SHOWN],
        max(0, len(moves) - _SHOWN),
        max(waits, default=None),
    )


def _last_attempts(context: Context) -> list[str]:
    """How each request that was tried more than once ended, whatever its attempts before."""
    row = ledger.c
    tried = (
        select(row.request_id, func.max(row.attempt).label("attempt"))
        .where(measures.within(context.period), measures.attempted, row.attempt > 1)
        .group_by(row.request_id)
        .subquery()
    )
    same = and_(row.request_id == tried.c.request_id, row.attempt == tried.c.attempt)
    found = select(row.outcome).select_from(tried).join(ledger, same).where(row.kind == "request")
    return list(context.connection.scalars(found))


def _moves(context: Context) -> tuple[Move, ...]:
    """The attempts that another followed, largest groups first."""
    failed, after, period = _failed.c, _next.c, context.period
    reason = func.coalesce(failed.error_type, cast(failed.upstream_status, Text)).label("reason")
    keys = (
        failed.provider.label("from_provider"),
        failed.model_routed.label("from_model"),
        reason,
        after.provider.label("to_provider"),
        after.model_routed.label("to_model"),
    )
    follows = and_(after.request_id == failed.request_id, after.attempt == failed.attempt + 1)
    rows = context.connection.execute(
        select(
            *keys,
            func.count().label("attempts"),
            func.sum(case((after.outcome == Outcome.OK, 1), else_=0)).label("answered"),
            func.avg(failed.duration_ms).label("waited_ms"),
            func.sum(failed.cost_nusd).label("cost"),
        )
        .select_from(_failed)
        .join(_next, follows)
        .where(failed.started_at >= period.from_us, failed.started_at < period.to_us)
        .where(failed.kind == "request", after.kind == "request", after.outcome != Outcome.REFUSED)
        .group_by(*(key.name for key in keys))
        .order_by(func.count().desc(), *(key.name for key in keys))
    )
    return tuple(
        Move(
            row.from_provider,
            row.from_model,
            row.reason,
            row.to_provider,
            row.to_model,
            int(row.attempts),
            int(row.answered),
            None if row.waited_ms is None else float(row.waited_ms),
            whole(row.cost),
        )
        for row in rows
    )


def attention(data: Failovers) -> Sequence[Attention]:
    found = []
    if data.lost >= _WORTH_SAYING:
        detail = f"{plural(data.requests, 'request was', 'requests were')} tried elsewhere after a failure."
        head = f"{plural(data.lost, 'request')} got no answer anywhere"
        found.append(Attention(Weight.LOOK, head, detail, "failovers"))
    if data.answered:
        head = f"{plural(data.answered, 'request was', 'requests were')} answered by another target"
        detail = "The first one failed before its answer began; the people who asked saw one answer."
        found.append(Attention(Weight.KNOW, head, detail, "failovers"))
    return found


SECTION = Section("failovers", "Failovers", load, attention)
