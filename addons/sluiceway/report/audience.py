"""Who may be named in a report: people only on request, teams only when they are large enough."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, distinct, func, select

from sluiceway.report.measures import ledger, within
from sluiceway.report.model import CapState, Period
from sluiceway.store.tables import people

# The dimensions of a cap that name no person; any other is treated as if it did.
_IMPERSONAL = frozenset({"team", "project", "cost_center", "provider", "model"})
SOMEONE = "(a person)"


@dataclass(frozen=True, slots=True)
class Audience:
    """What this report may say about whom.

    `team_people`: active employees by team in the period; a team not in it had none.
    """

    names: bool
    min_group: int
    team_people: Mapping[str, int]
    _hidden: re.Pattern[str] | None = field(default=None, repr=False)

    @property
    def others(self) -> str:
        return f"other teams (fewer than {self.min_group} people)"

    def team(self, team: str) -> str:
        """The team's name, or the fold it belongs to."""
        folded = self.min_group > 1 and self.team_people.get(team, 0) < self.min_group
        return self.others if folded else team

    def rule(self, rule: str | None) -> str | None:
        """A rule's name; operators name rules after people, so those names are taken out as well."""
        if rule is None or self._hidden is None:
            return rule
        return self._hidden.sub(SOMEONE, rule)

    def holder(self, cap: CapState) -> str:
        """Whom a cap binds: the company, a team, or a person, who is named only where names are asked for."""
        if not cap.scope:
            return "the whole company"
        return ", ".join(self._part(dimension, value, cap.who) for dimension, value in cap.scope)

    def _part(self, dimension: str, value: str, who: str) -> str:
        if dimension == "team":
            return f"team {value}" if self.team(value) == value else self.others
        if dimension in _IMPERSONAL:
            return f"{dimension.replace('_', ' ')} {value}"
        team = self.team(who)
        belongs = f"team {team}" if team == who else team
        return f"{value} ({belongs})" if self.names else f"one person in {belongs}"


def load(connection: Connection, period: Period, *, names: bool, min_group: int) -> Audience:
    active = (
        select(ledger.c.team, func.count(distinct(ledger.c.principal)))
        .where(within(period), ledger.c.principal_kind == "employee")
        .group_by(ledger.c.team)
    )
    team_people = {row[0]: row[1] for row in connection.execute(active)}
    if names:
        return Audience(True, min_group, team_people)
    known = connection.scalars(select(people.c.name).union(select(ledger.c.principal).where(within(period))))
    return Audience(False, min_group, team_people, _pattern(known))


def _pattern(names: Iterable[str]) -> re.Pattern[str] | None:
    """Whole words only, longest first: a person called Al does not turn `alert` into `(a person)ert`."""
    ordered = sorted({name for name in names if name}, key=len, reverse=True)
    if not ordered:
        return None
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, ordered))})(?!\w)", re.IGNORECASE)
