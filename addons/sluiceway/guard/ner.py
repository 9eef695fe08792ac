"""Named entities by a spaCy model through Presidio, where a model is installed; nothing is ever downloaded.

Presidio and spaCy are imported when a model is first used. Their running time is not bounded as the
detectors' is, so they belong in a worker with a deadline (`worker.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol

from sluiceway.errors import ConfigError
from sluiceway.types import Finding

MISSING = (
    "no spaCy model is installed: the audit profile finds names and addresses by their context only, and "
    "misses many. Install one (for example the package en-core-web-sm) and restart."
)
# Presidio compares all results with each other, so it gets a text in pieces.
PIECE_CHARACTERS = 4_000


class Choice(Protocol):
    """Which model (company.Ner)."""

    @property
    def model(self) -> str: ...
    @property
    def language(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Status:
    """The model in use, or the warning that there is none."""

    model: str | None
    warning: str | None


def installed() -> tuple[str, ...]:
    """The spaCy models that are installed as packages, found without importing spaCy."""
    return tuple(sorted(point.name for point in entry_points(group="spacy_models")))


def status(choice: Choice | None) -> Status:
    """The chosen model, or any installed one. Raises ConfigError when the chosen one is not there."""
    found = _model(choice)
    return Status(found[0], None) if found else Status(None, MISSING)


def find_names(choice: Choice | None) -> Callable[[str], Iterator[Finding]] | None:
    """The recognition of names by a model, loaded now; None where no model is installed."""
    found = _model(choice)
    if found is None:
        return None
    from sluiceway.guard.recognizers import names_by_model

    analyse = names_by_model(*found)

    def find(text: str) -> Iterator[Finding]:
        for start, piece in pieces(text):
            for finding in analyse(piece):
                yield Finding(
                    finding.type, finding.rule, start + finding.start, start + finding.end, finding.score
                )

    return find


def pieces(text: str) -> Iterator[tuple[int, str]]:
    """The text in pieces of bounded length, cut after a line, else after a space, else anywhere."""
    start = 0
    while len(text) - start > PIECE_CHARACTERS:
        limit = start + PIECE_CHARACTERS
        cut = max(text.rfind("\n", start, limit), -1)
        if cut <= start:
            cut = text.rfind(" ", start, limit)
        end = cut + 1 if cut > start else limit
        yield start, text[start:end]
        start = end
    yield start, text[start:]


def _model(choice: Choice | None) -> tuple[str, str] | None:
    """The model's name or folder, and its language."""
    models = installed()
    if choice is None:
        return (models[0], models[0][:2]) if models else None
    if choice.model in models or (Path(choice.model) / "meta.json").is_file():
        return choice.model, choice.language
    raise ConfigError(
        f"the spaCy model {choice.model!r} is not installed, and is not a folder with a model; "
        "install it, or leave 'ner' out of recognizers.yaml (nothing is downloaded)"
    )
