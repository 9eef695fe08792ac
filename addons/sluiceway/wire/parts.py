"""The parts of a request that can hold a person's text: what a part is, and where in a document which lies.

The tables give a part its role and its kind and nothing else. Every string is a part, wherever it stands:
in a field nobody here knows, in the name of a field, in JSON inside a string.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, NamedTuple

type Role = Literal["system", "user", "assistant", "tool"]
type Kind = Literal[
    "text",
    "tool_arguments",
    "tool_result",
    "tool_definition",
    "reasoning",
    "sealed",  # what only the provider can read: signatures, encrypted reasoning
    "identifier",  # names of models, calls and files; to change one breaks what it refers to
    "media",  # an image, a PDF, a recording as base64: listed without text, so that it can be counted
    "other",
]
type Path = tuple[str | int, ...]
"""Field names and indexes down to a string. NAME after a field means the field's name; a number after a
string means that piece of the JSON inside it."""

NAME = -1


class Segment(NamedTuple):
    """One piece of text in a request. A `fixed` one is signed or not text: it cannot be replaced.

    A named tuple, since a long agent session has a thousand of them and a dataclass takes four times as long.
    """

    path: Path
    text: str
    role: Role
    kind: Kind
    fixed: bool = False

    def __repr__(self) -> str:
        """Without the text, and without the path, whose names are the client's too."""
        return f"Segment({self.role} {self.kind}, {len(self.text)} characters)"


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where the walk is. `blocks`: field names mean here what FIELDS says; else all below is one kind.
    There is one of each, from `place`, so that looking one up is as fast as can be."""

    role: Role
    kind: Kind
    fixed: bool
    blocks: bool
    lean: bool
    """Short strings and the protocol's own words are left out."""


@cache
def place(role: Role, kind: Kind, fixed: bool = False, blocks: bool = False) -> Place:
    """The one Place of these four."""
    return Place(role, kind, fixed, blocks, kind in ("other", "tool_definition", "identifier"))


SYSTEM = place("system", "text", blocks=True)
USER = place("user", "text", blocks=True)
ASSISTANT = place("assistant", "text", blocks=True)
DEFINITION = place("system", "tool_definition")
IDENTIFIER = place("user", "identifier")
OTHER = place("user", "other")
ARGUMENTS = place("assistant", "tool_arguments", blocks=True)
RESULT = place("tool", "tool_result", blocks=True)
REASONING = place("assistant", "reasoning", blocks=True)
SEALED = place("assistant", "sealed", fixed=True)

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "model": "assistant",
    "tool": "tool",
    "function": "tool",
}

# The `type` of a block or an item. Tool calls and results come in dozens of types, so they go by their end.
_BLOCKS: dict[str, Place] = {
    "thinking": place("assistant", "reasoning", fixed=True, blocks=True),
    "redacted_thinking": SEALED,
    "reasoning": REASONING,
    "reasoning.encrypted": SEALED,
    "additional_tools": DEFINITION,
    "mcp_list_tools": DEFINITION,
}
_BLOCK_ENDS: tuple[tuple[tuple[str, ...], Place], ...] = (
    (("tool_result", "_output"), RESULT),
    (("_call", "tool_use"), ARGUMENTS),
)

_SIGNATURES = ("signature", "thoughtSignature", "thought_signature")

_CONTENT = """
content text parts contents thinking summary refusal transcript source data title context image_url
inlineData inline_data file file_data input_audio function arguments result
image document audio video guardContent converse invokeModel body bytes
"""

type Rule = Place | Kind | Literal["same"]
"""What a field of a block is: at a place of its own, of this kind, or of the block's own."""

FIELDS: Mapping[str, Rule] = {
    **dict.fromkeys(_CONTENT.split(), "same"),
    **dict.fromkeys(
        ("id", "model", "tool_use_id", "tool_call_id", "call_id", "item_id", "file_id"), "identifier"
    ),
    **dict.fromkeys(("type", "role", "name", "status", "cache_control"), "other"),
    "output": RESULT,
    "tool_calls": ARGUMENTS,
    "function_call": ARGUMENTS,
    "functionCall": ARGUMENTS,
    "executableCode": ARGUMENTS,
    "executable_code": ARGUMENTS,
    "toolCall": ARGUMENTS,
    "tool_call": ARGUMENTS,
    "functionResponse": RESULT,
    "function_response": RESULT,
    "codeExecutionResult": RESULT,
    "code_execution_result": RESULT,
    "toolResponse": RESULT,
    "tool_response": RESULT,
    "reasoning": REASONING,
    "reasoning_content": REASONING,
    "reasoning_details": REASONING,
    "tools": DEFINITION,
    "systemInstruction": SYSTEM,
    "system_instruction": SYSTEM,
    "toolUse": ARGUMENTS,
    "toolResult": RESULT,
    "toolUseId": IDENTIFIER,
    "reasoningContent": REASONING,
    "reasoningText": REASONING,
    "redactedContent": SEALED,
    "variables": place("user", "text"),
    **dict.fromkeys((*_SIGNATURES, "encrypted_content", "encrypted_index", "encrypted_stdout"), SEALED),
}
"""The fields of messages, content blocks and items, in all protocols. Any other is of the kind "other",
or of the block's, where that is a call or a result."""


def place_of(block: Mapping[str, Any], around: Place) -> Place:
    """The place of a block by its own role and type; what is fixed around it stays so."""
    role, tag = block.get("role"), block.get("type")
    if isinstance(role, str) and role in _ROLES:
        kind = "tool_result" if _ROLES[role] == "tool" else around.kind
        around = place(_ROLES[role], kind, around.fixed, blocks=True)
    if isinstance(tag, str) and not around.fixed:
        around = _typed(tag, around)
    if block.get("thought") is True and not around.fixed:  # Gemini's word for a part of reasoning
        around = REASONING
    if around.kind == "reasoning" and any(block.get(name) for name in _SIGNATURES):
        return place(around.role, around.kind, fixed=True, blocks=True)
    return around


@cache
def fields_of(around: Place) -> tuple[Mapping[str, Place], Place]:
    """The places of the known fields of a block that is at a place, and of its other fields."""
    if not around.blocks:
        return {}, around
    rest = place(around.role, "other" if around.kind == "text" else around.kind, around.fixed)
    return {name: _field_place(rule, around) for name, rule in FIELDS.items()}, rest


def _field_place(rule: Rule, around: Place) -> Place:
    if rule == "same":
        return around
    if isinstance(rule, Place):
        return place(rule.role, rule.kind, rule.fixed or around.fixed, rule.blocks)
    return place(around.role, rule, around.fixed)


def _typed(tag: str, around: Place) -> Place:
    if tag in _BLOCKS:
        return _BLOCKS[tag]
    return next((there for ends, there in _BLOCK_ENDS if tag.endswith(ends)), around)
