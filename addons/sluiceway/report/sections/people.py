"""Spend by person and service: only in a report that was asked for names."""

from __future__ import annotations

from dataclasses import dataclass

from sluiceway.report import measures
from sluiceway.report.groups import rank
from sluiceway.report.measures import Cost, Tokens, ledger, number, within
from sluiceway.report.section import Context, Section
from sluiceway.report.text import ratio

_SHOWN = 25


@dataclass(frozen=True, slots=True)
class Person:
    person: str
    kind: str
    team: str
    requests: int
    refused: int
    cost: Cost
    tokens: Tokens
    bar: float


@dataclass(frozen=True, slots=True)
class People:
    people: tuple[Person, ...]
    others: int
    others_cost: Cost | None


def load(context: Context) -> People:
    keys = [ledger.c.principal, ledger.c.principal_kind, ledger.c.team]
    sums = [
        *measures.cost_columns(),
        *measures.token_columns(),
        number(measures.requested).label("requests"),
        number(measures.refused).label("refused"),
    ]
    order = ["spend", "notional", "personal"]
    ranked = rank(context.connection, keys, sums, within(context.period), order, _SHOWN)
    costs = [Cost.of(row) for row in ranked.top]
    largest = max((cost.known_nusd or 0 for cost in costs), default=0)
    shown = tuple(
        Person(
            row.principal,
            row.principal_kind,
            context.audience.team(row.team),
            int(row.requests),
            int(row.refused),
            cost,
            Tokens.of(row),
            max(0.0, ratio(cost.known_nusd, largest) or 0.0),
        )
        for row, cost in zip(ranked.top, costs, strict=True)
    )
    return People(shown, ranked.other_groups, Cost.of(ranked.others) if ranked.others is not None else None)


SECTION = Section("people", "Spend by person", load, needs_names=True)
