"""The weights that ship: how much each feature speaks for each kind, in hundredths, learned from the examples
in tests/tasks/eval by `make train-tasks`. One line for each feature: its name, a tab, four whole numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from math import exp
from pathlib import Path

from sluiceway.policy.task.kinds import KINDS

FILE = Path(__file__).with_name("weights.tsv")
BIAS = "bias"  # holds for every text
UNIT = 100  # a weight of 1.0 as it is written

type Weights = Mapping[str, tuple[int, ...]]


@cache
def shipped() -> Weights:
    """Read once; the file is part of the package."""
    return read(FILE.read_text(encoding="utf-8").splitlines())


def read(lines: Iterable[str]) -> Weights:
    """The weights of a file's lines."""
    rows = (line.rsplit("\t", len(KINDS)) for line in lines)
    return {name: tuple(map(int, numbers)) for name, *numbers in rows}


def written(weights: Weights) -> str:
    """The file's text, features in order."""
    return "".join(
        f"{name}\t" + "\t".join(map(str, weights[name])) + "\n"
        for name in sorted(weights)
        if any(weights[name])
    )


def probabilities(found: Mapping[str, float], weights: Weights) -> tuple[float, ...]:
    """How likely each kind is, in the order of KINDS."""
    known = [(value, row) for name, value in found.items() if (row := weights.get(name)) is not None]
    known.append((1.0, weights.get(BIAS, (0,) * len(KINDS))))
    sums = [sum([value * row[index] for value, row in known]) for index in range(len(KINDS))]
    highest = max(sums)
    powers = [exp((each - highest) / UNIT) for each in sums]
    total = sum(powers)
    return tuple(power / total for power in powers)
