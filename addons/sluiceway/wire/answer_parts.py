"""Where in an answer the model's own words stand: in a whole document, or in one event of a stream.

Used to put masked values back into an answer, and to collect its text. What is counted is the taps' business.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from sluiceway.types import Call
from sluiceway.wire.frame_tap import is_frames
from sluiceway.wire.parts import Path
from sluiceway.wire.tap import is_stream

type Block = tuple[str | int, ...]
"""Names a content block within its answer; a longer one lies within the shorter one it begins with."""

type Said = Literal["text", "tool_arguments", "reasoning"]
type Form = Literal[
    "delta",  # one piece of its block's text
    "whole",  # all of it
    "repeat",  # all of it once more, after its deltas
]
type Framing = Literal["events", "array", "document", "frames"]


class Piece(NamedTuple):
    """A string that the model wrote. `json_text`: it is JSON, or a stretch of it. `fixed`: it may be signed,
    so it must reach the client, and come back, as it is."""

    path: Path
    text: str
    block: Block
    form: Form
    kind: Said = "text"
    json_text: bool = False
    fixed: bool = False

    def __repr__(self) -> str:
        """Without the text."""
        return f"Piece({self.kind} {self.form}, {len(self.text)} characters)"


class AnswerParts(NamedTuple):
    """The pieces of one document, in its order, and the blocks that are complete after it: those named, and
    all within them. `((),)`: every block."""

    pieces: tuple[Piece, ...] = ()
    ended: tuple[Block, ...] = ()


NOTHING = AnswerParts()
ALL: tuple[Block, ...] = ((),)


def within(name: str, parts: AnswerParts) -> AnswerParts:
    """The same parts of a document that lies in a field of another."""
    pieces = tuple(piece._replace(path=(name, *piece.path)) for piece in parts.pieces)
    return parts._replace(pieces=pieces)


def is_readable(content_type: str) -> bool:
    """Whether an answer is made of documents at all; a recording holds no text of its own: what it says is in
    the request."""
    return not content_type.lower().startswith("audio/")


def framing(call: Call, content_type: str) -> Framing:
    """How the bytes of an answer carry its documents: as events, as one, as an array (Gemini only), or in
    AWS's binary frames."""
    if call.dialect in ("bedrock_converse", "bedrock_invoke"):
        framed = is_frames(content_type) or (call.stream and "json" not in content_type.lower())
        return "frames" if framed else "document"
    if (
        call.dialect in ("gemini", "gemini_cloudcode")
        and call.stream
        and "event-stream" not in content_type.lower()
    ):
        return "array"
    return "events" if is_stream(call, content_type) else "document"


def strings(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Every string in a JSON value and where it stands, but for the names of fields."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for name, child in value.items():
            yield from strings(child, (*path, name))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from strings(child, (*path, index))


def arguments(value: Any, path: Path, block: Block, form: Form = "whole") -> Iterator[Piece]:
    """The strings of a tool's arguments that come as JSON values."""
    for where, text in strings(value, path):
        yield Piece(where, text, (*block, *where), form, "tool_arguments")


def put(document: Any, path: Path, text: str) -> bool:
    """Replaces the string at a path, in place. Whether that changes it."""
    for step in path[:-1]:
        document = document[step]
    changes = bool(document[path[-1]] != text)
    document[path[-1]] = text
    return changes


def only(value: Any, path: Path, text: str, in_list: bool = False) -> Any:
    """A copy of an event that says nothing but `text`, at the path. Of what lies in a list only what leads
    there is kept, beside numbers and flags: clients join strings, so a name said twice would be another."""
    if not path:
        return text
    step, rest = path[0], path[1:]
    if isinstance(value, list):
        return [only(value[int(step)], rest, text, in_list=True)]
    kept = {name: child for name, child in value.items() if not in_list or isinstance(child, int | None)}
    return {**kept, step: only(value[step], rest, text, in_list)}
