"""Scores: the confusion matrix, macro-F1, and what share of prompts gets a name at which accuracy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from sluiceway.policy.task.features import features
from sluiceway.policy.task.kinds import KINDS, Kind
from sluiceway.policy.task.weights import Weights, probabilities
from tests.tasks.eval.examples import Example

type Keep = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Guess:
    """The likeliest kind of an example, whatever the threshold, and how likely."""

    example: Example
    kind: Kind
    confidence: float

    @property
    def right(self) -> bool:
        return self.kind == self.example.task


@dataclass(slots=True)
class Score:
    """Guesses added up."""

    matrix: Counter[tuple[Kind, Kind]] = field(default_factory=Counter)

    @property
    def macro_f1(self) -> float:
        """The mean of the kinds' F1, over those that occur."""
        present = [kind for kind in KINDS if any(self.matrix[kind, other] for other in KINDS)]
        return sum(self.f1(kind) for kind in present) / len(present)

    def f1(self, kind: Kind) -> float:
        """Twice what is right, over what was asked and what was said."""
        asked = sum(self.matrix[kind, other] for other in KINDS)
        said = sum(self.matrix[other, kind] for other in KINDS)
        return 2 * self.matrix[kind, kind] / (asked + said) if asked + said else 0.0


def guesses(examples: Iterable[Example], weights: Weights, keep: Keep | None = None) -> list[Guess]:
    """One for each example; `keep`: only these features count."""
    return [_guess(example, weights, keep) for example in examples]


def _guess(example: Example, weights: Weights, keep: Keep | None) -> Guess:
    found = features(example.signals)
    if keep is not None:
        found = {name: value for name, value in found.items() if keep(name)}
    likely = probabilities(found, weights)
    best = max(range(len(KINDS)), key=likely.__getitem__)
    return Guess(example, KINDS[best], likely[best])


def score(found: Iterable[Guess]) -> Score:
    """The confusion matrix of guesses."""
    return Score(Counter((guess.example.task, guess.kind) for guess in found))


def coverage(found: Sequence[Guess], threshold: float) -> tuple[float, float]:
    """The share of examples that get a name at a threshold, and how many of those names are right."""
    named = [guess for guess in found if guess.confidence >= threshold]
    return len(named) / len(found), sum(guess.right for guess in named) / len(named) if named else 0.0
