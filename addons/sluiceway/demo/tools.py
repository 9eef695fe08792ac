"""When a simulated model calls a tool, and with which arguments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from sluiceway.demo import repeating
from sluiceway.demo.counting import tokens

EXAMPLE = "example"


@dataclass(frozen=True, slots=True)
class Tool:
    """A function the client offers, whatever its dialect calls the parts."""

    name: str
    schema: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call the model makes: `arguments` is the JSON text that dialects stream piece by piece."""

    name: str
    arguments: str

    @property
    def output_tokens(self) -> int:
        return tokens(len(self.name.encode()) + len(self.arguments.encode()))


def call_for(tools: Sequence[Tool], text: str, *, forced: str | bool = False) -> ToolCall | None:
    """The call an answer makes: the forced tool (a name, or True for any), else the one that `text`, the
    last thing the user said, names; "use the tool" means the first. Its texts are what was to be repeated."""
    if not tools:
        return None
    said = repeating.in_text(text) or EXAMPLE
    if isinstance(forced, str):
        return _call(next((tool for tool in tools if tool.name == forced), tools[0]), said)
    named = next((tool for tool in tools if tool.name in text), None)
    if named is None and (forced or "use the tool" in text.lower()):
        named = tools[0]
    return _call(named, said) if named else None


def _call(tool: Tool, said: str) -> ToolCall:
    return ToolCall(tool.name, orjson.dumps(example(tool.schema, said)).decode())


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
