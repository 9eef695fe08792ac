"""The model's words in an Anthropic answer: a Message, or one event of its stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sluiceway.wire.answer_parts import ALL, NOTHING, AnswerParts, Piece, Said, arguments
from sluiceway.wire.fields import items, mapping
from sluiceway.wire.parts import Path

_DELTAS: dict[object, tuple[str, Said]] = {
    "text_delta": ("text", "text"),
    "input_json_delta": ("partial_json", "tool_arguments"),
    "thinking_delta": ("thinking", "reasoning"),
}


def message_parts(document: object) -> AnswerParts:
    """Thinking is signed, so it is fixed; a cited text is a repetition of what was sent."""
    event = mapping(document)
    match event.get("type"):
        case "content_block_delta":
            return AnswerParts(tuple(_delta(event)))
        case "content_block_start":
            block = mapping(event.get("content_block"))
            return AnswerParts(tuple(_block(block, ("content_block",), event.get("index"))))
        case "content_block_stop":
            return AnswerParts(ended=((_index(event.get("index")),),))
        case "message_delta" | "message_stop" | "error":
            return AnswerParts(ended=ALL)
        case "message":
            found = [
                piece
                for index, block in enumerate(items(event.get("content")))
                for piece in _block(mapping(block), ("content", index), index)
            ]
            return AnswerParts(tuple(found), ALL)
    return NOTHING


def _delta(event: Mapping[str, Any]) -> Iterator[Piece]:
    delta = mapping(event.get("delta"))
    block = (_index(event.get("index")),)
    if delta.get("type") == "citations_delta":
        cited = mapping(delta.get("citation")).get("cited_text")
        if isinstance(cited, str):
            yield Piece(("delta", "citation", "cited_text"), cited, (*block, "cited"), "repeat")
        return
    name, kind = _DELTAS.get(delta.get("type"), ("", "text"))
    text = delta.get(name)
    if isinstance(text, str):
        json_text = kind == "tool_arguments"
        yield Piece(("delta", name), text, block, "delta", kind, json_text, fixed=kind == "reasoning")


def _block(block: Mapping[str, Any], path: Path, index: object) -> Iterator[Piece]:
    key = (_index(index),)
    if isinstance(text := block.get("text"), str):
        yield Piece((*path, "text"), text, key, "whole")
    if isinstance(thinking := block.get("thinking"), str):
        yield Piece((*path, "thinking"), thinking, key, "whole", "reasoning", fixed=True)
    yield from arguments(block.get("input"), (*path, "input"), key)
    for number, citation in enumerate(items(block.get("citations"))):
        if isinstance(cited := mapping(citation).get("cited_text"), str):
            yield Piece((*path, "citations", number, "cited_text"), cited, (*key, "cited"), "repeat")


def _index(value: object) -> int:
    return value if isinstance(value, int) else 0
