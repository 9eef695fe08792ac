"""Classes of difference, what they mean, and the two sides of a comparison."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sluiceway.report.bills.formats import FEES
from sluiceway.report.bills.line import Line
from sluiceway.report.bills.ours import Group, Sums


class Class(StrEnum):
    """Why two figures differ. The first three are harmless: they add up to nothing, or to no money."""

    TIME_BOUNDARY = "time boundary"
    ROUNDING = "rounding"
    TOOL_FEES = "tool fees"
    CANCELLED = "cancelled"
    ESTIMATED = "estimated"
    UNKNOWN_PRICE = "unknown price"
    PRICE = "price difference"
    UNMETERED = "unmetered paths"
    ELSEWHERE = "not through the proxy"
    ONLY_OURS = "not in the export"


HARMLESS = frozenset({Class.TIME_BOUNDARY, Class.ROUNDING, Class.TOOL_FEES})
MEANING: Mapping[Class, str] = {
    Class.TIME_BOUNDARY: "counted on the day before or after; the days together agree",
    Class.ROUNDING: "the export's amounts are rounded",
    Class.TOOL_FEES: "the export lists fees apart that the ledger has in its requests' cost",
    Class.CANCELLED: "the client hung up, and what the provider made meanwhile is an estimate here",
    Class.ESTIMATED: "answers that were cut; their end is an estimate here",
    Class.UNKNOWN_PRICE: "no price was known; add it to rules/prices.yaml and run `sluiceway ledger reprice`",
    Class.PRICE: "same tokens, other money: a contract, a discount, or a price list that is out of date",
    Class.UNMETERED: "requests that passed without being metered may have caused it",
    Class.ELSEWHERE: "used with the company's account, but not through Sluiceway",
    Class.ONLY_OURS: "in the ledger, not in the export: another account's key, or only a part was exported",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One explained part: the provider's figures less ours, by kind."""

    group: Group
    why: Class
    amounts: Mapping[str, int]


@dataclass(slots=True)
class Compared:
    """`totals` are (theirs, ours) of each kind that both sides tell; `keys` are the provider's names of the
    keys or workspaces that used what did not come through the proxy."""

    groups: int = 0
    equal: int = 0
    totals: dict[str, tuple[int, int]] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    keys: dict[str, int] = field(default_factory=dict)

    def left(self, kind: str) -> int:
        """How much of a kind is neither equal nor harmless, added up whatever its sign."""
        return sum(abs(each.amounts.get(kind, 0)) for each in self.differences if each.why not in HARMLESS)

    def within(self, tolerance: float) -> bool:
        """Whether what is left is at most this share (0 to 1) of what the provider says, of every kind."""
        return all(
            self.left(kind) <= tolerance * max(abs(theirs), 1)
            for kind, (theirs, _) in self.totals.items()
            if kind != "requests"
        )


@dataclass(slots=True)
class Theirs:
    """The export's lines of one group."""

    figures: Sums = field(default_factory=dict)
    rounding_nusd: int = 0
    keys: dict[str, int] = field(default_factory=dict)

    def add(self, line: Line) -> None:
        for kind, value in line.figures.items():
            self.figures[kind] = self.figures.get(kind, 0) + value
        self.rounding_nusd += -(-line.unit_nusd // 2)
        if line.key is not None:
            used = line.figures.get("input_tokens", 0) + line.figures.get("output_tokens", 0)
            self.keys[line.key] = self.keys.get(line.key, 0) + (used or line.figures.get("cost_nusd", 0))

    def join(self, other: Theirs) -> None:
        for mine, theirs in ((self.figures, other.figures), (self.keys, other.keys)):
            for name, value in theirs.items():
                mine[name] = mine.get(name, 0) + value
        self.rounding_nusd += other.rounding_nusd


def gathered(lines: Iterable[Line]) -> tuple[dict[Group, Theirs], bool]:
    """The lines by group, and whether each service tier is apart: only where every line names its tier."""
    read: dict[Group, list[Theirs]] = {}
    for line in lines:
        mine = read.setdefault((line.day, line.model, line.tier), [Theirs()])
        mine[0].add(line)
    by_tier = all(tier is not None or model == FEES for _, model, tier in read)
    found: dict[Group, Theirs] = {}
    for (day, model, tier), (each,) in read.items():
        group = day, model, (tier or "standard") if by_tier else None
        found.setdefault(group, Theirs()).join(each)
    return found, by_tier
