"""Batches and background answers: what was begun, what is still held for it, and what it was charged in the
end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, case, func, select

from sluiceway.report.measures import ledger, number, whole, within
from sluiceway.report.model import Attention, Weight
from sluiceway.report.section import Context, Section
from sluiceway.report.text import plural, usd
from sluiceway.store.tables import deferred
from sluiceway.types import Outcome, UsageSource

_SHOWN = 20
_KINDS = {"batch": "batch", "response": "background answer"}
_row = ledger.c
_waiting = _row.outcome == Outcome.OPEN
# Nobody asked for its results in time: charged what had been reserved, and what it cost is not known.
_unseen = and_(~_waiting, _row.usage_source != UsageSource.REPORTED)


@dataclass(frozen=True, slots=True)
class Jobs:
    """Jobs of one kind at one model. `held_nusd` is reserved for the `waiting` ones; `cost_nusd` is what the
    results of the others told (None: of none), `bound_nusd` what caps were charged for the `unseen`."""

    kind: str
    provider: str
    model: str | None
    jobs: int
    waiting: int
    held_nusd: int
    unseen: int
    bound_nusd: int
    cost_nusd: int | None

    @property
    def told(self) -> int:
        return self.jobs - self.waiting - self.unseen


@dataclass(frozen=True, slots=True)
class Deferred:
    """The largest groups; sums are over all of them."""

    groups: tuple[Jobs, ...]
    more: int
    jobs: int
    waiting: int
    held_nusd: int
    unseen: int
    bound_nusd: int


def load(context: Context) -> Deferred:
    groups = _groups(context)
    return Deferred(
        groups[:_SHOWN],
        max(0, len(groups) - _SHOWN),
        sum(each.jobs for each in groups),
        sum(each.waiting for each in groups),
        sum(each.held_nusd for each in groups),
        sum(each.unseen for each in groups),
        sum(each.bound_nusd for each in groups),
    )


def _groups(context: Context) -> tuple[Jobs, ...]:
    keys = deferred.c.kind.label("job"), _row.provider.label("at"), _row.model_routed.label("model")
    rows = context.connection.execute(
        select(
            *keys,
            func.count().label("jobs"),
            number(_waiting).label("waiting"),
            func.sum(case((_waiting, _row.reserved_nusd), else_=0)).label("held"),
            number(_unseen).label("unseen"),
            func.sum(case((_unseen, _row.charged_nusd), else_=0)).label("bound"),
            func.sum(_row.cost_nusd).label("cost"),
        )
        .select_from(deferred)
        .join(ledger, _row.id == deferred.c.ledger_id)
        .where(within(context.period))
        .group_by(*(key.name for key in keys))
        .order_by(func.count().desc(), *(key.name for key in keys))
    )
    return tuple(
        Jobs(
            _KINDS.get(row.job, row.job),
            row.at,
            row.model,
            int(row.jobs),
            int(row.waiting),
            whole(row.held) or 0,
            int(row.unseen),
            whole(row.bound) or 0,
            whole(row.cost),
        )
        for row in rows
    )


def attention(data: Deferred) -> Sequence[Attention]:
    if not data.unseen:
        return ()
    detail = (
        f"Caps were charged {usd(data.bound_nusd)}, what had been held for it; its real cost is not known. "
    )
    detail += "Results have to be fetched through Sluiceway while it waits for them."
    head = f"{plural(data.unseen, 'deferred job')} ended without telling what it used"
    return (Attention(Weight.LOOK, head, detail, "deferred"),)


SECTION = Section("deferred", "Batches and background work", load, attention)
