"""Walks all of a request's document: lists every piece of text in it, and writes it with some replaced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluiceway.errors import WireError
from sluiceway.wire import attachment, json_text
from sluiceway.wire.parts import NAME, OTHER, Path, Place, Segment, fields_of, place, place_of
from sluiceway.wire.words import MIN_CHARACTERS, PLAIN_NUMBERS, WORDS

LONG_NUMBER = 10**8  # nine digits: a social security number
_NO_CHANGES: Mapping[Path, str] = {}
_ENCODED = frozenset({"arguments", "bytes", "data", "file_data", "result"})

type Parts = Mapping[str, Place]
"""The place of each top-level field that a dialect knows; any other is OTHER."""


def segments(document: Mapping[str, Any], parts: Parts) -> tuple[Segment, ...]:
    """Every piece of text in the document, in its order."""
    walk = _Walk(_NO_CHANGES)
    walk.document(document, parts)
    return tuple(walk.found)


def rewritten(document: Mapping[str, Any], parts: Parts, changes: Mapping[Path, str]) -> Mapping[str, Any]:
    """The document with the texts at these paths replaced: the same object if nothing differs.

    Raises WireError where a path leads to no text, or to one that is fixed, and for a text with half a
    surrogate pair, which JSON cannot hold."""
    try:
        "".join(changes.values()).encode()
    except UnicodeEncodeError:
        raise WireError("a replacement is not a text that JSON can hold") from None
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
        return self._object(document, (), parts, OTHER)

    def _value(self, value: Any, path: Path, there: Place) -> Any:
        if isinstance(value, str):
            return self._text(value, path, there)
        if isinstance(value, dict):
            return self._object(value, path, *fields_of(place_of(value, there) if there.blocks else there))
        if isinstance(value, list):
            return self._list(value, path, there)
        if type(value) is int and not -LONG_NUMBER < value < LONG_NUMBER:
            return self._number(value, path, there)
        return value

    def _object(self, value: Mapping[str, Any], path: Path, fields: Parts, rest: Place) -> Mapping[str, Any]:
        changed: dict[str, Any] = {}
        names: dict[str, str] = {}
        for name, child in value.items():
            there = fields.get(name)
            if there is None:
                there = rest
                if len(name) >= MIN_CHARACTERS and name not in WORDS:
                    self._name(name, path, rest, names)
            if child is None or (there.lean and isinstance(child, str) and _says_nothing(child)):
                continue
            if name in _ENCODED and fields and isinstance(child, str):
                got = self._encoded(value, name, child, (*path, name), there)
            else:
                got = self._value(child, (*path, name), there)
            if got is not child:
                changed[name] = got
        return _merged(value, changed, names) if changed or names else value

    def _name(self, name: str, path: Path, there: Place, names: dict[str, str]) -> None:
        got = self._found((*path, name, NAME), name, there)
        if got is not name:
            names[name] = got

    def _list(self, value: list[Any], path: Path, there: Place) -> list[Any]:
        changed: dict[int, Any] = {}
        for index, child in enumerate(value):
            if type(child) is int and -LONG_NUMBER < child < LONG_NUMBER:
                continue  # a token of an embedding's input: there may be a hundred thousand
            got = self._value(child, (*path, index), there)
            if got is not child:
                changed[index] = got
        return [changed.get(index, child) for index, child in enumerate(value)] if changed else value

    def _number(self, value: int, path: Path, there: Place) -> int | str:
        """A number long enough to be an account, a card or a telephone. Replaced, it becomes a string."""
        if path[-1] in PLAIN_NUMBERS:
            return value
        written = str(value)
        got = self._found(path, written, there)
        return value if got is written else got

    def _encoded(self, block: Mapping[str, Any], name: str, text: str, path: Path, there: Place) -> str:
        """A string in a field that the protocols name: some of these are JSON, some base64."""
        if name == "arguments":
            return self._json(text, path, there, every=True)
        return self._text(text, path, there, attachment.declared(block, name))

    def _text(self, text: str, path: Path, there: Place, media_type: str | None = None) -> str:
        if not text or (there.lean and _says_nothing(text)):
            return text
        if media_type is not None or text.startswith("data:"):
            attached = attachment.read(text, media_type)
            if attached is not None:
                return self._attachment(text, attached, path, there)
        if json_text.hides(text):
            return self._json(text, path, there, every=False)
        return self._found(path, text, there)

    def _attachment(self, text: str, attached: attachment.Attachment, path: Path, there: Place) -> str:
        if attached.text is None:
            self._found(path, "", place(there.role, "media", fixed=True))
            return text
        got = self._text(attached.text, path, there)
        return text if got is attached.text else attached.written(got)

    def _json(self, text: str, path: Path, there: Place, every: bool) -> str:
        pieces = json_text.pieces(text, every)
        if pieces is None:  # looked at as a whole, which could not be written back
            self._found(path, json_text.plain(text), place(there.role, there.kind, fixed=True))
            return text
        changed: list[tuple[json_text.Piece, str]] = []
        for index, piece in enumerate(pieces):
            got = self._piece(piece, (*path, index), there)
            if got is not piece.text:
                changed.append((piece, got))
        return json_text.written(text, changed) if changed else text

    def _piece(self, piece: json_text.Piece, path: Path, there: Place) -> str:
        if piece.form == "literal":
            return self._text(piece.text, path, there)
        if piece.form == "name" and _says_nothing(piece.text):
            return piece.text
        return self._found(path, piece.text, there)

    def _found(self, path: Path, text: str, there: Place) -> str:
        """Lists a text; returns what replaces it, the same object if nothing does."""
        self.found.append(Segment(path, text, there.role, there.kind, there.fixed))
        new = self._changes.get(path, text) if self._changes else text
        if new == text:
            return text
        if there.fixed:
            raise WireError("a part that is signed or no text cannot be replaced")
        return new


def _says_nothing(text: str) -> bool:
    return len(text) < MIN_CHARACTERS or text in WORDS


def _merged(value: Mapping[str, Any], changed: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    merged = {names.get(name, name): changed.get(name, child) for name, child in value.items()}
    if len(merged) < len(value):
        raise WireError("two fields of an object would get the same name")
    return merged
