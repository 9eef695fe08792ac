"""How well a task is told when 20 KB are pasted after or before what is asked, and how much of it to look at.

Held-out prompts keep their label: whoever writes "translate this" above code wants a translation.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from sluiceway.policy.task.signals import HEAD, TAIL
from sluiceway.policy.task.weights import shipped
from tests.tasks.eval.examples import Example, read
from tests.tasks.eval.measure import guesses, score

BOUNDS = ((900, 400), (600, 400), (HEAD, TAIL), (300, 200))  # characters of the start and of the end
PASTED_CHARACTERS = 20_000
ROOT = Path(__file__).parents[3]


def main() -> None:
    """Print the macro-F1 for each way to paste and each bound."""
    examples, pastes = read("heldout"), _pastes()
    print("\n| looked at | " + " | ".join(f"{where} {name}" for name in pastes for where in WHERE) + " |")
    print("|---|" + "---|" * (len(pastes) * len(WHERE)))
    for bounds in BOUNDS:
        cells = [
            f"{score(guesses(_pasted(examples, source, where, bounds), shipped())).macro_f1:.3f}"
            for source in pastes.values()
            for where in WHERE
        ]
        mark = " (shipped)" if bounds == (HEAD, TAIL) else ""
        print(f"| {bounds[0]} and {bounds[1]}{mark} | " + " | ".join(cells) + " |")


WHERE = ("above", "below")


def _pasted(
    examples: Sequence[Example], source: str, where: str, bounds: tuple[int, int]
) -> Iterator[Example]:
    order, (head, tail) = random.Random(1), bounds
    for example in examples:
        asked = example.signals.head
        at = order.randrange(len(source) - PASTED_CHARACTERS)
        paste = source[at : at + PASTED_CHARACTERS]
        text = f"{asked}\n\n{paste}" if where == "above" else f"{paste}\n\n{asked}"
        yield replace(example, signals=replace(example.signals, head=text[:head], tail=text[-tail:]))


def _pastes() -> dict[str, str]:
    """English prose and Python as they stand in this repository, and a server's log."""
    levels = ("INFO", "WARN", "ERROR")
    log = (
        f"2026-11-29 10:{n // 60 % 60:02}:{n % 60:02} {levels[n % 3]} worker-{n % 9} took {n * 13 % 900} ms"
        for n in range(2000)
    )
    return {
        "prose": _joined("docs/decisions", "*.md"),
        "code": _joined("addons/sluiceway/wire", "*.py"),
        "a log": "\n".join(log),
    }


def _joined(folder: str, pattern: str) -> str:
    return "\n\n".join(path.read_text("utf-8") for path in sorted((ROOT / folder).glob(pattern)))
