"""The scanners of a deployment, from its recognizers.yaml: the one place of the guard that reads a file."""

from __future__ import annotations

from pathlib import Path

from sluiceway.content import folder
from sluiceway.guard.company import Recognizers, finder
from sluiceway.guard.ner import Status, find_names, status
from sluiceway.guard.patterns import Profile
from sluiceway.guard.scan import BUILT_IN, TYPES, Finder, Scanner
from sluiceway.settings.yaml_file import load_document
from sluiceway.settings.yaml_nodes import Problem

NOTHING = Recognizers(version=1)


def load_recognizers(path: Path | None = None) -> Recognizers:
    """The file, or the shipped one. Raises ConfigError with every mistake's line."""
    document = load_document(path or folder("rules") / "recognizers.yaml")
    recognizers = document.read(Recognizers)
    known = TYPES | {rule.name for rule in BUILT_IN}
    unknown = [
        Problem(("disabled", index), f"no built-in type or rule is named {name!r}")
        for index, name in enumerate(recognizers.disabled)
        if name not in known
    ]
    if unknown:
        raise document.error(unknown)
    return recognizers


def scanner(profile: Profile, recognizers: Recognizers = NOTHING) -> Scanner:
    """The detectors of a profile. For audit a spaCy model is loaded where one is installed, which takes
    seconds. Raises ConfigError when the model that `recognizers` names is not installed."""
    finders: list[Finder] = [finder(each) for each in recognizers.recognizers if profile in each.profiles]
    if profile == "audit" and (names := find_names(recognizers.ner)) is not None:
        finders.append(names)
    return Scanner(profile, finders, frozenset(recognizers.disabled))


def ner_status(recognizers: Recognizers = NOTHING) -> Status:
    """Whether the audit profile recognises names by a model, and what to say loudly when it does not."""
    return status(recognizers.ner)
