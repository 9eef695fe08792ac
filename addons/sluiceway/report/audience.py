"""Who may be named in a report: people only on request, teams only when they are large enough."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, distinct, func, select

from sluiceway.report.measures import ledger, within
from sluiceway.report.model import CapState, Period
from sluiceway.store.tables import people

# The dimensions of a cap that name no person; any other is treated as if it did.
_IMPERSONAL = frozenset({"team", "project", "cost_center", "provider", "model"})
HIDDEN = "(not named)"


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
        """A rule's name; operators name rules after people and teams, so these are hidden there too."""
        if rule is None or self._hidden is None:
            return rule
        return self._hidden.sub(HIDDEN, rule)

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
    audience = Audience(names, min_group, {row[0]: row[1] for row in connection.execute(active)})
    hidden = set() if names else _known(connection, period, "name", "principal")
    if min_group > 1:
        teams = _known(connection, period, "team", "team")
        hidden |= {team for team in teams if audience.team(team) != team}
    return replace(audience, _hidden=_pattern(hidden))


def _known(connection: Connection, period: Period, of_people: str, of_ledger: str) -> set[str]:
    listed, seen = select(people.c[of_people]), select(ledger.c[of_ledger]).where(within(period))
    return set(connection.scalars(listed.union(seen)))


def _pattern(words: set[str]) -> re.Pattern[str] | None:
    """Words between letters of others are left: a person called Al does not take the start of `alert`."""
    ordered = sorted((word for word in words if word), key=len, reverse=True)
    if not ordered:
        return None
    return re.compile(rf"(?<![^\W\d_])(?:{'|'.join(map(re.escape, ordered))})(?![^\W\d_])", re.IGNORECASE)
