"""What the guard found, from the ledger: equal rows as one group, and groups added up by type, team, step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import orjson
from sqlalchemy import and_, func, or_, select

from sluiceway.report.measures import ledger, within
from sluiceway.report.section import Context

BLOCKED, UNSCANNED = "guard_blocked", "guard_failed"
# Stands among the findings of a request that a rule let pass although it could not be scanned.
NOT_SCANNED = "NOT_SCANNED"
SECRET = "SECRET"  # noqa: S105 - the type of all credentials
CLASSES = ("secrets", "personal data", "the company’s own")

_row = ledger.c


@dataclass(frozen=True, slots=True)
class Group:
    """Equal rows: same counts, team, step and ending."""

    counts: Mapping[str, int]
    team: str
    step: int
    refusal: str | None
    rows: int
    passed: bool


class Tally:
    """Adds groups up."""

    def __init__(self, personal: frozenset[str] | None, steps: int) -> None:
        self._personal = personal
        self.requests = self.blocked = self.unscanned = self.passed = 0
        self.steps = [[0] * steps for _ in CLASSES]
        self.found: Counter[str] = Counter()
        self.carriers: Counter[str] = Counter()
        self.stopped: Counter[str] = Counter()
        self.teams: dict[str, Counter[str]] = {}

    def kind(self, type_: str) -> int:
        """Where in CLASSES a type belongs. What the detectors do not know is the company's own."""
        if type_ == SECRET:
            return 0
        return 1 if self._personal is None or type_ in self._personal else 2

    def add(self, group: Group, team: str) -> None:
        blocked = group.rows if group.refusal == BLOCKED else 0
        unscanned = group.rows if group.refusal == UNSCANNED else 0
        passed = group.rows if group.passed else 0
        carriers = group.rows if group.counts else 0
        self.requests += carriers
        self.blocked += blocked
        self.unscanned += unscanned
        self.passed += passed
        of_team = self.teams.setdefault(team, Counter())
        of_team.update(requests=carriers, blocked=blocked, unscanned=unscanned, passed=passed)
        for type_, count in group.counts.items():
            kind = self.kind(type_)
            self.found[type_] += count * group.rows
            self.carriers[type_] += group.rows
            self.stopped[type_] += group.rows if group.refusal else 0
            self.steps[kind][group.step] += count * group.rows
            of_team[CLASSES[kind]] += count * group.rows


def groups(context: Context) -> Iterator[Group]:
    """A request that was tried twice was scanned once: only first attempts."""
    rows = context.connection.execute(
        select(
            _row.guard_findings,
            _row.team,
            context.timeline.position.label("step_no"),
            _row.refusal_code,
            func.count().label("rows"),
        )
        .where(
            within(context.period),
            and_(_row.kind == "request", _row.attempt == 1),
            or_(_row.guard_findings != "{}", _row.refusal_code.in_((BLOCKED, UNSCANNED))),
        )
        .group_by(_row.guard_findings, _row.team, "step_no", _row.refusal_code)
    )
    for row in rows:
        counts = {str(type_): int(count) for type_, count in orjson.loads(row.guard_findings).items()}
        passed = bool(counts.pop(NOT_SCANNED, 0))
        yield Group(counts, row.team, row.step_no, row.refusal_code, row.rows, passed)
