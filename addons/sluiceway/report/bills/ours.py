"""The ledger's side: what the company's rows of a provider say, by UTC day, model and service tier."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, Select, and_, case, func, or_, select, true

from sluiceway.report import measures
from sluiceway.report.bills.line import TOKENS, canonical, tier_of
from sluiceway.report.measures import ledger, number
from sluiceway.report.model import from_us
from sluiceway.store.moments import EPOCH
from sluiceway.types import KeyClass, Outcome, UsageSource

NEAR_MIDNIGHT_US = 15 * 60 * 1_000_000
DAY_US = 24 * 3600 * 1_000_000

type Group = tuple[date, str, str | None]  # UTC day, model, service tier
type Sums = dict[str, int]


@dataclass(slots=True)
class Ours:
    """One group. `spanning` are of rows that ended on another day than they began, `late` and `early` of all
    near the day's end and beginning, `cut` of those whose usage was estimated in part, `cancelled` of those
    of them whose client hung up. `unknown` rows have no price, `fees` used a provider's tools.
    """

    figures: Sums = field(default_factory=dict)
    spanning: Sums = field(default_factory=dict)
    late: Sums = field(default_factory=dict)
    early: Sums = field(default_factory=dict)
    cut: Sums = field(default_factory=dict)
    cancelled: Sums = field(default_factory=dict)
    unknown: int = 0
    fees: int = 0


@dataclass(slots=True)
class Apart:
    """Rows of the period that no bill of the company's account can have, or that nobody metered."""

    subscription: Sums = field(default_factory=dict)
    personal: Sums = field(default_factory=dict)
    unmetered: dict[date, int] = field(default_factory=dict)


def load(
    connection: Connection, family: str, first: date, last: date, by_tier: bool
) -> tuple[dict[Group, Ours], Apart]:
    """All groups of the days from `first` to `last`, both included."""
    c = ledger.c
    from_us, to_us = _us(first), _us(last + timedelta(days=1))
    within = and_(c.provider == family, c.started_at >= from_us, c.started_at < to_us)
    groups: dict[Group, Ours] = {}
    apart = Apart()
    for found in connection.execute(_query(within)):
        row = found._asdict()
        if row["key_class"] in (KeyClass.SUBSCRIPTION, KeyClass.PERSONAL):
            subscription = row["key_class"] == KeyClass.SUBSCRIPTION
            _add(apart.subscription if subscription else apart.personal, row, "")
            continue
        day = day_of(row["day"])
        group = (
            day,
            canonical(row["model"] or "?"),
            (tier_of(row["service_tier"]) or "standard") if by_tier else None,
        )
        ours = groups.setdefault(group, Ours())
        for sums, prefix in _PARTS:
            _add(getattr(ours, sums), row, prefix)
        ours.unknown += int(row["unknown"] or 0)
        ours.fees += int(row["fees"] or 0)
    passed = and_(
        within, c.kind == "request", c.metered.is_(False), ~measures.refused, c.upstream_status < 300
    )
    day_column = (c.started_at // DAY_US).label("day")
    unlisted = and_(passed, c.operation != "pass")
    for passing in connection.execute(select(day_column, func.count()).where(unlisted).group_by(day_column)):
        apart.unmetered[day_of(passing[0])] = int(passing[1])
    return groups, apart


_PARTS = (
    ("figures", ""),
    ("spanning", "span_"),
    ("late", "late_"),
    ("early", "early_"),
    ("cut", "cut_"),
    ("cancelled", "gone_"),
)


def _query(within: measures.Condition) -> Select[Any]:
    c = ledger.c
    used = and_(c.kind == "request", c.metered.is_(True), c.outcome != Outcome.OPEN)
    answered = and_(used, c.upstream_status >= 200, c.upstream_status < 300)
    estimated = c.usage_source.in_((UsageSource.PARTIAL, UsageSource.ESTIMATED))
    gone = c.outcome == Outcome.CLIENT_CANCELLED
    in_day = c.started_at % DAY_US
    ends_later = and_(c.ended_at.is_not(None), c.ended_at // DAY_US != c.started_at // DAY_US)
    conditions: dict[str, measures.Condition] = {
        "": true(),
        "span_": ends_later,
        "late_": or_(in_day >= DAY_US - NEAR_MIDNIGHT_US, ends_later),
        "early_": in_day < NEAR_MIDNIGHT_US,
        "cut_": and_(estimated, ~gone),
        "gone_": and_(estimated, gone),
    }
    columns = []
    for prefix, condition in conditions.items():
        columns.append(number(and_(answered, condition)).label(f"{prefix}requests"))
        columns += [
            func.sum(case((and_(used, condition), c[kind]))).label(f"{prefix}{kind}") for kind in TOKENS
        ]
        columns.append(func.sum(case((condition, c.cost_nusd))).label(f"{prefix}cost_nusd"))
    keys = [(c.started_at // DAY_US).label("day"), measures.model.label("model"), c.service_tier, c.key_class]
    unknown = number(measures.unknown_cost).label("unknown")
    fees = number(and_(used, c.tool_units != "{}")).label("fees")
    metered = and_(within, c.outcome != Outcome.OPEN, or_(c.metered.is_(True), c.kind == "correction"))
    return select(*keys, *columns, unknown, fees).where(metered).group_by(*keys)


def _add(sums: Sums, row: Mapping[str, Any], prefix: str) -> None:
    for kind in ("requests", *TOKENS, "cost_nusd"):
        value = row[f"{prefix}{kind}"]
        if value is not None:
            sums[kind] = sums.get(kind, 0) + int(value)


def _us(day: date) -> int:
    return (datetime.combine(day, time()) - EPOCH.replace(tzinfo=None)) // timedelta(microseconds=1)


def day_of(number_of_day: int) -> date:
    """The UTC day by its number since the epoch."""
    return from_us(int(number_of_day) * DAY_US).date()


Price = Callable[[Group, Sums], int | None]
"""What tokens of a group cost by the price book, in nano-dollars; None: it cannot be told."""
