"""The model's words in Bedrock's answers: Converse's, and those of each vendor's body at InvokeModel.

The event of a Converse stream is looked at with its name around it, `{"contentBlockDelta": {...}}`, as Nova's
own body writes it too. (AWS, Bedrock API reference, ConverseStreamOutput; user guide, "Inference request
parameters and response fields for foundation models")
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sluiceway.wire.answer_parts import ALL, NOTHING, AnswerParts, Block, Form, Piece, arguments
from sluiceway.wire.answer_parts_anthropic import message_parts
from sluiceway.wire.answer_parts_chat import chat_parts
from sluiceway.wire.fields import items, mapping
from sluiceway.wire.parts import Path

_LAST = ("messageStop", "metadata")
# Where a text body has its text, and what says that it was the last of it.
_TEXTS = (("generation", "stop_reason"), ("completion", "stop_reason"), ("outputText", "completionReason"))
_LISTS = (("outputs", "text"), ("results", "outputText"))


def converse_parts(document: object) -> AnswerParts:
    """Reasoning is signed, so it is fixed."""
    answer = mapping(document)
    if delta := mapping(answer.get("contentBlockDelta")):
        return AnswerParts(tuple(_delta(delta)))
    if (stop := answer.get("contentBlockStop")) is not None:
        return AnswerParts(ended=((_index(mapping(stop)),),))
    if any(name in answer for name in _LAST):
        return AnswerParts(ended=ALL)
    content = items(mapping(mapping(answer.get("output")).get("message")).get("content"))
    found = [piece for index, block in enumerate(content) for piece in _block(mapping(block), index)]
    return AnswerParts(tuple(found), ALL)


def _delta(event: Mapping[str, Any]) -> Iterator[Piece]:
    block, path = (_index(event),), ("contentBlockDelta", "delta")
    delta = mapping(event.get("delta"))
    if isinstance(text := delta.get("text"), str):
        yield Piece((*path, "text"), text, block, "delta")
    if isinstance(value := mapping(delta.get("toolUse")).get("input"), str):
        yield Piece((*path, "toolUse", "input"), value, block, "delta", "tool_arguments", json_text=True)
    if isinstance(thought := mapping(delta.get("reasoningContent")).get("text"), str):
        where = (*path, "reasoningContent", "text")
        yield Piece(where, thought, block, "delta", "reasoning", fixed=True)


def _block(block: Mapping[str, Any], index: int) -> Iterator[Piece]:
    path: Path = ("output", "message", "content", index)
    if isinstance(text := block.get("text"), str):
        yield Piece((*path, "text"), text, (index,), "whole")
    yield from arguments(mapping(block.get("toolUse")).get("input"), (*path, "toolUse", "input"), (index,))
    thought = mapping(mapping(block.get("reasoningContent")).get("reasoningText")).get("text")
    if isinstance(thought, str):
        where = (*path, "reasoningContent", "reasoningText", "text")
        yield Piece(where, thought, (index,), "whole", "reasoning", fixed=True)


def invoke_parts(document: object) -> AnswerParts:
    """By the answer's shape, as nothing else says whose body it is."""
    answer = mapping(document)
    if "type" in answer and "completion" not in answer:
        return message_parts(answer)
    if "choices" in answer:
        return chat_parts(answer)
    for name, last in _TEXTS:
        if isinstance(text := answer.get(name), str):
            ended = ALL if answer.get(last) is not None else ()
            return AnswerParts((Piece((name,), text, (name,), "delta"),), ended)
    for name, inner in _LISTS:
        if isinstance(answer.get(name), list):
            return _listed(answer, name, inner)
    if "event_type" in answer or "generation_id" in answer:
        return _cohere(answer)
    return converse_parts(answer) if "output" in answer or _is_event(answer) else NOTHING


def _is_event(answer: Mapping[str, Any]) -> bool:
    return any(name in answer for name in ("contentBlockDelta", "contentBlockStop", *_LAST))


def _listed(answer: Mapping[str, Any], name: str, inner: str) -> AnswerParts:
    pieces: list[Piece] = []
    ended: list[Block] = []
    for number, each in enumerate(map(mapping, items(answer.get(name)))):
        if isinstance(text := each.get(inner), str):
            pieces.append(Piece((name, number, inner), text, (number,), "delta"))
        if each.get("stop_reason") or each.get("completionReason"):
            ended.append((number,))
    return AnswerParts(tuple(pieces), tuple(ended))


def _cohere(answer: Mapping[str, Any]) -> AnswerParts:
    """The last event of a stream holds all of the text once more."""
    kind, text = answer.get("event_type"), answer.get("text")
    said = mapping(answer.get("response")).get("text")
    if isinstance(said, str):
        return AnswerParts((Piece(("response", "text"), said, ("text",), "repeat"),), ALL)
    if not isinstance(text, str):
        return AnswerParts(ended=ALL if kind == "stream-end" else ())
    form: Form = "whole" if kind is None else "delta"
    return AnswerParts((Piece(("text",), text, ("text",), form),), ALL if kind is None else ())


def _index(event: Mapping[str, Any]) -> int:
    index = event.get("contentBlockIndex")
    return index if isinstance(index, int) else 0
