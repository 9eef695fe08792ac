"""`python -m tests.tasks.eval.train`: makes the weights that ship anew (`make train-tasks`)."""

from __future__ import annotations

from sluiceway.policy.task.weights import FILE, written
from tests.tasks.eval.examples import learned
from tests.tasks.eval.training import train


def main() -> None:
    """Write weights.tsv and say how large it is."""
    examples = learned()
    text = written(train(examples))
    FILE.write_text(text, encoding="utf-8")
    size_kb = len(text.encode()) / 1000
    print(f"{FILE.name}: {text.count(chr(10)):,} features from {len(examples):,} prompts, {size_kb:.0f} KB")


if __name__ == "__main__":
    main()
