"""Tools that Anthropic defines and clients run, as functions any model can call.

The client sends only a type; the arguments are in Anthropic's docs (Bash, Text editor and Memory tool).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluiceway.wire.translation.neutral import Tool

_TEXT = {"type": "string"}
_LINE = {"type": "integer"}
_RANGE = {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2}


def _commands(*names: str) -> dict[str, Any]:
    return {"type": "string", "enum": list(names)}


_BASH: dict[str, Any] = {
    "type": "object",
    "properties": {"command": _TEXT, "restart": {"type": "boolean"}},
}
_EDITOR: dict[str, Any] = {
    "type": "object",
    "properties": {
        "command": _commands("view", "create", "str_replace", "insert"),
        "path": _TEXT,
        "file_text": _TEXT,
        "old_str": _TEXT,
        "new_str": _TEXT,
        "insert_line": _LINE,
        "insert_text": _TEXT,
        "view_range": _RANGE,
    },
    "required": ["command", "path"],
}
_MEMORY: dict[str, Any] = {
    "type": "object",
    "properties": {
        "command": _commands("view", "create", "str_replace", "insert", "delete", "rename"),
        "path": _TEXT,
        "old_path": _TEXT,
        "new_path": _TEXT,
        "file_text": _TEXT,
        "old_str": _TEXT,
        "new_str": _TEXT,
        "insert_line": _LINE,
        "insert_text": _TEXT,
        "view_range": _RANGE,
    },
    "required": ["command"],
}
# By the beginning of the type; the rest of it is a date.
_OWN: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("bash_", "Runs a command in a shell that keeps its state. `restart`: starts it anew.", _BASH),
    ("text_editor_", "Views, creates and edits files. `view_range` and lines count from 1.", _EDITOR),
    ("memory_", "Reads and writes notes below /memories that outlast the conversation.", _MEMORY),
)


def as_tool(kind: str, name: str, cache: Mapping[str, Any] | None) -> Tool | None:
    """The function for a tool of that type, None where only Anthropic or its models know what it does."""
    for start, description, schema in _OWN:
        if kind.startswith(start):
            return Tool(name, description, schema, cache=cache)
    return None
