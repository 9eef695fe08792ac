"""Training: a linear model with a softmax over the features, in plain Python, the same numbers every time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from math import exp, sqrt

from sluiceway.policy.task.features import features
from sluiceway.policy.task.kinds import KINDS
from sluiceway.policy.task.weights import BIAS, UNIT, Weights
from tests.tasks.eval.examples import Example

ROUNDS = 15
RATE = 0.1
DECAY = 0.03  # how much of a weight each round of its examples takes back
WORDING_IN = 2  # examples a word has to stand in; in fewer it says more of the example than of the task
SIGNALS = ("C:", "H:", "S:", "X:", "B:", "Y:", "T:", "F:", "Q:", "P:")

type Keep = Callable[[str], bool]


def everything(_: str) -> bool:
    return True


def is_signal(name: str) -> bool:
    """Whether a feature is one of those a person named, not of the wording."""
    return name.startswith(SIGNALS)


def train(
    examples: Sequence[Example],
    keep: Keep = everything,
    rounds: int = ROUNDS,
    decay: float = DECAY,
    rate: float = RATE,
) -> Weights:
    """The weights, rounded as they ship. AdaGrad over the examples, in an order that is always the same."""
    found = [
        {name: value for name, value in features(example.signals).items() if keep(name)}
        for example in examples
    ]
    asked = [example.signals.head for example in examples]
    different = {(name, text) for each, text in zip(found, asked, strict=True) for name in each}
    seen = Counter(name for name, _ in different)
    rows = [
        [(name, value) for name, value in each.items() if is_signal(name) or seen[name] >= WORDING_IN]
        + [(BIAS, 1.0)]
        for each in found
    ]
    weights = {name: [0.0] * len(KINDS) for row in rows for name, _ in row}
    squares = {name: [1e-6] * len(KINDS) for name in weights}
    labels = [KINDS.index(example.task) for example in examples]
    for number in range(rounds):
        for index in _order(len(rows), number):
            _step(rows[index], labels[index], weights, squares, rate, decay)
    return {name: tuple(round(weight * UNIT) for weight in row) for name, row in weights.items()}


def _order(length: int, number: int) -> list[int]:
    """A permutation that depends on the round alone: a stride that shares no factor with the length."""
    stride = 7919 + 2 * number
    while any(length % factor == 0 and stride % factor == 0 for factor in range(2, length + 1)):
        stride += 1
    return [(number + index * stride) % length for index in range(length)]


def _step(
    row: Sequence[tuple[str, float]],
    label: int,
    weights: dict[str, list[float]],
    squares: dict[str, list[float]],
    rate: float,
    decay: float,
) -> None:
    sums = [sum(weights[name][kind] * value for name, value in row) for kind in range(len(KINDS))]
    highest = max(sums)
    powers = [exp(each - highest) for each in sums]
    total = sum(powers)
    errors = [power / total - (kind == label) for kind, power in enumerate(powers)]
    for name, value in row:
        weight, square = weights[name], squares[name]
        for kind, error in enumerate(errors):
            slope = error * value + decay * weight[kind]
            square[kind] += slope * slope
            weight[kind] -= rate * slope / sqrt(square[kind])
