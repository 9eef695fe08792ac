"""JSON that stands in a string: cut into its literals and what is between, so that no escape hides a text.

Nothing is parsed, so broken, truncated and ambiguous JSON (models write all three) is cut like any other, and
all that is not changed stays as it was written, byte for byte.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

import orjson

MAX_PIECES = 4096  # no tool call has so many; a request made to keep us busy has
_PUNCTUATION = " \t\r\n{}[]:,"
# A string literal, whose end may be missing; or a number as long as a card's or a telephone's.
_PIECE = re.compile(r'"(?P<body>[^"\\]*+(?:\\.[^"\\]*+)*+)"?|(?<![\w.+-])-?\d{9,}(?![\w.])', re.DOTALL)
# What would be read as a letter of the text beside it. After an escaped backslash it is an escape one level
# further down, if this is JSON inside JSON.
_HIDING = re.compile(r"\\[bfnrtu]")
# What may stand between literals if the text is JSON; a long number is a piece of its own.
_SOUND = re.compile(
    r"(?:[\s{}\[\]:,]|-?\d{1,8}(?:\.\d+)?(?:[eE][+-]?\d+)?(?=\s*(?:[,}\]]|\Z))|true|false|null)*+"
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_NAMED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_AFTER_NAME = re.compile(r"\s*:")


class Piece(NamedTuple):
    """A stretch of JSON text, from `start` up to `end`, and the `text` it stands for."""

    start: int
    end: int
    text: str
    form: Literal["literal", "name", "number", "between"]


def hides(text: str) -> bool:
    """Whether the text looks like JSON in which an escape may hide something."""
    return text.lstrip()[:1] in ("{", "[", '"') and _HIDING.search(text) is not None


def pieces(text: str, every: bool) -> list[Piece] | None:
    """The pieces of a JSON text, None if they are too many. `every`: each literal and each long number is a
    piece, and what is between where it is no JSON. Otherwise literals with an escape, and all between."""
    found: list[Piece] = []
    begin = 0
    for match in _PIECE.finditer(text):
        body = match["body"]
        if not every and (body is None or not _HIDING.search(body)):
            continue
        _between(found, text, begin, match.start(), every)
        if len(found) > MAX_PIECES:
            return None
        begin = match.end()
        if body is None:
            found.append(Piece(match.start(), begin, match[0], "number"))
        else:
            form: Literal["name", "literal"] = "name" if _AFTER_NAME.match(text, begin) else "literal"
            found.append(Piece(match.start(), begin, _decoded(body), form))
    _between(found, text, begin, len(text), every)
    return found


def plain(text: str) -> str:
    """The text with all its escapes read, for want of its pieces."""
    readable = _ESCAPE.sub(_character, text)
    return readable.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def written(text: str, changed: list[tuple[Piece, str]]) -> str:
    """The JSON text with these pieces (in order) replaced: literals and numbers by proper literals."""
    parts: list[str] = []
    begin = 0
    for piece, new in changed:
        encoded = new if piece.form == "between" else orjson.dumps(new).decode()
        parts += [text[begin : piece.start], encoded]
        begin = piece.end
    return "".join([*parts, text[begin:]])


def _between(found: list[Piece], text: str, start: int, end: int, every: bool) -> None:
    stretch = text[start:end]
    if not stretch.strip(_PUNCTUATION) or (every and _SOUND.fullmatch(stretch)):
        return
    found.append(Piece(start, end, stretch, "between"))


def _decoded(body: str) -> str:
    if "\\" not in body:
        return body
    try:
        return str(orjson.loads(f'"{body}"'))
    except orjson.JSONDecodeError:  # a bare line end, an unknown escape, half a surrogate pair
        return plain(body)


def _character(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16)) if escape[1] else _NAMED.get(escape[2], escape[2])
