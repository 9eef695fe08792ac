"""What the shipped model is compared with: the same signals, weighed by hand instead of learned."""

from __future__ import annotations

from collections.abc import Mapping

from sluiceway.policy.task.kinds import KINDS
from sluiceway.policy.task.vocabulary import SPEAKS_FOR
from sluiceway.policy.task.weights import UNIT, Weights

_CODE = (
    "code_fence inline_code stack_trace diff log statement sql command file_name path identifier "
    "typed_brackets"
)
_CUES: Mapping[str, float] = {"C:": 1.0, "H:": 0.5, "F:": 1.5}
_SHAPES: Mapping[str, Mapping[str, float]] = {
    "coding": dict.fromkeys((f"S:{name}" for name in _CODE.split()), 2.0)
    | {"X:coding_client": 1.5, "X:coding_tools": 1.5, "X:coding_system": 1.5},
    "reasoning": {
        "S:percent": 1.0,
        "S:many_numbers": 1.0,
        "S:some_numbers": 0.5,
        "S:money": 0.5,
        "S:formula": 1.0,
    },
    "creative": {"S:in_character": 1.5},
    "other": {"S:few_words": 0.5, "S:quotation": 0.5, "Q:none but other": 1.0},
}


def by_hand() -> Weights:
    """Weights of the form that ships: each cue for the kind it speaks for, each shape for its own."""
    rows: dict[str, list[float]] = {}

    def add(name: str, kind: str, weight: float) -> None:
        row = rows.setdefault(name, [0.0] * len(KINDS))
        row[[*KINDS].index(kind)] += weight * UNIT  # type: ignore[arg-type]  # one of them

    for cue, kind in SPEAKS_FOR.items():
        for letter, weight in _CUES.items():
            add(letter + cue, kind, weight)
    for kind in KINDS:
        add(f"Y:{kind}", kind, 1.0)
        add(f"B:{kind}", kind, 1.0)
        for name, weight in _SHAPES[kind].items():
            add(name, kind, weight)
    return {name: tuple(round(weight) for weight in row) for name, row in rows.items()}
