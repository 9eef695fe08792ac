"""Secrets and personal data that requests carried: by kind, by team, over time, and what was turned away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import orjson
from sqlalchemy import and_, func, or_, select

from sluiceway.report import chart
from sluiceway.report.measures import ledger, within
from sluiceway.report.model import Attention, GuardState, Weight
from sluiceway.report.section import Context, Section
from sluiceway.report.text import plural, visible

BLOCKED, UNSCANNED = "guard_blocked", "guard_failed"
SECRET = "SECRET"  # noqa: S105 - the type of all credentials
CLASSES = ("secrets", "personal data", "the company’s own")
_SHOWN = 25
_TEAMS = 40

_row = ledger.c


@dataclass(frozen=True, slots=True)
class Found:
    """One type of finding. `requests` had at least one of it, `blocked` of them were turned away."""

    type: str
    kind: str
    findings: int
    requests: int
    blocked: int
    bar: float


@dataclass(frozen=True, slots=True)
class Team:
    """`findings` are in the order of CLASSES; `requests` had any."""

    team: str
    requests: int
    findings: tuple[int, int, int]
    blocked: int
    unscanned: int


@dataclass(frozen=True, slots=True)
class Findings:
    """`findings` and the values of `steps` are in the order of CLASSES. `unscanned` requests were turned away
    because they could not be scanned."""

    state: GuardState | None
    requests: int
    findings: tuple[int, int, int]
    blocked: int
    unscanned: int
    types: tuple[Found, ...]
    more_types: int
    teams: tuple[Team, ...]
    step_name: str
    dates: str
    steps: tuple[tuple[str, tuple[int, int, int]], ...]
    drawing: chart.Stacked

    @property
    def anything(self) -> bool:
        return bool(self.requests or self.blocked or self.unscanned)


@dataclass(frozen=True, slots=True)
class _Group:
    """Equal rows: same counts, team, step and ending."""

    counts: Mapping[str, int]
    team: str
    step: int
    refusal: str | None
    rows: int


class _Tally:
    """Adds groups up."""

    def __init__(self, personal: frozenset[str] | None, steps: int) -> None:
        self._personal = personal
        self.requests = self.blocked = self.unscanned = 0
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

    def add(self, group: _Group, team: str) -> None:
        blocked = group.rows if group.refusal == BLOCKED else 0
        unscanned = group.rows if group.refusal == UNSCANNED else 0
        carriers = group.rows if group.counts else 0
        self.requests += carriers
        self.blocked += blocked
        self.unscanned += unscanned
        of_team = self.teams.setdefault(team, Counter())
        of_team.update(requests=carriers, blocked=blocked, unscanned=unscanned)
        for type_, count in group.counts.items():
            kind = self.kind(type_)
            self.found[type_] += count * group.rows
            self.carriers[type_] += group.rows
            self.stopped[type_] += blocked
            self.steps[kind][group.step] += count * group.rows
            of_team[CLASSES[kind]] += count * group.rows


def load(context: Context) -> Findings:
    line, state = context.timeline, context.guard
    tally = _Tally(state.personal if state else None, line.steps)
    for group in _groups(context):
        tally.add(group, context.audience.team(group.team))
    types = sorted(tally.found, key=lambda each: (tally.kind(each), -tally.found[each], each))
    largest = max(tally.found.values(), default=1)
    shown = [
        Found(
            each,
            CLASSES[tally.kind(each)],
            tally.found[each],
            tally.carriers[each],
            tally.stopped[each],
            tally.found[each] / largest,
        )
        for each in types[:_SHOWN]
    ]
    sums = [sum(values) for values in tally.steps]
    secrets, personal, own = tally.steps
    return Findings(
        _shown(context, state),
        tally.requests,
        (sums[0], sums[1], sums[2]),
        tally.blocked,
        tally.unscanned,
        tuple(shown),
        len(types) - len(shown),
        _teams(tally),
        line.step_name,
        line.dates,
        tuple(zip(line.labels, zip(secrets, personal, own, strict=True), strict=True)),
        chart.stacked(line.labels, tally.steps, lambda value: f"{value:,}"),
    )


def _groups(context: Context) -> Iterator[_Group]:
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
        yield _Group(counts, row.team, row.step_no, row.refusal_code, row.rows)


def _teams(tally: _Tally) -> tuple[Team, ...]:
    """Those with most findings first, and what they have in common beyond the largest."""
    teams = [
        Team(
            name,
            each["requests"],
            (each[CLASSES[0]], each[CLASSES[1]], each[CLASSES[2]]),
            each["blocked"],
            each["unscanned"],
        )
        for name, each in tally.teams.items()
    ]
    return tuple(sorted(teams, key=lambda team: (-sum(team.findings), -team.requests, team.team))[:_TEAMS])


def _shown(context: Context, state: GuardState | None) -> GuardState | None:
    if state is None:
        return None
    rules = tuple(context.audience.words(rule) for rule in state.rules)
    return GuardState(rules, state.model, state.warning, state.personal)


def attention(data: Findings) -> Sequence[Attention]:
    found: list[Attention] = []
    secrets = next((each for each in data.types if each.type == SECRET), None)
    if secrets is not None:
        went_on = secrets.requests - secrets.blocked
        stopped = plural(secrets.blocked, "request was", "requests were")
        detail = f"{plural(secrets.findings, 'finding')}; {stopped} turned away, {went_on:,} went on, masked"
        detail += " where a rule says so."
        headline = f"{plural(secrets.requests, 'request')} carried secrets"
        found.append(Attention(Weight.LOOK, headline, detail, "guard"))
    if data.unscanned:
        headline = f"{plural(data.unscanned, 'request')} could not be scanned"
        detail = "They were turned away, because a rule that masks or blocks lets nothing pass unscanned."
        found.append(Attention(Weight.LOOK, headline, detail, "guard"))
    if data.state and data.state.rules and data.state.warning:
        headline = "No model recognises names of people"
        sentence = data.state.warning[:1].upper() + data.state.warning[1:]
        found.append(Attention(Weight.LOOK, headline, visible(sentence), "guard"))
    return found


SECTION = Section("guard", "Secrets and personal data", load, attention)
