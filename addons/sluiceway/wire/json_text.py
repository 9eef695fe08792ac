"""JSON that stands in a string: cut into its literals and what is between, so that no escape hides a text.

Nothing is parsed, so broken, truncated and ambiguous JSON (models write all three) is cut like any other, and
all that is not changed stays as it was written, byte for byte.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

import orjson

# A string literal, whose end may be missing; or a number as long as a card's or a telephone's.
_PIECE = re.compile(r'"(?P<body>[^"\\]*+(?:\\.[^"\\]*+)*+)"?|(?<![\w.+-])-?\d{9,}(?![\w.])', re.DOTALL)
_HIDING = re.compile(r"\\[bfnrtu]")  # what would be read as a letter of the text beside it
_FOREIGN = re.compile(r"[^\s{}\[\]:,\d.eE+\-truefalsn]")
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
    """Whether the text looks like a JSON object or list in which an escape may hide something."""
    return text.lstrip()[:1] in ("{", "[") and _HIDING.search(text) is not None


def pieces(text: str, every: bool) -> list[Piece]:
    """The pieces of a JSON text. `every`: each literal and each long number is one, and what is between only
    where it is no JSON. Otherwise only literals with an escape are, and all between them."""
    found: list[Piece] = []
    begin = 0
    for match in _PIECE.finditer(text):
        body = match["body"]
        if not every and (body is None or not _HIDING.search(body)):
            continue
        _between(found, text, begin, match.start(), every)
        begin = match.end()
        if body is None:
            found.append(Piece(match.start(), begin, match[0], "number"))
        else:
            form: Literal["name", "literal"] = "name" if _AFTER_NAME.match(text, begin) else "literal"
            found.append(Piece(match.start(), begin, _decoded(body), form))
    _between(found, text, begin, len(text), every)
    return found


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
    if start == end or (every and not _FOREIGN.search(text, start, end)):
        return
    found.append(Piece(start, end, text[start:end], "between"))


def _decoded(body: str) -> str:
    if "\\" not in body:
        return body
    try:
        return str(orjson.loads(f'"{body}"'))
    except orjson.JSONDecodeError:  # a bare line end, an unknown escape, half a surrogate pair
        plain = _ESCAPE.sub(_character, body)
        return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _character(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16)) if escape[1] else _NAMED.get(escape[2], escape[2])
