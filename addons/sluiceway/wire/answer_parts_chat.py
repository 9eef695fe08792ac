"""The model's words in a Chat Completions answer: a completion, or one chunk of its stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sluiceway.wire.answer_parts import AnswerParts, Block, Form, Piece, Said
from sluiceway.wire.fields import items, mapping
from sluiceway.wire.parts import Path

_TEXTS: tuple[tuple[str, Said], ...] = (
    ("content", "text"),
    ("refusal", "text"),
    ("reasoning_content", "reasoning"),
    ("reasoning", "reasoning"),
)


def chat_parts(document: object) -> AnswerParts:
    """Each choice has blocks of its own. Nothing is signed here."""
    pieces: list[Piece] = []
    ended: list[Block] = []
    for number, choice in enumerate(map(mapping, items(mapping(document).get("choices")))):
        index = _number(choice.get("index"), number)
        for name, form in (("delta", "delta"), ("message", "whole")):
            path: Path = ("choices", number, name)
            pieces += _message(
                mapping(choice.get(name)), path, index, "delta" if form == "delta" else "whole"
            )
        if choice.get("finish_reason") is not None:
            ended.append((index,))
    return AnswerParts(tuple(pieces), tuple(ended))


def completion_parts(document: object) -> AnswerParts:
    """The older Completions API: the same field in an answer, which tells its usage, and in a chunk."""
    completion = mapping(document)
    form: Form = "whole" if isinstance(completion.get("usage"), dict) else "delta"
    pieces: list[Piece] = []
    ended: list[Block] = []
    for number, choice in enumerate(map(mapping, items(completion.get("choices")))):
        index = _number(choice.get("index"), number)
        if isinstance(text := choice.get("text"), str):
            pieces.append(Piece(("choices", number, "text"), text, (index, "text"), form))
        if choice.get("finish_reason") is not None:
            ended.append((index,))
    return AnswerParts(tuple(pieces), tuple(ended))


def _message(message: Mapping[str, Any], path: Path, index: int, form: Form) -> Iterator[Piece]:
    for name, kind in _TEXTS:
        if isinstance(text := message.get(name), str):
            yield Piece((*path, name), text, (index, name), form, kind)
    for number, part in enumerate(
        items(message.get("content"))
    ):  # how Mistral writes content of several kinds
        if isinstance(text := mapping(part).get("text"), str):
            yield Piece((*path, "content", number, "text"), text, (index, "content"), form)
    if isinstance(text := mapping(message.get("audio")).get("transcript"), str):
        yield Piece((*path, "audio", "transcript"), text, (index, "audio"), form)
    yield from _called(message.get("function_call"), (*path, "function_call"), (index, "function"), form)
    for number, call in enumerate(map(mapping, items(message.get("tool_calls")))):
        block = (index, "tool", _number(call.get("index"), number))
        where = (*path, "tool_calls", number)
        yield from _called(call.get("function"), (*where, "function"), block, form)
        if isinstance(text := mapping(call.get("custom")).get("input"), str):
            yield Piece((*where, "custom", "input"), text, block, form, "tool_arguments")


def _called(function: object, path: Path, block: Block, form: Form) -> Iterator[Piece]:
    if isinstance(text := mapping(function).get("arguments"), str):
        yield Piece((*path, "arguments"), text, block, form, "tool_arguments", json_text=True)


def _number(value: object, otherwise: int) -> int:
    return value if isinstance(value, int) else otherwise
