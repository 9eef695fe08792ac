"""What sort of work a request is, from its signals alone: no model is asked, nothing is kept.

It helps to choose a model and to see what a company uses AI for. It is no access control: whoever writes the
prompt decides what stands in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from sluiceway.policy.task.features import features
from sluiceway.policy.task.kinds import KINDS, UNKNOWN
from sluiceway.policy.task.signals import Signals, Task
from sluiceway.policy.task.vocabulary import SPEAKS_FOR
from sluiceway.policy.task.weights import Weights, probabilities, shipped

# Below it the kind is not named. Chosen on the held-out prompts (docs/task-types.md, coverage and accuracy).
SURE_ENOUGH = 0.5
MAX_REASONS = 4
NO_TEXT = "no_text"
WORDING = "wording"  # of the words themselves no reason tells
_AROUND: Mapping[str, str] = {"B": "message_before", "Y": "system_prompt", "Q": "number_of_cues"}


def classify(signals: Signals, weights: Weights | None = None) -> Task:
    """The task, how sure that is, and why, in fixed words. The same signals always give the same."""
    if not (signals.head or signals.tail).strip():
        return Task(UNKNOWN, 0.0, (NO_TEXT,))
    weights = shipped() if weights is None else weights
    found = features(signals)
    likely = probabilities(found, weights)
    best = max(range(len(KINDS)), key=likely.__getitem__)
    confidence = round(likely[best], 3)
    kind = KINDS[best] if confidence >= SURE_ENOUGH else UNKNOWN
    return Task(kind, confidence, _reasons(found, weights, best))


def _reasons(found: Mapping[str, float], weights: Weights, best: int) -> tuple[str, ...]:
    """What spoke for the kind more than for the others on average, strongest first."""
    told: dict[str, float] = {}
    for name, value in found.items():
        if (row := weights.get(name)) is not None:
            reason = _reason(name)
            told[reason] = told.get(reason, 0.0) + value * (row[best] - sum(row) / len(row))
    strongest = sorted((reason for reason in told if told[reason] > 0), key=lambda reason: -told[reason])
    return tuple(strongest[:MAX_REASONS])


@cache
def _reason(name: str) -> str:
    """The fixed word for a feature that has a weight: no other is ever asked for, so none is remembered."""
    kind, _, rest = name.partition(":")
    if kind in _AROUND:
        return _AROUND[kind]
    if kind == "P":
        return f"pasted_{rest.partition(' ')[0]}"
    if kind == "T":
        return "topic"
    if kind in "CHF":
        return rest if rest in SPEAKS_FOR else WORDING
    return rest if kind in "SX" else WORDING
