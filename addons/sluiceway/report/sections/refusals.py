"""Requests turned away: by code, by rule, by team and over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from sqlalchemy import ColumnElement, select

from sluiceway.policy.reasons import WORDS, reason
from sluiceway.report import chart, measures
from sluiceway.report.groups import rank
from sluiceway.report.measures import ledger, number, within
from sluiceway.report.model import Attention, Weight
from sluiceway.report.section import Context, Section
from sluiceway.report.text import percent, plural, visible

_SHOWN = 12
_SPIKE_COUNT = 20
_SPIKE_TIMES = 4
_HIGH_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Group:
    """`code` is what programs see, beside a label in words."""

    label: str | None
    refused: int
    bar: float
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Refusals:
    refused: int
    asked: int
    codes: tuple[Group, ...]
    rules: tuple[Group, ...]
    teams: tuple[Group, ...]
    step_name: str
    dates: str
    steps: tuple[tuple[str, int], ...]
    drawing: chart.Stacked


def load(context: Context) -> Refusals:
    line = context.timeline
    per_step = [0] * line.steps
    asked = 0
    for step, refused, requested in context.connection.execute(
        select(line.position.label("step_no"), number(measures.refused), number(measures.requested))
        .where(within(context.period))
        .group_by("step_no")
    ):
        per_step[step] = int(refused)
        asked += int(requested)
    codes = _groups(context, ledger.c.refusal_code)
    rules = [
        (context.audience.rule(rule), refused) for rule, refused in _groups(context, ledger.c.refusal_rule)
    ]
    return Refusals(
        sum(per_step),
        asked,
        tuple(replace(group, label=_words(group.label), code=_code(group.label)) for group in _bars(codes)),
        _bars(rules),
        _bars(_teams(context)),
        line.step_name,
        line.dates,
        tuple(zip(line.labels, per_step, strict=True)),
        chart.stacked(line.labels, [per_step], lambda value: f"{value:,}"),
    )


def _words(code: str | None) -> str | None:
    return None if code is None else reason(code)


def _code(code: str | None) -> str | None:
    return code if code in WORDS else None


def _groups(context: Context, column: ColumnElement[str | None]) -> list[tuple[str | None, int]]:
    where = within(context.period) & measures.refused
    sums = [number(measures.refused).label("refused")]
    ranked = rank(context.connection, [column.label("label")], sums, where, ["refused"], _SHOWN)
    groups = [(row.label, int(row.refused)) for row in ranked.top]
    if ranked.others is not None:
        groups.append((f"{ranked.other_groups} more", int(ranked.others.refused)))
    return groups


def _teams(context: Context) -> list[tuple[str | None, int]]:
    rows = context.connection.execute(
        select(ledger.c.team, number(measures.refused))
        .where(within(context.period) & measures.refused)
        .group_by(ledger.c.team)
    )
    folded: dict[str, int] = {}
    for team, refused in rows:
        shown = context.audience.team(team)
        folded[shown] = folded.get(shown, 0) + int(refused)
    ordered = sorted(folded.items(), key=lambda item: (-item[1], item[0]))
    rest = sum(refused for _, refused in ordered[_SHOWN:])
    return [*ordered[:_SHOWN], *([("all other teams", rest)] if rest else [])]


def _bars(groups: Sequence[tuple[str | None, int]]) -> tuple[Group, ...]:
    largest = max((refused for _, refused in groups), default=1)
    return tuple(Group(label, refused, refused / largest) for label, refused in groups)


def attention(data: Refusals) -> Sequence[Attention]:
    """A spike stands out against the usual step; failing that, a high share over the whole period."""
    label, most = max(data.steps, key=lambda step: step[1], default=("", 0))
    usual = median(refused for _, refused in data.steps) if data.steps else 0
    top = data.codes[0].label if data.codes else None
    cause = f" Most common reason in the period: {visible(top, 80)}." if top else ""
    if len(data.steps) >= 5 and most >= _SPIKE_COUNT and most >= _SPIKE_TIMES * max(1, usual):
        step = data.step_name if data.step_name[0].isdigit() else f"one {data.step_name}"
        detail = f"{most:,} in {step}, where {usual:,.0f} is usual.{cause}"
        when = f"at {label}" if ":" in label else f"on {label}"
        return (Attention(Weight.LOOK, f"Refusals spiked {when}", detail, "refusals"),)
    if data.refused >= _SPIKE_COUNT and data.asked and data.refused / data.asked > _HIGH_SHARE:
        share = percent(data.refused / data.asked)
        detail = f"{plural(data.refused, 'request')}, {share} of all.{cause}"
        return (Attention(Weight.LOOK, "Many requests are refused", detail, "refusals"),)
    return ()


SECTION = Section("refusals", "Refusals", load, attention)
