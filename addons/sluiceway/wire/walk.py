"""Walks all of a request's document: lists every piece of text in it, and writes it with some replaced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluiceway.errors import WireError
from sluiceway.wire import attachment, json_text
from sluiceway.wire.parts import FIELDS, NAME, OTHER, SAME, Path, Place, Segment, place, place_of, rest_of
from sluiceway.wire.words import MIN_CHARACTERS, PLAIN_NUMBERS, WORDS

LONG_NUMBER = 10**8  # nine digits: a social security number
_LEAN = frozenset({"other", "tool_definition", "identifier"})
_NO_CHANGES: Mapping[Path, str] = {}

type Parts = Mapping[str, Place]
"""The place of each top-level field that a dialect knows; any other is OTHER."""


def segments(document: Mapping[str, Any], parts: Parts) -> tuple[Segment, ...]:
    """Every piece of text in the document, in its order."""
    walk = _Walk(_NO_CHANGES)
    walk.document(document, parts)
    return tuple(walk.found)


def rewritten(document: Mapping[str, Any], parts: Parts, changes: Mapping[Path, str]) -> Mapping[str, Any]:
    """The document with the texts at these paths replaced: the same object if nothing differs.

    Raises WireError where a path leads to no text, or to one that is fixed."""
    walk = _Walk(changes)
    found = walk.document(document, parts)
    if changes.keys() - {segment.path for segment in walk.found}:
        raise WireError("a text to be replaced is not in the request")
    return found


class _Walk:
    """One pass. Each method returns what it was given, unless something in it was replaced."""

    __slots__ = ("_changes", "found")

    def __init__(self, changes: Mapping[Path, str]) -> None:
        self.found: list[Segment] = []
        self._changes = changes

    def document(self, document: Mapping[str, Any], parts: Parts) -> Mapping[str, Any]:
        changed: dict[str, Any] = {}
        names: dict[str, str] = {}
        for name, child in document.items():
            got = self._value(child, (name,), parts.get(name, OTHER))
            if got is not child:
                changed[name] = got
            if name not in parts:
                self._name(name, (name,), OTHER, names)
        return _merged(document, changed, names)

    def _value(self, value: Any, path: Path, there: Place) -> Any:
        if isinstance(value, str):
            return self._text(value, path, there)
        if isinstance(value, dict):
            return self._block(value, path, there) if there.blocks else self._free(value, path, there)
        if isinstance(value, list):
            return self._list(value, path, there)
        if type(value) is int and not -LONG_NUMBER < value < LONG_NUMBER:
            return self._number(value, path, there)
        return value

    def _list(self, value: list[Any], path: Path, there: Place) -> list[Any]:
        changed: dict[int, Any] = {}
        for index, child in enumerate(value):
            if type(child) is int and -LONG_NUMBER < child < LONG_NUMBER:
                continue  # a token of an embedding's input: there may be a hundred thousand
            got = self._value(child, (*path, index), there)
            if got is not child:
                changed[index] = got
        return [changed.get(index, child) for index, child in enumerate(value)] if changed else value

    def _free(self, value: dict[str, Any], path: Path, there: Place) -> Mapping[str, Any]:
        """An object whose fields are the client's own: arguments, schemas, metadata."""
        changed: dict[str, Any] = {}
        names: dict[str, str] = {}
        for name, child in value.items():
            below = (*path, name)
            if len(name) >= MIN_CHARACTERS and name not in WORDS:
                self._name(name, below, there, names)
            got = self._value(child, below, there)
            if got is not child:
                changed[name] = got
        return _merged(value, changed, names)

    def _block(self, value: dict[str, Any], path: Path, around: Place) -> Mapping[str, Any]:
        """A message, a content block, an item: an object whose fields the protocols name."""
        around = place_of(value, around)
        if not around.blocks:
            return self._free(value, path, around)
        changed: dict[str, Any] = {}
        names: dict[str, str] = {}
        for name, child in value.items():
            below = (*path, name)
            rule = FIELDS.get(name)
            if rule is None:
                self._name(name, below, around, names)
                got = self._field(name, child, below, around)
            else:
                there = around if rule is SAME else rule
                ...
        return _merged(value, changed, names)
