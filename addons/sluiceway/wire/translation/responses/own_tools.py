"""Tools that OpenAI defines and clients run (`local_shell`, `shell`, `apply_patch`), as functions any model
can call, and the items that the client's API has for their calls and results.

Facts from OpenAI's guides (Local shell, Shell, Apply patch) and the official SDK's types. The group of
a tool (`namespace`) stands before its name, with a dot, which OpenAI allows in no name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sluiceway.wire.fields import items, mapping
from sluiceway.wire.translation.neutral import Request, Tool, ToolCall
from sluiceway.wire.translation.reading import arguments_of
from sluiceway.wire.translation.whole_arguments import whole_object

_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT}
_MS = {"type": "integer", "description": "In milliseconds."}


def _schema(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required}


LOCAL_SHELL = Tool(
    "local_shell",
    "Runs a command, given as its words, on the user's machine.",
    _schema(["command"], command=_TEXTS, working_directory=_TEXT, timeout_ms=_MS),
)
SHELL = Tool(
    "shell",
    "Runs commands in a shell on the user's machine, one after the other.",
    _schema(["commands"], commands=_TEXTS, timeout_ms=_MS, max_output_length={"type": "integer"}),
)
APPLY_PATCH = Tool(
    "apply_patch",
    "Creates, changes or deletes a file. `diff` is in the V4A format: lines beginning with a blank, + or -, "
    "and @@ before each place; a new file's lines all begin with +. Not needed to delete.",
    _schema(
        ["type", "path"],
        type={"type": "string", "enum": ["create_file", "update_file", "delete_file"]},
        path=_TEXT,
        diff=_TEXT,
    ),
)
OWN: Mapping[str, Tool] = {tool.name: tool for tool in (LOCAL_SHELL, SHELL, APPLY_PATCH)}
# Where the arguments stand in the item of a call.
_INSIDE = {"local_shell": "action", "shell": "action", "apply_patch": "operation"}
PREFIX = {"local_shell": "lsh", "shell": "sh", "apply_patch": "apc"}
"""What the ids of their items begin with: OpenAI refuses others when they come back."""


@dataclass(frozen=True, slots=True)
class Grouped(Tool):
    """A tool of a group (`namespace`) whose own name no other tool has, so that models see it by that."""

    group: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """What the client's tools are beyond functions: `own` by their type (others may be functions of the same
    name), `groups` by the names of the tools in them."""

    own: frozenset[str] = frozenset()
    groups: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, request: Request | None) -> Offer:
        tools = () if request is None else request.tools
        own = frozenset(tool.name for tool in tools if OWN.get(tool.name) is tool)
        return cls(own, {tool.name: tool.group for tool in tools if isinstance(tool, Grouped)})

    def named(self, name: str) -> dict[str, str]:
        """A tool's name as the API has it: with its group where it has one."""
        if (group := self.groups.get(name)) is not None:
            return {"name": name, "namespace": group}
        group, dot, bare = name.rpartition(".")
        return {"name": bare, "namespace": group} if dot and group and bare else {"name": name}


def ungrouped(tools: Sequence[Tool]) -> tuple[tuple[Tool, ...], dict[str, str]]:
    """The tools by names without their groups, where no other tool has that name; and these names by the
    ones that `joined` made."""
    bare = Counter(tool.name.rpartition(".")[2] for tool in tools)
    renamed: dict[str, str] = {}
    found: list[Tool] = []
    for tool in tools:
        group, dot, name = tool.name.rpartition(".")
        if dot and bare[name] == 1:
            renamed[tool.name] = name
            tool = Grouped(
                name,
                tool.description,
                tool.schema,
                tool.strict,
                tool.custom,
                tool.grammar,
                tool.cache,
                group,
            )
        found.append(tool)
    return tuple(found), renamed


def call_in(item: Mapping[str, Any], kind: str) -> ToolCall:
    """The item of such a call as a call."""
    inside = {name: value for name, value in mapping(item.get(_INSIDE[kind])).items() if value is not None}
    if kind != "apply_patch":
        inside.pop("type", None)
        inside.pop("user", None)
    given = item.get("call_id") or item.get("id")
    return ToolCall(given if isinstance(given, str) else "", kind, arguments_of(inside))


def call_item(call: ToolCall, item_id: str, call_id: str) -> dict[str, Any]:
    """A call as its item."""
    arguments = whole_object(call.arguments)
    return {
        "id": item_id,
        "type": f"{call.name}_call",
        "call_id": call_id,
        "status": "completed",
        _INSIDE[call.name]: _INSIDES[call.name](arguments),
    }


def _local_shell(arguments: dict[str, Any]) -> dict[str, Any]:
    action: dict[str, Any] = {"type": "exec", "command": _words(arguments.get("command")), "env": {}}
    given = ("working_directory", "timeout_ms")
    return action | {name: arguments[name] for name in given if name in arguments}


def _shell(arguments: dict[str, Any]) -> dict[str, Any]:
    return {
        "commands": _words(arguments.get("commands")),
        "timeout_ms": arguments.get("timeout_ms"),
        "max_output_length": arguments.get("max_output_length"),
    }


def _patch(arguments: dict[str, Any]) -> dict[str, Any]:
    operation = {"type": str(arguments.get("type")), "path": str(arguments.get("path") or "")}
    return operation if operation["type"] == "delete_file" else operation | {"diff": _text(arguments)}


_INSIDES = {"local_shell": _local_shell, "shell": _shell, "apply_patch": _patch}


def _text(arguments: dict[str, Any]) -> str:
    diff = arguments.get("diff")
    return diff if isinstance(diff, str) else ""


def _words(value: object) -> list[str]:
    return [value] if isinstance(value, str) else [str(one) for one in items(value)]


def joined(namespace: object, name: str) -> str:
    """The name of a tool with its group's."""
    return f"{namespace}.{name}" if isinstance(namespace, str) and namespace else name
