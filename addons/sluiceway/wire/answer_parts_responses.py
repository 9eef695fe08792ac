"""The model's words in an answer of the Responses API: a response, or one event of its stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sluiceway.wire.answer_parts import ALL, NOTHING, AnswerParts, Block, Form, Piece, Said
from sluiceway.wire.fields import items, mapping
from sluiceway.wire.parts import Path

# The deltas by their event's name, and the field that holds all of the text once they are done.
_DELTAS: dict[str, tuple[str, Said]] = {
    "response.output_text": ("text", "text"),
    "response.refusal": ("refusal", "text"),
    "response.audio.transcript": ("transcript", "text"),
    "response.function_call_arguments": ("arguments", "tool_arguments"),
    "response.mcp_call_arguments": ("arguments", "tool_arguments"),
    "response.custom_tool_call_input": ("input", "tool_arguments"),
    "response.code_interpreter_call_code": ("code", "tool_arguments"),
    "response.reasoning_text": ("text", "reasoning"),
    "response.reasoning_summary_text": ("text", "reasoning"),
}
_ENDS = ("response.completed", "response.incomplete", "response.failed", "response.cancelled")
_OF_ITEM = ("arguments", "input", "code")


def response_parts(document: object) -> AnswerParts:
    """Reasoning may come with an encrypted form of itself, so it is fixed."""
    event = mapping(document)
    kind = event.get("type")
    if not isinstance(kind, str):
        return AnswerParts(tuple(_output(event, (), "whole")), ALL)
    stem, _, last = kind.rpartition(".")
    if last in ("delta", "done") and stem in _DELTAS:
        return _text(event, stem, last)
    if kind in ("response.content_part.added", "response.content_part.done"):
        return AnswerParts(tuple(_part(mapping(event.get("part")), ("part",), _place(event), "repeat")))
    if kind in ("response.output_item.added", "response.output_item.done"):
        found = _item(mapping(event.get("item")), ("item",), _index(event.get("output_index")), "repeat")
        return AnswerParts(tuple(found), ((_index(event.get("output_index")),),) if last == "done" else ())
    if kind in _ENDS:
        return AnswerParts(tuple(_output(mapping(event.get("response")), ("response",), "repeat")), ALL)
    return AnswerParts(ended=ALL) if kind == "error" else NOTHING


def _text(event: Mapping[str, Any], stem: str, last: str) -> AnswerParts:
    field, kind = _DELTAS[stem]
    whole = last == "done"
    name = field if whole else "delta"
    text, block = event.get(name), (*_place(event), field)
    ended = (block,) if whole else ()
    if not isinstance(text, str):
        return AnswerParts(ended=ended)
    fixed = kind == "reasoning"
    form: Form = "repeat" if whole else "delta"
    return AnswerParts((Piece((name,), text, block, form, kind, field == "arguments", fixed),), ended)


def _place(event: Mapping[str, Any]) -> Block:
    within = event.get("content_index", event.get("summary_index"))
    return (_index(event.get("output_index")), _index(within))


def _output(response: Mapping[str, Any], path: Path, form: Form) -> Iterator[Piece]:
    for index, item in enumerate(items(response.get("output"))):
        yield from _item(mapping(item), (*path, "output", index), index, form)


def _item(item: Mapping[str, Any], path: Path, index: int, form: Form) -> Iterator[Piece]:
    fixed = item.get("type") == "reasoning"
    for name in ("content", "summary"):
        for number, part in enumerate(items(item.get(name))):
            yield from _part(mapping(part), (*path, name, number), (index, number), form, fixed)
    for name in _OF_ITEM:
        if isinstance(text := item.get(name), str):
            block = (index, 0, name)
            yield Piece((*path, name), text, block, form, "tool_arguments", name == "arguments")


def _part(
    part: Mapping[str, Any], path: Path, block: Block, form: Form, fixed: bool = False
) -> Iterator[Piece]:
    fixed = fixed or part.get("type") in ("reasoning_text", "summary_text")
    for name in ("text", "refusal", "transcript"):
        if isinstance(text := part.get(name), str):
            kind: Said = "reasoning" if fixed else "text"
            yield Piece((*path, name), text, (*block, name), form, kind, fixed=fixed)


def _index(value: object) -> int:
    return value if isinstance(value, int) else 0
