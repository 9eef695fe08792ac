"""`python -m tests.guard.eval`: recall and precision per class for both profiles (`make eval-guard`)."""

from __future__ import annotations

from sluiceway.guard.patterns import PROFILES
from tests.guard.eval.corpus import read
from tests.guard.eval.measure import Score, measure


def main() -> None:
    """Print a table per profile, and the corpus lines to look at."""
    lines = read()
    print(f"{len(lines)} lines, {sum(len(line.labels) for line in lines)} labels")
    for profile in PROFILES:
        print(f"\n{profile:22}{'labels':>8}{'recall':>9}{'precision':>11}   lines missed | wrong")
        for name, score in sorted(measure(lines, profile).items()):
            print(_row(name, score))


def _row(name: str, score: Score) -> str:
    missed = " ".join(map(str, score.missed_lines[:8])) if name != "ALL" else ""
    wrong = " ".join(map(str, score.wrong_lines[:8])) if name != "ALL" else ""
    notes = f"{missed} | {wrong}" if missed or wrong else ""
    return f"{name:22}{score.labels:8}{score.recall:9.3f}{score.precision:11.3f}   {notes}"


if __name__ == "__main__":
    main()
