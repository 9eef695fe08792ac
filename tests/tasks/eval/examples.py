"""The labelled prompts: three files, each written apart from the others (docs/task-types.md)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sluiceway.policy.task.signals import Kind, Signals, signals

type Part = Literal["train", "heldout", "unseen"]

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled request. `line` is where it stands in its file."""

    task: Kind
    lang: str
    signals: Signals
    line: int


def read(part: Part) -> list[Example]:
    """All of a part, in its order."""
    lines = (FOLDER / f"{part}.jsonl").read_text(encoding="utf-8").splitlines()
    return [_example(json.loads(line), number) for number, line in enumerate(lines, 1)]


def _example(row: dict[str, object], line: int) -> Example:
    task, lang = row.pop("task"), row.pop("lang")
    tools = tuple(row.pop("tools", ()))  # type: ignore[call-overload]  # a list of names in the file
    return Example(task, str(lang), signals(tools=tools, **row), line)  # type: ignore[arg-type]  # as written
