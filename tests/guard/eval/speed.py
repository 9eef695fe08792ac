"""`python -m tests.guard.eval.speed`: what scanning costs, for messages, sources and hostile texts, and how
many false alarms sources and lock files give.

Figures of CPU time in milliseconds, for people to read; no test asserts them.
"""

from __future__ import annotations

import base64
import os
import statistics
import sysconfig
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from sluiceway.guard.patterns import PROFILES, Profile
from sluiceway.guard.scan import scan
from tests.guard.eval.corpus import read
from tests.guard.test_scan import HOSTILE

MESSAGE_CHARACTERS = 10_000
HOSTILE_CHARACTERS = 100_000
ROUNDS = 40
ASKED_MESSAGE_MS, ASKED_HOSTILE_MS, ASKED_FINDINGS = 3, 50, 5
ROOT = Path(__file__).parents[3]


def cpu_ms(text: str, profile: Profile) -> float:
    """CPU time of one scan in milliseconds."""
    start = time.process_time_ns()
    scan(text, profile)
    return (time.process_time_ns() - start) / 1e6


def sources() -> dict[str, list[Path]]:
    """What is code or generated, so that nearly every finding in it is a false alarm."""
    packages = Path(pytest.__file__).parents[1]
    library = Path(sysconfig.get_paths()["stdlib"])
    return {
        "Sluiceway's sources": sorted((ROOT / "addons").rglob("*.py")),
        "the standard library": sorted(library.glob("*.py")),
        "installed packages": sorted(packages.glob("*/*.py"))[:1500],
        "requirements.lock": [ROOT / "requirements.lock"],
    }


def findings_per_100_kb(files: Iterable[Path]) -> tuple[float, int]:
    """Findings, and the KB that were looked at."""
    size = found = 0
    for file in files:
        text = file.read_text(encoding="utf-8", errors="replace")
        size += len(text)
        found += len(scan(text, "inline"))
    return (found * 100_000 / size if size else 0.0), size // 1000


def main() -> None:
    """Print the median per 10 KB message, and the slowest hostile texts of 100 KB (best of three)."""
    print(f"false alarms per 100 KB (asked: at most {ASKED_FINDINGS})")
    for name, files in sources().items():
        rate, size_kb = findings_per_100_kb(files)
        print(f"  {name:24}{rate:8.2f}   of {size_kb:,} KB")
    prose = "\n".join(line.text for line in read())
    source = (Path(sysconfig.get_paths()["stdlib"]) / "argparse.py").read_text()
    lock = (ROOT / "requirements.lock").read_text()
    licence = (ROOT / "LICENSE").read_text()
    for profile in PROFILES:
        asked = f" (asked: under {ASKED_MESSAGE_MS})" if profile == "inline" else ""
        print(f"\n{profile}: median CPU ms per 10 KB{asked}")
        for name, text in (
            ("prose", licence),
            ("labelled corpus", prose),
            ("Python source", source),
            ("lock file", lock),
        ):
            message = (text * 2)[:MESSAGE_CHARACTERS]
            print(f"  {name:24}{statistics.median(cpu_ms(message, profile) for _ in range(ROUNDS)):8.2f}")
        asked = f" (asked: under {ASKED_HOSTILE_MS})" if profile == "inline" else ""
        print(f"{profile}: CPU ms per 100 KB of hostile text{asked}, slowest first")
        figures = {name: min(cpu_ms(text, profile) for _ in range(3)) for name, text in HOSTILE.items()}
        # RE2 learns a text it has seen before; nobody sends the same one twice.
        figures["base64, each time new"] = statistics.median(cpu_ms(_base64(), profile) for _ in range(9))
        for name, figure in sorted(figures.items(), key=lambda item: -item[1])[:8]:
            print(f"  {name:24}{figure:8.2f}")


def _base64() -> str:
    return base64.b64encode(os.urandom(HOSTILE_CHARACTERS * 3 // 4)).decode()


if __name__ == "__main__":
    main()
