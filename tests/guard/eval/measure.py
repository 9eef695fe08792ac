"""Recall and precision per type: how much of the corpus the guard finds, and what it finds wrongly."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from sluiceway.guard.patterns import Profile
from sluiceway.guard.scan import scan
from sluiceway.types import Finding
from tests.guard.eval.corpus import AUDIT_ONLY, Label, Line


@dataclass(slots=True)
class Score:
    """Counts of one type. A label is found when a finding of its type covers at least nine tenths of it;
    a finding is wrong when it overlaps no label of its type."""

    labels: int = 0
    found: int = 0
    wrong: int = 0
    missed_lines: list[int] = field(default_factory=list)
    wrong_lines: list[int] = field(default_factory=list)

    @property
    def recall(self) -> float:
        return self.found / self.labels if self.labels else 1.0

    @property
    def precision(self) -> float:
        return self.found / (self.found + self.wrong) if self.found + self.wrong else 1.0


def measure(lines: Iterable[Line], profile: Profile) -> dict[str, Score]:
    """The scores of every type that is labelled or found, and of all together (`ALL`)."""
    scores: dict[str, Score] = defaultdict(Score)
    for line in lines:
        labels = [each for each in line.labels if profile == "audit" or each.type not in AUDIT_ONLY]
        findings = scan(line.text, profile)
        for label in labels:
            _count(scores, label.type, line.number, any(_covers(finding, label) for finding in findings))
        for finding in findings:
            if not any(_touches(finding, label) for label in labels):
                for name in (finding.type, "ALL"):
                    scores[name].wrong += 1
                    scores[name].wrong_lines.append(line.number)
    return dict(scores)


def _count(scores: dict[str, Score], type: str, line: int, found: bool) -> None:
    for name in (type, "ALL"):
        scores[name].labels += 1
        scores[name].found += found
        if not found:
            scores[name].missed_lines.append(line)


def _covers(finding: Finding, label: Label) -> bool:
    shared = min(finding.end, label.end) - max(finding.start, label.start)
    return finding.type == label.type and shared >= 0.9 * (label.end - label.start)


def _touches(finding: Finding, label: Label) -> bool:
    return finding.type == label.type and finding.start < label.end and label.start < finding.end
