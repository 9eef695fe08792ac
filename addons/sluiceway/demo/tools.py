"""When a simulated model calls a tool, and with which arguments."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from sluiceway.demo import repeating
from sluiceway.demo.counting import tokens

EXAMPLE = "example"
# "use the tool Read: {"path": "a.txt"}": the arguments are the rest of the line.
_ORDER = re.compile(r"use the tool ([\w.-]+): *([^\r\n]+)", re.IGNORECASE)
# What coding agents put beside the words of their user: <system-reminder>, <session_context> and the like.
_ADDED = re.compile(r"<([a-z_-]+)>.*?</\1>", re.DOTALL)
_MOST_QUOTED = 400


@dataclass(frozen=True, slots=True)
class Tool:
    """A function the client offers, whatever its dialect calls the parts.

    `free`: it takes text instead of JSON (OpenAI's custom tools). `namespace` is the group it came in.
    """

    name: str
    schema: dict[str, Any]
    free: bool = False
    namespace: str | None = None


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call the model makes: `arguments` is the JSON text that dialects stream piece by piece, or any text
    where the tool is `free`."""

    name: str
    arguments: str
    free: bool = False
    namespace: str | None = None

    @property
    def output_tokens(self) -> int:
        return tokens(len(self.name.encode()) + len(self.arguments.encode()))


def call_for(tools: Sequence[Tool], text: str, *, forced: str | bool = False) -> ToolCall | None:
    """The call an answer makes: the forced tool (a name, or True for any), else the one that `text`, the
    last thing the user said, names; "use the tool" means the first, and "use the tool NAME: ARGUMENTS" says
    with which arguments. Else its texts are what was to be repeated."""
    if not tools:
        return None
    words = _ADDED.sub("", text)
    said = repeating.in_text(words) or EXAMPLE
    ordered = _ordered(tools, words)
    if ordered or isinstance(forced, str):
        return ordered or _call(next((tool for tool in tools if tool.name == forced), tools[0]), said)
    named = next((tool for tool in tools if re.search(rf"\b{re.escape(tool.name)}\b", words)), None)
    if named is None and (forced or "use the tool" in words.lower()):
        named = tools[0]
    return _call(named, said) if named else None


def quoted(results: Iterable[object]) -> str | None:
    """What a model says of the results its tools gave, None where there are none."""
    told = " ".join(
        result if isinstance(result, str) else orjson.dumps(result).decode() for result in results
    )
    return f"The tool says: {told[:_MOST_QUOTED]}" if told else None


def _ordered(tools: Sequence[Tool], words: str) -> ToolCall | None:
    found = _ORDER.search(words)
    tool = next((tool for tool in tools if found and tool.name == found[1]), None)
    if found is None or tool is None:
        return None
    if not tool.free:
        orjson.loads(found[2])  # a ValueError becomes the 400 of a malformed request
    return ToolCall(tool.name, found[2], tool.free, tool.namespace)


def _call(tool: Tool, said: str) -> ToolCall:
    arguments = said if tool.free else orjson.dumps(example(tool.schema, said)).decode()
    return ToolCall(tool.name, arguments, tool.free, tool.namespace)


def example(schema: Any, said: str = EXAMPLE) -> Any:
    """A value that fits a JSON schema: required properties only, the first of every choice."""
    if not isinstance(schema, dict):
        return said
    if schema.get("enum"):
        return schema["enum"][0]
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = kind[0] if isinstance(kind, list) else kind
    if str(kind).lower() == "object":  # Gemini writes OBJECT, STRING ...
        known = schema.get("properties") or {}
        return {name: example(known.get(name), said) for name in schema.get("required") or known}
    plain: dict[str, Any] = {"integer": 7, "number": 2.5, "boolean": True, "array": [], "null": None}
    return plain.get(str(kind).lower(), said)
