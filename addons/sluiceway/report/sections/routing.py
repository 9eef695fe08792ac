"""Requests that a rule sent elsewhere than the client asked: what they cost, and would have cost as asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Row, and_, case, func, or_, select

from sluiceway.policy.mirroring import MIRROR
from sluiceway.report import chart, measures
from sluiceway.report.groups import rank
from sluiceway.report.measures import ledger, number, total, whole, within
from sluiceway.report.model import Attention, Weight
from sluiceway.report.section import Context, Section
from sluiceway.report.text import plural, usd, usd_tick, visible
from sluiceway.types import UsageSource

_SHOWN = 20
_WORTH_SAYING_NUSD = 10**9

_row = ledger.c
_elsewhere = or_(
    and_(_row.model_routed.is_not(None), _row.model_routed != func.coalesce(_row.model_requested, "")),
    _row.provider != _row.provider_requested,
)
# A mirror's copies are no moves: nobody asked for them. They have a section of their own.
_copied = and_(_row.principal_kind == "service", _row.principal == MIRROR)
_took_over = and_(_row.route_rule.is_(None), _row.route_path.contains(">"))
moved = and_(measures.sent, _elsewhere, ~_copied)
_priced = and_(moved, _row.cost_nusd.is_not(None), _row.cost_as_requested_nusd.is_not(None))
# Failed, used nothing and was charged nothing: there is no price to be unknown.
_unbilled = and_(_row.cost_nusd == 0, _row.charged_nusd == 0, _row.usage_source == UsageSource.NONE)
_unpriced = and_(moved, ~_priced, or_(_row.cost_nusd.is_(None), ~_unbilled))
_difference = _row.cost_as_requested_nusd - _row.cost_nusd


@dataclass(frozen=True, slots=True)
class Balance:
    """Money of moved requests. Both sums are over the same `priced` ones, whose cost is known on both sides;
    `unpriced` ones are in neither. The rest of `requests` failed and was not billed."""

    requests: int
    priced: int
    unpriced: int
    cost_nusd: int | None
    as_requested_nusd: int | None

    @classmethod
    def of(cls, row: Row[*tuple[Any, ...]]) -> Balance:
        return cls(
            int(row.requests),
            int(row.priced),
            int(row.unpriced),
            whole(row.cost),
            whole(row.as_requested),
        )

    @property
    def saved_nusd(self) -> int | None:
        """Below zero: it cost extra. None where nothing can be compared."""
        if self.cost_nusd is None or self.as_requested_nusd is None:
            return None
        return self.as_requested_nusd - self.cost_nusd

    def plus(self, other: Balance) -> Balance:
        return Balance(
            self.requests + other.requests,
            self.priced + other.priced,
            self.unpriced + other.unpriced,
            measures.add(self.cost_nusd, other.cost_nusd),
            measures.add(self.as_requested_nusd, other.as_requested_nusd),
        )


@dataclass(frozen=True, slots=True)
class Move:
    """What one rule moved from one place to another; places are (provider, model). `bar` is of the largest
    difference, below zero where it cost extra. `took_over`: no rule chose it, the one before had failed."""

    rule: str | None
    asked: tuple[str, str | None]
    sent: tuple[str, str | None]
    balance: Balance
    bar: float
    took_over: bool = False


@dataclass(frozen=True, slots=True)
class Moves:
    """`steps` are (label, saved, extra) in nano-dollars."""

    moves: tuple[Move, ...]
    others: Balance | None
    other_moves: int
    all: Balance
    step_name: str
    dates: str
    steps: tuple[tuple[str, int, int], ...]
    drawing: chart.Stacked


def load(context: Context) -> Moves:
    keys = [*(_row[name].label(name) for name in _PLACES), case((_took_over, 1), else_=0).label("took_over")]
    where = and_(within(context.period), moved)
    ranked = rank(context.connection, keys, _sums(), where, ["requests"], _SHOWN)
    balances = [Balance.of(row) for row in ranked.top]
    largest = max((abs(each.saved_nusd or 0) for each in balances), default=0) or 1
    moves = tuple(
        Move(
            context.audience.rule(row.route_rule),
            (row.provider_requested, row.model_requested),
            (row.provider, row.model_routed),
            balance,
            (balance.saved_nusd or 0) / largest,
            bool(row.took_over),
        )
        for row, balance in zip(ranked.top, balances, strict=True)
    )
    others = Balance.of(ranked.others) if ranked.others is not None else None
    everything = others or Balance(0, 0, 0, None, None)
    for balance in balances:
        everything = everything.plus(balance)
    line = context.timeline
    steps = _steps(context)
    return Moves(
        moves,
        others,
        ranked.other_groups,
        everything,
        line.step_name,
        line.dates,
        steps,
        _drawing(steps),
    )


_PLACES = ("route_rule", "provider_requested", "model_requested", "provider", "model_routed")


def _sums() -> list[Any]:
    return [
        number(moved).label("requests"),
        number(_priced).label("priced"),
        number(_unpriced).label("unpriced"),
        total(_row.cost_nusd, _priced).label("cost"),
        total(_row.cost_as_requested_nusd, _priced).label("as_requested"),
    ]


def _steps(context: Context) -> tuple[tuple[str, int, int], ...]:
    line = context.timeline
    saved, extra = [0] * line.steps, [0] * line.steps
    for row in context.connection.execute(
        select(
            line.position.label("step_no"),
            func.sum(case((_difference > 0, _difference), else_=0)).label("saved"),
            func.sum(case((_difference < 0, -_difference), else_=0)).label("extra"),
        )
        .where(within(context.period), _priced)
        .group_by("step_no")
    ):
        saved[row.step_no], extra[row.step_no] = int(row.saved), int(row.extra)
    return tuple(zip(line.labels, saved, extra, strict=True))


def _drawing(steps: Sequence[tuple[str, int, int]]) -> chart.Stacked:
    """Saved is drawn as the first series, extra as the third: the two differ most in print."""
    series = [[saved for _, saved, _ in steps], [0] * len(steps), [extra for _, _, extra in steps]]
    drawing = chart.stacked([label for label, _, _ in steps], series, usd, usd_tick)
    titles = [f"{label}: {usd(saved)} saved, {usd(extra)} extra" for label, saved, extra in steps]
    columns = zip(drawing.columns, titles, strict=True)
    return replace(drawing, columns=tuple(replace(column, title=title) for column, title in columns))


def attention(data: Moves) -> Sequence[Attention]:
    found = [_extra(move) for move in data.moves if (move.balance.saved_nusd or 0) <= -_WORTH_SAYING_NUSD]
    if (saved := data.all.saved_nusd or 0) >= _WORTH_SAYING_NUSD:
        detail = (
            f"{plural(data.all.priced, 'request')} cost {usd(data.all.cost_nusd)} at the models the rules"
        )
        detail += f" chose, and the same tokens {usd(data.all.as_requested_nusd)} at the models asked for."
        if data.all.unpriced:
            detail += f" {plural(data.all.unpriced, 'further one')} cannot be compared."
        found.append(Attention(Weight.KNOW, f"Routing saved {usd(saved)}", detail, "routing"))
    return found


def _extra(move: Move) -> Attention:
    balance = move.balance
    other = "A failover" if move.took_over else "A move without a rule"
    name = f"Rule '{visible(move.rule, 40)}'" if move.rule else other
    return Attention(
        Weight.KNOW,
        f"{name} costs {usd(-(balance.saved_nusd or 0))} extra",
        f"{plural(balance.priced, 'request')} cost {usd(balance.cost_nusd)}; the same tokens, as asked for, "
        f"would have cost {usd(balance.as_requested_nusd)}.",
        "routing",
    )


SECTION = Section("routing", "Routing", load, attention)
