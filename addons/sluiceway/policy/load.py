"""Reading rules/policy/*.yaml: the files joined in the order of their names, every mistake reported."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sluiceway.errors import ConfigError
from sluiceway.policy.model import PolicyFile
from sluiceway.policy.policy import KINDS, NO_MODELS, Policy
from sluiceway.settings.models import Models
from sluiceway.settings.yaml_file import Document, load_document, shown
from sluiceway.settings.yaml_nodes import Problem

CATALOGUE = "models.yaml"


@dataclass(frozen=True, slots=True)
class _Part:
    document: Document
    file: PolicyFile


def load_policy(folder: Path) -> Policy:
    """The policy of a `policy/` folder, with the catalogue beside it, if there is one. Raises ConfigError
    with the mistakes of all its files."""
    parts: list[_Part] = []
    errors: list[str] = []
    models = NO_MODELS
    if (catalogue := folder.parent / CATALOGUE).exists():
        try:
            models = Models.load(catalogue)
        except ConfigError as error:
            errors.append(str(error))
    for path in _files(folder):
        try:
            document = load_document(path)
            parts.append(_Part(document, document.read(PolicyFile)))
        except ConfigError as error:
            errors.append(str(error))
    places: dict[str, str] = {}
    errors += [*_collect_names(parts, places), *_second_keys(parts)]
    if errors:
        raise ConfigError("\n".join(errors))
    return Policy(
        budgets=tuple(budget for part in parts for budget in part.file.budgets),
        routes=tuple(rule for part in parts for rule in part.file.routes),
        guard=tuple(rule for part in parts for rule in part.file.guard),
        audit=tuple(rule for part in parts for rule in part.file.audit),
        inject=tuple(rule for part in parts for rule in part.file.inject),
        unknown_keys=next((part.file.keys.unknown for part in parts if part.file.keys), None),
        places=places,
        models=models,
    )


def _files(folder: Path) -> list[Path]:
    """The *.yaml files, by name. A folder without any is a mistake (no rule would be in force), and so
    is *.yml, which would be passed over in silence. Names that start with a dot are editors' own."""
    try:
        visible = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise ConfigError(f"{shown(folder)}: cannot be read: {error.strerror}") from None
    named = [path for path in visible if path.suffix.lower() in (".yaml", ".yml")]
    if wrong := [path for path in named if path.suffix != ".yaml"]:
        raise ConfigError(f"{shown(wrong[0])}: is not read; rename it to {wrong[0].stem}.yaml")
    if not named:
        raise ConfigError(f"{shown(folder)}: holds no .yaml file; write one that starts with 'version: 1'")
    return named


def _collect_names(parts: Sequence[_Part], places: dict[str, str]) -> Iterator[str]:
    """Fill `places` with where each rule's name stands; yield an error for a name used twice."""
    for part in parts:
        for kind in ("budgets", *KINDS):
            for index, rule in enumerate(getattr(part.file, kind)):
                loc = (kind, index, "name")
                if (first := places.get(rule.name)) is None:
                    places[rule.name] = part.document.where(loc)
                    continue
                text = f"'{rule.name}' is used twice (first at {first}); names are unique in all files"
                yield str(part.document.error([Problem(loc, text)]))


def _second_keys(parts: Sequence[_Part]) -> Iterator[str]:
    given = [part for part in parts if part.file.keys is not None]
    for part in given[1:]:
        text = f"is given twice (first at {given[0].document.where(('keys',))}); keep one"
        yield str(part.document.error([Problem(("keys",), text, at_key=True)]))
