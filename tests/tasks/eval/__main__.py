"""`python -m tests.tasks.eval`: what the shipped weights achieve, in the tables of docs/task-types.md
(`make eval-tasks`). `--errors` also prints each prompt that is told wrongly."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from sluiceway.policy.task.classify import SURE_ENOUGH
from sluiceway.policy.task.kinds import KINDS
from sluiceway.policy.task.weights import shipped
from tests.tasks.eval import pasted, speed
from tests.tasks.eval.examples import Example, Part, learned, read
from tests.tasks.eval.heuristic import by_hand
from tests.tasks.eval.measure import Guess, coverage, guesses, score
from tests.tasks.eval.training import everything, is_signal, train

PARTS: tuple[Part, ...] = ("train", "heldout", "unseen")
MEASURED: tuple[Part, ...] = ("heldout", "unseen")
THRESHOLDS = (0.0, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


def main() -> None:
    """Print everything as Markdown."""
    prompts = {part: read(part) for part in PARTS}
    print("| part | prompts |" + "".join(f" {kind} |" for kind in KINDS))
    print("|---|---|" + "---|" * len(KINDS))
    for part in PARTS:
        counts = [sum(each.task == kind for each in prompts[part]) for kind in KINDS]
        print(f"| {part} | {len(prompts[part])} |" + "".join(f" {count} |" for count in counts))
    _compare(prompts)
    found = {part: guesses(prompts[part], shipped()) for part in MEASURED}
    for part in MEASURED:
        _matrix(part, found[part])
    _languages(found)
    _coverage(found)
    pasted.main()
    speed.main()
    if "--errors" in sys.argv:
        for part in MEASURED:
            _errors(part, found[part])


def _compare(prompts: dict[Part, list[Example]]) -> None:
    def wording(name: str) -> bool:
        return not is_signal(name)

    print("\n| macro-F1 | heldout | unseen |\n|---|---|---|")
    hand = by_hand()
    for name, weights, keep in (
        ("signals, weighed by hand", hand, is_signal),
        ("signals, weights learned", train(learned(), is_signal), is_signal),
        ("wording alone, learned", train(learned(), wording), wording),
        ("both, learned (shipped)", shipped(), everything),
    ):
        scores = [score(guesses(prompts[part], weights, keep)).macro_f1 for part in MEASURED]
        print(f"| {name} |" + "".join(f" {each:.3f} |" for each in scores))


def _matrix(part: Part, found: Sequence[Guess]) -> None:
    result = score(found)
    print(f"\n| {part}: is, told as | " + " | ".join(KINDS) + " | F1 |")
    print("|---|" + "---|" * (len(KINDS) + 1))
    for kind in KINDS:
        cells = " | ".join(str(result.matrix[kind, other]) for other in KINDS)
        print(f"| {kind} | {cells} | {result.f1(kind):.3f} |")
    print(f"\nmacro-F1 {result.macro_f1:.3f}")


def _languages(found: dict[Part, list[Guess]]) -> None:
    print("\n| language | heldout prompts | macro-F1 | unseen prompts | macro-F1 |\n|---|---|---|---|---|")
    for lang in sorted({guess.example.lang for each in found.values() for guess in each}):
        cells = []
        for part in MEASURED:
            own = [guess for guess in found[part] if guess.example.lang == lang]
            cells += [str(len(own)), f"{score(own).macro_f1:.2f}" if own else "-"]
        print(f"| {lang} | " + " | ".join(cells) + " |")


def _coverage(found: dict[Part, list[Guess]]) -> None:
    print("\n| threshold | heldout: named | right | unseen: named | right |\n|---|---|---|---|---|")
    for threshold in THRESHOLDS:
        cells = [f"{share:.1%}" for part in MEASURED for share in coverage(found[part], threshold)]
        mark = " (shipped)" if threshold == SURE_ENOUGH else ""
        print(f"| {threshold:.1f}{mark} | " + " | ".join(cells) + " |")


def _errors(part: Part, found: Sequence[Guess]) -> None:
    print(f"\n{part}, told wrongly:")
    for guess in found:
        if not guess.right:
            text = guess.example.signals.head[:90].replace("\n", " ")
            told = f"{guess.example.task}, told {guess.kind} {guess.confidence:.2f}"
            print(f"  line {guess.example.line}: {told}: {text}")


if __name__ == "__main__":
    main()
