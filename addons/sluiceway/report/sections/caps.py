"""Caps as they stand, and who is near them: teams always, people only where names are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, and_, func, select

from sluiceway.policy.words import per
from sluiceway.report.audience import Audience
from sluiceway.report.measures import ledger, refused
from sluiceway.report.model import Attention, CapState, Weight, from_us, to_us
from sluiceway.report.section import Context, Section
from sluiceway.report.text import percent, plural, visible
from sluiceway.store.tables import raises
from sluiceway.types import Unit

_NEAR = 0.8
# What is left may carry no request any more: a cap this full that refused somebody is used up to people.
_FULL = 0.9
_COLUMNS = {"employee": "principal", "service": "principal", "team": "team", "project": "project"}
# Used up for the moment only: shown in the table, nothing to look at first.
_PASSING = frozenset({"now", "minute", "hour"})
_SHOWN = 30

State = Literal["used up", "led on", "near", "within"]


@dataclass(frozen=True, slots=True)
class Gauge:
    """One cap: how much is spent and reserved, in nano-dollars or counted. Shares are of the limit, and may
    pass 1."""

    rule: str
    holder: str
    window: str
    unit: Unit
    limit: int
    spent: int
    reserved: int
    ends_at: datetime | None
    spent_share: float
    reserved_share: float
    raised: int = 0
    on_exceed: str = "block"
    refused: int = 0  # in its window, where it is nearly full

    @property
    def per(self) -> str:
        """What the limit is for, in words."""
        return "requests open" if self.window == "now" else per(self.window)

    @property
    def full(self) -> float:
        """Spent and reserved together."""
        return self.spent_share + self.reserved_share

    @property
    def state(self) -> State:
        """`led on`: it is used up and refuses nothing by itself, since it warns or another model answers."""
        if self.spent_share >= 1 or self.refused:
            return "used up" if self.on_exceed == "block" else "led on"
        return "near" if self.full >= _NEAR else "within"


@dataclass(frozen=True, slots=True)
class Raised:
    """More of a budget for a while, and who agreed to it: named only where names are asked for."""

    rule: str
    only: str | None
    unit: Unit
    by: int
    to: int | None
    from_at: datetime
    until_at: datetime
    requester: str
    approver: str
    reason: str


@dataclass(frozen=True, slots=True)
class Gauges:
    """The fullest caps first; `unlisted` further ones are all below the last one shown. `used_up` and `near`
    leave out what is over in an hour."""

    shown: tuple[Gauge, ...]
    unlisted: int
    used_up: tuple[Gauge, ...]
    near: tuple[Gauge, ...]
    at: datetime
    raises: tuple[Raised, ...] = ()


def load(context: Context) -> Gauges:
    gauges = sorted((_gauge(cap, context) for cap in context.caps), key=_fullness)
    lasting = [gauge for gauge in gauges if gauge.window not in _PASSING]
    used_up = tuple(gauge for gauge in lasting if gauge.state == "used up")
    near = tuple(gauge for gauge in lasting if gauge.state != "within" and gauge not in used_up)
    unlisted = max(0, len(gauges) - _SHOWN)
    raised = _raises(context)
    return Gauges(tuple(gauges[:_SHOWN]), unlisted, used_up, near, context.generated_at, raised)


def _raises(context: Context) -> tuple[Raised, ...]:
    """The raises that held at some time of the period, the latest first."""
    column, audience = raises.c, context.audience
    rows = context.connection.execute(
        select(raises)
        .where(column.from_at < context.period.to_us, column.until_at >= context.period.from_us)
        .order_by(column.id.desc())
        .limit(_SHOWN)
    )
    return tuple(
        Raised(
            audience.rule(row.budget) or "",
            None if row.holder is None else audience.words(row.holder),
            row.unit,
            row.by_amount,
            row.to_amount,
            from_us(row.from_at),
            from_us(row.until_at if row.withdrawn_at is None else min(row.until_at, row.withdrawn_at)),
            _person(row.requester, audience),
            _person(row.approver, audience),
            audience.words(row.reason),
        )
        for row in rows
    )


def _person(name: str, audience: Audience) -> str:
    """Who asked or agreed need not be an employee here."""
    if name in audience.teams:
        return audience.person(name)
    return name if audience.names else "somebody else"


def _refused(cap: CapState, connection: Connection) -> int:
    """Whom it turned away since its window began. Zero where the ledger's columns do not tell its place."""
    known = all(kind in _COLUMNS for kind, _ in cap.scope)
    if cap.starts_at is None or not known or cap.on_exceed != "block" or _share(cap.spent, cap.limit) < _FULL:
        return 0
    row = ledger.c
    place = [row[_COLUMNS[kind]] == value for kind, value in cap.scope]
    mine = and_(row.refusal_rule == cap.rule, row.refusal_code == "budget_spent", *place)
    since = row.started_at >= to_us(cap.starts_at)
    return connection.scalar(select(func.count()).where(refused, since, mine)) or 0


def _gauge(cap: CapState, context: Context) -> Gauge:
    audience = context.audience
    return Gauge(
        audience.rule(cap.rule) or "",
        audience.holder(cap),
        cap.window,
        cap.unit,
        cap.limit,
        cap.spent,
        cap.reserved,
        cap.ends_at,
        _share(cap.spent, cap.limit),
        _share(cap.reserved, cap.limit),
        cap.raised,
        cap.on_exceed,
        _refused(cap, context.connection),
    )


def _share(part: int, limit: int) -> float:
    """A limit of zero is used up from the start."""
    return part / limit if limit > 0 else 1.0


def _fullness(gauge: Gauge) -> tuple[float, str, str]:
    return (-gauge.full, gauge.rule, gauge.holder)


def attention(data: Gauges) -> Sequence[Attention]:
    if data.used_up:
        verb = "is" if len(data.used_up) == 1 else "are"
        near = f", {len(data.near):,} more above {percent(_NEAR)}" if data.near else ""
        headline = f"{plural(len(data.used_up), 'cap')} {verb} used up{near}"
        detail = f"Used up, so that requests are refused: {_list(data.used_up)}."
        return (Attention(Weight.ACT, headline, detail, "caps"),)
    if data.near:
        verb = "is" if len(data.near) == 1 else "are"
        headline = f"{plural(len(data.near), 'cap')} {verb} above {percent(_NEAR)}"
        return (Attention(Weight.LOOK, headline, f"{_list(data.near)}.", "caps"),)
    return ()


def _then(gauge: Gauge) -> str:
    led_on = gauge.state == "led on" and gauge.on_exceed == "degrade"
    return ": another model answers" if led_on else ""


def _list(gauges: Sequence[Gauge]) -> str:
    named = [
        f"{visible(gauge.rule, 40)} ({visible(gauge.holder, 50)}, {percent(gauge.full)}{_then(gauge)})"
        for gauge in gauges[:3]
    ]
    more = f"; and {len(gauges) - 3} more" if len(gauges) > 3 else ""
    return "; ".join(named) + more


SECTION = Section("caps", "Caps and who is near them", load, attention, without_traffic=True)
