"""The labelled prompts: three files, each written apart from the others (docs/task-types.md)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tests.tasks.eval.pastes import LAYOUTS, Folder, filled, grown, laid_out, pastes

from sluiceway.policy.task.kinds import Kind
from sluiceway.policy.task.signals import Signals, signals

type Part = Literal["train", "heldout", "unseen"]

FOLDER = Path(__file__).parent
SIZES = (1_000, 4_000, 20_000)  # characters of a paste, one after the other


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


def learned() -> list[Example]:
    """All that the weights are learned from: prompts alone, the same around pastes, and those about a paste."""
    plain = read("train")
    return [*plain, *_beside_pastes(), *about_pastes("train")]


def _beside_pastes() -> Iterator[Example]:
    """Each prompt of the training part once, above or below another paste."""
    texts = list(pastes("train").values())
    lines = (FOLDER / "train.jsonl").read_text(encoding="utf-8").splitlines()
    for number, row in enumerate(map(json.loads, lines)):
        if "before" in row or "system" in row:
            continue
        paste = grown(texts[number % len(texts)], SIZES[number % len(SIZES)])
        text = laid_out(str(row["text"]), paste, LAYOUTS[number % len(LAYOUTS)])
        yield _example({**row, "text": text}, number + 1)


def about_pastes(folder: Folder) -> list[Example]:
    """The prompts written for pastes, each with every paste that it names."""
    rows = map(json.loads, (FOLDER / f"{folder}_pasted.jsonl").read_text(encoding="utf-8").splitlines())
    return [
        Example(row["task"], row["lang"], signals(filled(row["text"], folder, size, name)), number)
        for number, row in enumerate(rows, 1)
        for size, name in _fillings(row)
    ]


def _fillings(row: Mapping[str, Any]) -> list[tuple[int, str]]:
    """Characters and name of what is put into a template; "" for what the template names."""
    if "pastes" not in row:
        return [(row["kb"] * 1000, "")]
    return [(SIZES[index % len(SIZES)], name) for index, name in enumerate(row["pastes"])]
