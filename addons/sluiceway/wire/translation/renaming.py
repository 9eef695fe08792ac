"""Tools by another name, and tools of plain text as tools of JSON: there and back.

OpenAI takes names of up to 64 characters, Anthropic of 128; MCP servers make longer ones. A tool that takes
plain text (OpenAI's `custom`) is a function with the one argument `input` where an API knows only functions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from hashlib import blake2s
from typing import Any

import orjson

from sluiceway.wire.fields import load, mapping
from sluiceway.wire.translation.events import ArgumentsDelta, Event, PartEnded, PartStarted
from sluiceway.wire.translation.neutral import Answer, Part, Tool, ToolCall
from sluiceway.wire.translation.translator import Rendered

_ODD = re.compile(r"[^a-zA-Z0-9_-]")
INPUT = "input"


class Names:
    """The names of one request's tools as an API takes them: letters, digits, `_`, `-`, at most `most`."""

    __slots__ = ("_known", "_most", "back")

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: dict[str, str] = {}
        self.back: dict[str, str] = {}

    def of(self, name: str) -> str:
        """The name to send for this one; what differs is remembered in `back`."""
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = self._fitted(name)
            if known != name:
                self.back[known] = name
        return known

    def _fitted(self, name: str) -> str:
        if 0 < len(name) <= self._most and not _ODD.search(name):
            return name
        digest = blake2s(name.encode(errors="replace"), digest_size=4).hexdigest()
        return f"{_ODD.sub('_', name)[: self._most - 9]}_{digest}"


def as_function(tool: Tool) -> Tool:
    """A tool of plain text as a function of one argument. A grammar becomes a sentence."""
    grammar = mapping((tool.grammar or {}).get("grammar")) or (tool.grammar or {})
    told = (
        f"The text must follow this {grammar.get('syntax')} grammar:\n{grammar['definition']}"
        if (isinstance(grammar.get("definition"), str))
        else ""
    )
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {INPUT: {"type": "string", "description": "The text that the tool takes."}},
        "required": [INPUT],
        "additionalProperties": False,
    }
    description = "\n\n".join(text for text in (tool.description, told) if text)
    return replace(tool, custom=False, grammar=None, schema=schema, description=description or None)


def wrapped(text: str) -> str:
    """Plain text as the arguments of that function."""
    return orjson.dumps({INPUT: text}).decode()


def unwrapped(arguments: str) -> str:
    """The plain text in the arguments; the arguments as they are where a model wrote them otherwise."""
    found = mapping(load(arguments.encode(errors="replace"))).get(INPUT)
    return found if isinstance(found, str) else arguments


def restored(answer: Answer, rendered: Rendered) -> Answer:
    """The answer with tools called as the client called them."""
    if not rendered.names and not rendered.custom:
        return answer
    return replace(answer, parts=tuple(_restored(part, rendered) for part in answer.parts))


def _restored(part: Part, rendered: Rendered) -> Part:
    if not isinstance(part, ToolCall):
        return part
    name = rendered.names.get(part.name, part.name)
    if part.name not in rendered.custom:
        return replace(part, name=name)
    return replace(part, name=name, custom=True, arguments=unwrapped(part.arguments))


class Restoring:
    """The same for the events of a stream. The input of a tool of plain text comes in one piece, at its end:
    until then nobody can tell where its JSON string ends."""

    __slots__ = ("_custom", "_names", "_open")

    def __init__(self, names: Mapping[str, str], custom: frozenset[str]) -> None:
        self._names, self._custom = names, custom
        self._open: dict[int, list[str]] = {}

    def events(self, event: Event) -> Iterator[Event]:
        """What the client's stream says for this event."""
        if isinstance(event, PartStarted) and isinstance(event.part, ToolCall):
            yield self._begun(event, event.part)
        elif isinstance(event, ArgumentsDelta) and event.index in self._open:
            self._open[event.index].append(event.text)
        elif isinstance(event, PartEnded) and event.index in self._open:
            yield ArgumentsDelta(event.index, unwrapped("".join(self._open.pop(event.index))))
            yield event
        else:
            yield event

    def _begun(self, event: PartStarted, call: ToolCall) -> Event:
        name = self._names.get(call.name, call.name)
        if call.name not in self._custom:
            return event if name == call.name else PartStarted(event.index, replace(call, name=name))
        self._open[event.index] = [call.arguments] if call.arguments else []
        return PartStarted(event.index, replace(call, name=name, custom=True, arguments=""))
