"""Spend by team, small teams told together, with the change against the previous period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, select

from sluiceway.report import measures
from sluiceway.report.measures import Cost, Tokens, ledger, number, within
from sluiceway.report.model import Period
from sluiceway.report.section import Context, Section
from sluiceway.report.text import change, ratio

_SHOWN = 40
_REST = "all other teams"


@dataclass(frozen=True, slots=True)
class Team:
    """One team's figures. `share` is of the known company spend, `bar` of the largest team's."""

    team: str
    people: int
    services: int
    requests: int
    refused: int
    cost: Cost
    tokens: Tokens
    before_nusd: int | None = None
    share: float | None = None
    bar: float = 0.0

    @property
    def change(self) -> str:
        return change(self.cost.spend_nusd, self.before_nusd)

    def plus(self, other: Team) -> Team:
        return replace(
            self,
            people=self.people + other.people,
            services=self.services + other.services,
            requests=self.requests + other.requests,
            refused=self.refused + other.refused,
            cost=self.cost.plus(other.cost),
            tokens=self.tokens.plus(other.tokens),
            before_nusd=measures.add(self.before_nusd, other.before_nusd),
        )


def load(context: Context) -> Sequence[Team]:
    before = _before(context.connection, context.period.previous())
    folded: dict[str, Team] = {}
    for team in _teams(context.connection, context.period):
        seen = replace(team, before_nusd=before.get(team.team, 0))
        shown = context.audience.team(team.team)
        named = replace(seen, team=shown)
        folded[shown] = folded[shown].plus(named) if shown in folded else named
    ordered = sorted(folded.values(), key=_place)
    return _shares(_shorten(ordered))


def _teams(connection: Connection, period: Period) -> Sequence[Team]:
    row_ = ledger.c

    rows = connection.execute(
        select(
            row_.team,
            measures.active("employee").label("people"),
            measures.active("service").label("services"),
            number(measures.requested).label("requests"),
            number(measures.refused).label("refused"),
            *measures.cost_columns(),
            *measures.token_columns(),
        )
        .where(within(period), row_.team != "")  # who was turned away as nobody is no team
        .group_by(row_.team)
    )
    return [
        Team(
            row.team,
            row.people,
            row.services,
            int(row.requests),
            int(row.refused),
            Cost.of(row),
            Tokens.of(row),
        )
        for row in rows
    ]


def _before(connection: Connection, period: Period) -> dict[str, int | None]:
    rows = connection.execute(
        select(ledger.c.team, *measures.cost_columns()).where(within(period)).group_by(ledger.c.team)
    )
    return {row.team: Cost.of(row).spend_nusd for row in rows}


def _place(team: Team) -> tuple[int, int, str]:
    """Largest spend first; among those without, the largest use."""
    return -(team.cost.known_nusd or 0), -team.cost.notional_nusd - team.cost.personal_nusd, team.team


def _shorten(teams: Sequence[Team]) -> Sequence[Team]:
    if len(teams) <= _SHOWN:
        return teams
    rest = replace(teams[_SHOWN], team=_REST)
    for team in teams[_SHOWN + 1 :]:
        rest = rest.plus(team)
    return [*teams[:_SHOWN], rest]


def _shares(teams: Sequence[Team]) -> Sequence[Team]:
    known = [team.cost.known_nusd or 0 for team in teams]
    largest = max(known, default=0)
    return [
        replace(team, share=ratio(spent, sum(known)), bar=max(0.0, ratio(spent, largest) or 0.0))
        for team, spent in zip(teams, known, strict=True)
    ]


SECTION = Section("teams", "Spend by team", load)
