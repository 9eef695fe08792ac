"""Reading a YAML file that a person wrote: a checked model, or every mistake with its line and column.

`load_model` is what other rooms call. `load_document` is for lists joined from several files: it keeps
the places, so that a mistake found after joining still points into the right file.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ValidationError

from sluiceway.errors import ConfigError
from sluiceway.settings import yaml_nodes
from sluiceway.settings.problems import explain
from sluiceway.settings.sentences import show
from sluiceway.settings.yaml_nodes import Loc, Place, Problem, Tree

MAX_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML file and where everything stands in it. `name` is the path as messages show it."""

    name: str
    tree: Tree

    def where(self, loc: Loc) -> str:
        """`path:line:column` of a value, or of the nearest value around it that exists."""
        place = self._place(Problem(loc, ""))
        return f"{self.name}:{place.line}:{place.column}"

    def read[M: BaseModel](self, model: type[M]) -> M:
        """The document as `model`. Raises ConfigError with all problems, one a line, in file order."""
        found = list(self.tree.problems)
        broken = [problem.loc for problem in found]
        try:
            result = model.model_validate(self.tree.value)
        except ValidationError as error:
            # A value that could not be read at all is not reported a second time as "wrong type".
            found += [p for p in explain(error, model, self.tree.value) if p.loc not in broken]
        if found:
            raise self.error(found)
        return result

    def error(self, problems: Iterable[Problem]) -> ConfigError:
        """Problems as one ConfigError, a line each, in file order."""
        placed = sorted(((self._place(problem), problem) for problem in problems), key=lambda pair: pair[0])
        return ConfigError("\n".join(self._line(place, problem) for place, problem in placed))

    def _line(self, place: Place, problem: Problem) -> str:
        about = f"{show(problem.loc)}: " if problem.loc else "the file "
        return f"{self.name}:{place.line}:{place.column}: {about}{problem.text}"

    def _place(self, problem: Problem) -> Place:
        if problem.place is not None:
            return problem.place
        if problem.at_key and (place := self.tree.keys_at.get(problem.loc)) is not None:
            return place
        nearest = (problem.loc[:end] for end in range(len(problem.loc), -1, -1))
        return next((self.tree.values_at[loc] for loc in nearest if loc in self.tree.values_at), Place(1, 1))


def load_model[M: BaseModel](path: Path, model: type[M]) -> M:
    """The file as `model`. Raises ConfigError: all problems of the file, one a line."""
    return load_document(path).read(model)


def load_document(path: Path) -> Document:
    """The file's values and places, not yet checked against a model. Raises ConfigError."""
    name = shown(path)
    text = _text(path, name)
    try:
        tree = yaml_nodes.read(text)
    except yaml_nodes.UnreadableError as error:
        place = error.place
        raise ConfigError(f"{name}:{place.line}:{place.column}: the file {error}") from None
    if tree.value is None and not tree.problems:
        raise ConfigError(f"{name}:1:1: the file is empty")
    return Document(name, tree)


def shown(path: Path) -> str:
    """The path as a message shows it: relative to the working folder when below it."""
    whole = Path(os.path.abspath(path))
    try:
        return str(whole.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(whole)


def _text(path: Path, name: str) -> str:
    try:
        if path.is_dir():
            raise ConfigError(f"{name}: is a folder; name the file in it")
        if path.exists() and not path.is_file():
            raise ConfigError(f"{name}: is not a regular file")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(f"{name}: no such file") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a usable path"
        raise ConfigError(f"{name}: cannot be read: {reason}") from None
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{name}: is larger than {MAX_BYTES:,} bytes, the limit for a rules file")
    return _decoded(data, name)


def _decoded(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        raise ConfigError(f"{name}:{line}:{column}: the file is not UTF-8; save it as UTF-8") from None
