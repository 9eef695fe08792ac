"""The model's words in a Gemini answer, whole or one piece of its stream: both have the same form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sluiceway.wire.answer_parts import AnswerParts, Block, Piece, arguments
from sluiceway.wire.fields import items, mapping
from sluiceway.wire.parts import Path


def gemini_parts(document: object) -> AnswerParts:
    """The text of a candidate is one block, in however many parts it comes. Thoughts may be signed."""
    pieces: list[Piece] = []
    ended: list[Block] = []
    for number, candidate in enumerate(map(mapping, items(mapping(document).get("candidates")))):
        given = candidate.get("index")
        index = given if isinstance(given, int) else number
        for place, part in enumerate(items(mapping(candidate.get("content")).get("parts"))):
            path: Path = ("candidates", number, "content", "parts", place)
            pieces += _part(mapping(part), path, index)
        if candidate.get("finishReason") is not None:
            ended.append((index,))
    return AnswerParts(tuple(pieces), tuple(ended))


def _part(part: Mapping[str, Any], path: Path, index: int) -> Iterator[Piece]:
    if isinstance(text := part.get("text"), str):
        if part.get("thought") is True:
            yield Piece((*path, "text"), text, (index, "thought"), "delta", "reasoning", fixed=True)
        else:
            yield Piece((*path, "text"), text, (index, "text"), "delta")
    called = mapping(part.get("functionCall"))
    yield from arguments(called.get("args"), (*path, "functionCall", "args"), (index, "call"))
    if isinstance(code := mapping(part.get("executableCode")).get("code"), str):
        yield Piece((*path, "executableCode", "code"), code, (index, "code"), "whole", "tool_arguments")
