"""The model's words in a Cohere answer: a chat response, or one event of its stream. Nothing is signed here.
(Cohere API reference, Chat v2)"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sluiceway.wire.answer_parts import ALL, AnswerParts, Block, Form, Piece, Said
from sluiceway.wire.fields import items, mapping
from sluiceway.wire.parts import Path

_TEXTS: tuple[tuple[str, Said], ...] = (("text", "text"), ("thinking", "reasoning"))
PLAN: Block = ("plan",)


def chat_parts(document: object) -> AnswerParts:
    """Content blocks and calls are numbered apart, and each has its own end."""
    event = mapping(document)
    kind, index = event.get("type"), event.get("index")
    number = index if isinstance(index, int) else 0
    match kind:
        case "content-start" | "content-delta":
            path: Path = ("delta", "message", "content")
            return AnswerParts(tuple(_content(_at(event, path), path, ("content", number), "delta")))
        case "tool-plan-delta":
            path = ("delta", "message")
            return AnswerParts(tuple(_plan(mapping(_at(event, path)), path, "delta")))
        case "tool-call-start" | "tool-call-delta":
            path = ("delta", "message", "tool_calls")
            return AnswerParts(tuple(_called(_at(event, path), path, ("tool", number), "delta")))
        case "content-end":
            return AnswerParts(ended=(("content", number),))
        case "tool-call-end":
            return AnswerParts(ended=(("tool", number),))
        case "message-end":
            return AnswerParts(ended=ALL)
        case None:
            return AnswerParts(tuple(_message(mapping(event.get("message")))), ALL)
    return AnswerParts()


def _message(message: Mapping[str, Any]) -> Iterator[Piece]:
    for number, block in enumerate(items(message.get("content"))):
        yield from _content(block, ("message", "content", number), ("content", number), "whole")
    yield from _plan(message, ("message",), "whole")
    for number, call in enumerate(items(message.get("tool_calls"))):
        yield from _called(call, ("message", "tool_calls", number), ("tool", number), "whole")


def _content(block: object, path: Path, key: Block, form: Form) -> Iterator[Piece]:
    for name, kind in _TEXTS:
        if isinstance(text := mapping(block).get(name), str):
            yield Piece((*path, name), text, (*key, name), form, kind)


def _plan(message: Mapping[str, Any], path: Path, form: Form) -> Iterator[Piece]:
    if isinstance(text := message.get("tool_plan"), str):
        yield Piece((*path, "tool_plan"), text, PLAN, form)


def _called(call: object, path: Path, key: Block, form: Form) -> Iterator[Piece]:
    if isinstance(text := mapping(mapping(call).get("function")).get("arguments"), str):
        yield Piece((*path, "function", "arguments"), text, key, form, "tool_arguments", json_text=True)


def _at(event: Mapping[str, Any], path: Path) -> object:
    found: object = event
    for name in path:
        found = mapping(found).get(str(name))
    return found
