"""`python -m tests.guard.eval.speed`: what scanning costs, for messages, sources and hostile texts.

Figures of CPU time in milliseconds, for people to read; no test asserts them.
"""

from __future__ import annotations

import statistics
import sysconfig
import time
from pathlib import Path

from sluiceway.guard.patterns import PROFILES, Profile
from sluiceway.guard.scan import scan
from tests.guard.eval.corpus import read
from tests.guard.test_scan import HOSTILE

MESSAGE_CHARACTERS = 10_000
ROUNDS = 40


def cpu_ms(text: str, profile: Profile) -> float:
    """CPU time of one scan in milliseconds."""
    start = time.process_time_ns()
    scan(text, profile)
    return (time.process_time_ns() - start) / 1e6


def main() -> None:
    """Print the median per 10 KB message, and the slowest hostile texts of 100 KB (best of three)."""
    prose = "\n".join(line.text for line in read())
    source = (Path(sysconfig.get_paths()["stdlib"]) / "argparse.py").read_text()
    lock = (Path(__file__).parents[3] / "requirements.lock").read_text()
    licence = (Path(__file__).parents[3] / "LICENSE").read_text()
    for profile in PROFILES:
        print(f"\n{profile}: median CPU ms per 10 KB")
        for name, text in (
            ("prose", licence),
            ("labelled corpus", prose),
            ("Python source", source),
            ("lock file", lock),
        ):
            message = (text * 2)[:MESSAGE_CHARACTERS]
            print(f"  {name:24}{statistics.median(cpu_ms(message, profile) for _ in range(ROUNDS)):8.2f}")
        print(f"{profile}: CPU ms per 100 KB of hostile text, slowest first")
        figures = {name: min(cpu_ms(text, profile) for _ in range(3)) for name, text in HOSTILE.items()}
        for name, figure in sorted(figures.items(), key=lambda item: -item[1])[:8]:
            print(f"  {name:24}{figure:8.2f}")


if __name__ == "__main__":
    main()
