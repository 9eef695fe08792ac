"""The audit: on what ground text is kept, how much of it, and everybody who read or asked to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sluiceway.audit.overview import Overview, Reading
from sluiceway.report.audience import Audience, large_enough
from sluiceway.report.model import Attention, AuditRule, AuditState, Weight
from sluiceway.report.section import Context, Section
from sluiceway.report.text import plural

_SHOWN = 100
FEW = "teams with few audited people, told together"
_ENDS_SOON = timedelta(days=30)
# What became of an entry's text, as the audit's records say it -> the column that counts it.
CONTENTS = {
    "sealed": "kept",
    "none": "metadata",
    "withheld_residue": "withheld",
    "withheld_error": "withheld",
    "content_lost": "lost",
}


@dataclass(frozen=True, slots=True)
class Team:
    """Entries of one team, by what became of their text: sealed, never wanted, held back, or lost."""

    team: str
    people: int
    kept: int = 0
    metadata: int = 0
    withheld: int = 0
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Read:
    """A request to read. Who asked and who approved are named; whose text it is only where names are."""

    reading: Reading
    whom: str
    reason: str

    @property
    def state(self) -> str:
        if self.reading.opened_at:
            return "opened"
        return "approved, not opened" if self.reading.approved_by else "waiting for approval"


@dataclass(frozen=True, slots=True)
class Sets:
    """A set of people who can open, first used in the period: (name, role)."""

    at: datetime
    holders: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Audit:
    """`state` None: nobody looked. `ending` are rules that end within a month of the report."""

    state: AuditState | None
    rules: tuple[AuditRule, ...]
    ending: tuple[AuditRule, ...]
    teams: tuple[Team, ...]
    reads: tuple[Read, ...]
    more_reads: int
    sets: tuple[Sets, ...]

    @property
    def in_force(self) -> int:
        return sum(rule.in_force for rule in self.rules)

    @property
    def entries(self) -> int:
        return sum(team.kept + team.metadata + team.withheld + team.lost for team in self.teams)

    @property
    def opened(self) -> int:
        return sum(bool(read.reading.opened_at) for read in self.reads)


def load(context: Context) -> Audit:
    state = context.audit
    if state is None:
        return Audit(None, (), (), (), (), 0, ())
    audience, overview = context.audience, state.overview
    reads = sorted((_read(each, audience) for each in overview.readings), key=lambda read: read.reading.at)
    today = context.generated_at.date()
    rules = tuple(_rule(rule, audience) for rule in state.rules)
    return Audit(
        state,
        rules,
        tuple(rule for rule in rules if rule.in_force and rule.until - today <= _ENDS_SOON),
        _teams(overview, audience),
        tuple(reads[-_SHOWN:]),
        max(0, len(reads) - _SHOWN),
        tuple(
            Sets(at, people)
            for at, people in overview.holders
            if context.period.from_at <= at < context.period.to_at
        ),
    )


def _rule(rule: AuditRule, audience: Audience) -> AuditRule:
    return replace(
        rule,
        name=audience.words(rule.name),
        purpose=audience.words(rule.purpose),
        agreement=audience.words(rule.agreement),
    )


def _read(reading: Reading, audience: Audience) -> Read:
    return Read(reading, audience.person(reading.person), audience.words(reading.reason))


def _teams(overview: Overview, audience: Audience) -> tuple[Team, ...]:
    """Teams with too few audited people are told together, however many people they have. People are counted
    in the team they belong to now."""
    of_person = {kept.person: audience.team(audience.teams.get(kept.person, "")) for kept in overview.kept}
    sizes = Counter(of_person.values())
    named = large_enough(sizes, audience.min_group)
    made: dict[str, Team] = {}
    people: dict[str, set[str]] = {}
    for kept in overview.kept:
        name = of_person[kept.person]
        shown = name if name in named else FEW
        team = made.get(shown, Team(shown, 0))
        people.setdefault(shown, set()).add(kept.person)
        column = CONTENTS.get(kept.content, "lost")
        changes = {column: getattr(team, column) + kept.entries, "people": len(people[shown])}
        made[shown] = replace(team, **changes)
    return tuple(sorted(made.values(), key=lambda team: (-team.kept - team.metadata, team.team)))


def attention(data: Audit) -> Sequence[Attention]:
    found: list[Attention] = []
    if data.opened:
        headline = f"Audit records were opened {'once' if data.opened == 1 else plural(data.opened, 'time')}"
        detail = "Each with a reason and a second person; all of them are listed."
        found.append(Attention(Weight.KNOW, headline, detail, "audit"))
    if lost := sum(team.lost for team in data.teams):
        headline = f"The text of {plural(lost, 'audited request')} was lost"
        detail = "A crash between an answer and its sealing leaves the record without its text."
        found.append(Attention(Weight.LOOK, headline, detail, "audit"))
    wants_text = any(rule.in_force and rule.mode == "redacted" for rule in data.rules)
    if data.state and wants_text and not data.state.can_open:
        headline = "Audited text could not be opened by anybody"
        detail = "An audit rule keeps text, but no two people could open it, so none is kept."
        found.append(Attention(Weight.LOOK, headline, detail, "audit"))
    if data.ending:
        headline = f"{plural(len(data.ending), 'audit rule')} will end within a month"
        found.append(Attention(Weight.KNOW, headline, "After its last day a rule keeps nothing.", "audit"))
    return found


SECTION = Section("audit", "Audit", load, attention, without_traffic=True)
