"""Who may be named in a report: people only on request, teams only when they are large enough.

Small teams are told together, and the group they form is itself large enough and never of one team alone:
else what all the named teams leave of a total would be that team's figure. Every section asks the same
Audience, so that no two of them draw the line differently.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, distinct, func, select

from sluiceway.report.measures import ledger, within
from sluiceway.report.model import CapState, Period
from sluiceway.store.tables import discovery, people

# The dimensions of a cap that name no person; any other is treated as if it did.
_IMPERSONAL = frozenset({"team", "project", "cost_center", "provider", "model", "models", "key", "client"})
HIDDEN = "(not named)"
OTHERS = "other teams, told together"


@dataclass(frozen=True, slots=True)
class Audience:
    """What this report may say about whom.

    `named` are the teams that may be named, None: all of them. `teams` says where people belong now.
    """

    names: bool
    min_group: int
    named: frozenset[str] | None = None
    teams: Mapping[str, str] = field(default_factory=dict, repr=False)
    _hidden: re.Pattern[str] | None = field(default=None, repr=False)

    def team(self, team: str) -> str:
        """The team's name, or the fold it belongs to. Nobody's team is said as it is: empty."""
        return team if not team or self.named is None or team in self.named else OTHERS

    def person(self, name: str) -> str:
        """A person, by name only where names are asked for."""
        team = self.team(self.teams.get(name, ""))
        belongs = team if team == OTHERS else f"team {team}" if team else "no team any more"
        return f"{name} ({belongs})" if self.names else f"one person in {belongs}"

    def rule(self, rule: str | None) -> str | None:
        """A rule's name; operators name rules after people and teams, so these are hidden there too."""
        return None if rule is None else self.words(rule)

    def words(self, text: str) -> str:
        """Text that somebody wrote, without the names this report does not say."""
        return text if self._hidden is None else self._hidden.sub(HIDDEN, text)

    def holder(self, cap: CapState) -> str:
        """Whom a cap binds: the company, a team, or a person, who is named only where names are asked for."""
        if not cap.scope:
            return "the whole company"
        return ", ".join(self._part(dimension, value, cap.who) for dimension, value in cap.scope)

    def _part(self, dimension: str, value: str, who: str) -> str:
        if dimension == "team":
            return f"team {value}" if self.team(value) == value else OTHERS
        if dimension in _IMPERSONAL:
            return f"{dimension.removesuffix('s').replace('_', ' ')} {self.words(value)}"
        if dimension == "conversation":
            return "one conversation"  # its name is the client's, and nobody's business
        return replace(self, teams={value: who}).person(value)


def load(connection: Connection, period: Period, *, names: bool, min_group: int) -> Audience:
    listed = {row.name: row.team for row in connection.execute(select(people.c.name, people.c.team))}
    audience = Audience(names, min_group, _named(connection, period, min_group), listed)
    hidden: set[str] = set() if names else set(listed) | _seen(connection, period, "principal")
    if audience.named is not None:
        every = {*listed.values(), *_with_figures(connection, period)}
        hidden |= {team for team in every if audience.team(team) != team}
    return replace(audience, _hidden=_pattern(hidden))


def _named(connection: Connection, period: Period, min_group: int) -> frozenset[str] | None:
    if min_group <= 1:
        return None
    active = (
        select(ledger.c.team, func.count(distinct(ledger.c.principal)))
        .where(within(period), ledger.c.principal_kind == "employee")
        .group_by(ledger.c.team)
    )
    sizes = dict.fromkeys(_with_figures(connection, period), 0)
    sizes |= {row[0]: row[1] for row in connection.execute(active) if row[0]}
    return large_enough(sizes, min_group)


def large_enough(sizes: Mapping[str, int], min_group: int) -> frozenset[str]:
    """The teams that may be named, of all that have figures, with their active people. Teams too small are
    told together; while that is one team alone, or too few people, the next larger one joins them."""
    ordered = sorted(sizes, key=lambda team: (sizes[team], team))
    fold = [team for team in ordered if sizes[team] < min_group]
    for team in ordered[len(fold) :]:
        together = sum(sizes[each] for each in fold)
        if not fold or (len(fold) > 1 and not 0 < together < min_group):
            break
        fold.append(team)
    return frozenset(ordered) - frozenset(fold)


def _with_figures(connection: Connection, period: Period) -> set[str]:
    """Every team that any section has figures of."""
    first, last = period.days
    unread = select(discovery.c.team).distinct().where(discovery.c.day.between(first, last))
    before = _seen(connection, period.previous(), "team")
    return {*_seen(connection, period, "team"), *before, *connection.scalars(unread)} - {""}


def _seen(connection: Connection, period: Period, column: str) -> set[str]:
    return set(connection.scalars(select(ledger.c[column]).distinct().where(within(period))))


def _pattern(words: set[str]) -> re.Pattern[str] | None:
    """Words between letters of others are left: a person called Al does not take the start of `alert`."""
    ordered = sorted((word for word in words if word), key=len, reverse=True)
    if not ordered:
        return None
    return re.compile(rf"(?<![^\W\d_])(?:{'|'.join(map(re.escape, ordered))})(?![^\W\d_])", re.IGNORECASE)
