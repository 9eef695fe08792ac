"""Mirrors: what copies for another model cost and how long they took, beside the requests they are copies
of."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import and_, case, func, select

from sluiceway.report.measures import ledger, whole
from sluiceway.report.section import Context, Section
from sluiceway.types import Outcome

_SHOWN = 15
_NAME = "mirror"
_copy = ledger.alias("copied")
_own = ledger.alias("own")


@dataclass(frozen=True, slots=True)
class Side:
    """One of two models on the same requests; averages in milliseconds, money in nano-dollars. None: nothing
    known."""

    provider: str
    model: str | None
    cost_nusd: int | None
    ttft_ms: float | None
    duration_ms: float | None
    output_tokens: float | None


@dataclass(frozen=True, slots=True)
class Pair:
    """What one rule copied from one model to another. `compared` were answered on both sides; both sides are
    of these. The others failed, were cut, or are not there any more."""

    rule: str | None
    copies: int
    refused: int
    compared: int
    own: Side
    other: Side

    @property
    def dearer(self) -> float | None:
        """By which part of its cost the other model costs more, below zero: less. None: not comparable, or
        the same."""
        if not self.own.cost_nusd or self.other.cost_nusd is None:
            return None
        return (self.other.cost_nusd - self.own.cost_nusd) / self.own.cost_nusd or None


@dataclass(frozen=True, slots=True)
class Mirrors:
    pairs: tuple[Pair, ...]
    more: int
    copies: int
    cost_nusd: int | None


def load(context: Context) -> Mirrors:
    pairs = _pairs(context)
    row, period = ledger.c, context.period
    total = context.connection.execute(
        select(func.count().label("copies"), func.sum(row.cost_nusd).label("cost"))
        .where(row.principal_kind == "service", row.principal == _NAME, row.kind == "request")
        .where(row.started_at >= period.from_us, row.started_at < period.to_us)
    ).one()
    return Mirrors(pairs[:_SHOWN], max(0, len(pairs) - _SHOWN), int(total.copies), whole(total.cost))


def _pairs(context: Context) -> tuple[Pair, ...]:
    copied, own, period = _copy.c, _own.c, context.period
    keys = (
        copied.route_rule.label("rule"),
        own.provider.label("own_provider"),
        own.model_routed.label("own_model"),
        copied.provider.label("copy_provider"),
        copied.model_routed.label("copy_model"),
    )
    both = and_(copied.outcome == Outcome.OK, own.outcome == Outcome.OK)
    original = and_(
        own.request_id == func.replace(copied.request_id, f"-{_NAME}", ""),
        own.kind == "request",
        own.outcome == Outcome.OK,
    )
    figures = [
        aggregate(case((both, column))).label(f"{side}_{name}")
        for side, row in (("own", own), ("other", copied))
        for name, column, aggregate in (
            ("cost", row.cost_nusd, func.sum),
            ("ttft", row.ttft_ms, func.avg),
            ("duration", row.duration_ms, func.avg),
            ("output", row.output_tokens, func.avg),
        )
    ]
    rows = context.connection.execute(
        select(
            *keys,
            func.count().label("copies"),
            func.sum(case((copied.outcome == Outcome.REFUSED, 1), else_=0)).label("refused"),
            func.sum(case((both, 1), else_=0)).label("compared"),
            *figures,
        )
        .select_from(_copy)
        .outerjoin(_own, original)
        .where(copied.principal_kind == "service", copied.principal == _NAME, copied.kind == "request")
        .where(copied.started_at >= period.from_us, copied.started_at < period.to_us)
        .group_by(*(key.name for key in keys))
        .order_by(func.count().desc(), *(key.name for key in keys))
    )
    return tuple(
        Pair(
            context.audience.rule(row.rule),
            int(row.copies),
            int(row.refused),
            int(row.compared),
            Side(
                row.own_provider or "",
                row.own_model,
                whole(row.own_cost),
                _number(row.own_ttft),
                _number(row.own_duration),
                _number(row.own_output),
            ),
            Side(
                row.copy_provider,
                row.copy_model,
                whole(row.other_cost),
                _number(row.other_ttft),
                _number(row.other_duration),
                _number(row.other_output),
            ),
        )
        for row in rows
    )


def _number(value: object) -> float | None:
    return None if value is None else float(str(value))


SECTION = Section("mirrors", "Mirrors", load)
