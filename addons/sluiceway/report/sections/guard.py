"""Secrets and personal data that requests carried: by kind, by team, over time, and what was turned away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sluiceway.report import chart
from sluiceway.report.findings import CLASSES, SECRET, Tally, groups
from sluiceway.report.model import Attention, GuardState, Weight
from sluiceway.report.section import Context, Section
from sluiceway.report.text import plural, visible

_SHOWN = 25
_TEAMS = 40


@dataclass(frozen=True, slots=True)
class Found:
    """One type of finding. `requests` had at least one of it, `stopped` of them were turned away, for it or
    for another reason."""

    type: str
    kind: str
    findings: int
    requests: int
    stopped: int
    bar: float


@dataclass(frozen=True, slots=True)
class Team:
    """`findings` are in the order of CLASSES; `requests` had any."""

    team: str
    requests: int
    findings: tuple[int, int, int]
    blocked: int
    unscanned: int
    passed: int


@dataclass(frozen=True, slots=True)
class Findings:
    """`findings` and the values of `steps` are in the order of CLASSES. `unscanned` requests were turned away
    because they could not be scanned, `passed` ones went on unscanned, as their rules allow."""

    state: GuardState | None
    requests: int
    findings: tuple[int, int, int]
    blocked: int
    unscanned: int
    passed: int
    types: tuple[Found, ...]
    more_types: int
    teams: tuple[Team, ...]
    step_name: str
    dates: str
    steps: tuple[tuple[str, tuple[int, int, int]], ...]
    drawing: chart.Stacked

    @property
    def anything(self) -> bool:
        return bool(self.requests or self.blocked or self.unscanned or self.passed)


def load(context: Context) -> Findings:
    line, state = context.timeline, context.guard
    tally = Tally(state.personal if state else None, line.steps)
    for group in groups(context):
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
        tally.passed,
        tuple(shown),
        len(types) - len(shown),
        _teams(tally),
        line.step_name,
        line.dates,
        tuple(zip(line.labels, zip(secrets, personal, own, strict=True), strict=True)),
        chart.stacked(line.labels, tally.steps, lambda value: f"{value:,}"),
    )


def _teams(tally: Tally) -> tuple[Team, ...]:
    """Those with most findings first, and what they have in common beyond the largest."""
    teams = [
        Team(
            name,
            each["requests"],
            (each[CLASSES[0]], each[CLASSES[1]], each[CLASSES[2]]),
            each["blocked"],
            each["unscanned"],
            each["passed"],
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
        went_on = secrets.requests - secrets.stopped
        detail = (
            f"{plural(secrets.findings, 'finding')}; {secrets.stopped:,} of the requests reached no "
            f"provider, {went_on:,} went on, masked where a rule says so."
            if went_on
            else f"{plural(secrets.findings, 'finding')}; none of it reached a provider."
        )
        headline = f"{plural(secrets.requests, 'request')} carried secrets"
        found.append(Attention(Weight.LOOK, headline, detail, "guard"))
    if data.unscanned:
        headline = f"{plural(data.unscanned, 'request')} could not be scanned"
        detail = "They were turned away, because a rule that masks or blocks lets nothing pass unscanned."
        found.append(Attention(Weight.LOOK, headline, detail, "guard"))
    if data.passed:
        headline = f"{plural(data.passed, 'request')} went on without having been scanned"
        detail = "Only rules that count were asked, and they let a request pass when scanning fails."
        found.append(Attention(Weight.LOOK, headline, detail, "guard"))
    if data.state and data.state.rules and data.state.warning:
        headline = "No model recognises names of people"
        sentence = data.state.warning[:1].upper() + data.state.warning[1:]
        found.append(Attention(Weight.LOOK, headline, visible(sentence), "guard"))
    return found


SECTION = Section("guard", "Secrets and personal data", load, attention)
