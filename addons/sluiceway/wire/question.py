"""What a request asks, in short: the user's last words, those before, the system prompt, the tools' names.

Read straight from the document, from its end, so that a long conversation costs no more than a short one. The
fields of all APIs are known here together, since each means the same wherever it occurs. What is not found is
empty: nothing is refused for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from sluiceway.wire.fields import items, mapping

MAX_MESSAGES = 200  # looked through from the end for words of the user; the rest is the work of tools
MAX_PARTS = 100
MAX_TOOLS = 100
_MESSAGES = ("messages", "input", "contents")  # Anthropic, Chat and Converse; Responses; Gemini
_PROMPTS = ("input", "prompt", "message", "inputText")  # as one text: Responses, completions, Cohere, Titan
_SYSTEMS = ("system", "instructions", "systemInstruction", "system_instruction", "preamble")
_INNER = (
    "request",
    "params",
    "body",
    "response",
)  # where a body lies in another: Code Assist, batches, frames
# Texts that agents put into the user's mouth (Claude Code, Codex, Gemini CLI); nobody asked them.
_NOT_ASKED = (
    "<system-reminder>",
    "<environment_context>",
    "<user_instructions>",
    "<session_context>",
    "<local-command",
    "<command-name>",
    "# AGENTS.md instructions",
    "This is the Gemini CLI. We are setting up the context",
)


@dataclass(frozen=True, slots=True)
class Question:
    """The texts whole, as the document holds them; `tools` are names."""

    text: str = field(default="", repr=False)
    before: str = field(default="", repr=False)
    system: str = field(default="", repr=False)
    tools: tuple[str, ...] = ()


def question(document: Mapping[str, Any]) -> Question:
    """What a request's document asks. Understands any body of the APIs that have messages or a prompt."""
    document = _body(document)
    said = list(islice(_said(document), 2))
    system = _system(document)
    return Question(
        text=said[0] if said else "",
        before=said[1] if len(said) > 1 else "",
        system=system,
        tools=tuple(islice(_tools(document), MAX_TOOLS)),
    )


def asks_something(document: Mapping[str, Any]) -> bool:
    """Whether it is a request of an API that is known here."""
    body = _body(document)
    return any(name in body for name in (*_MESSAGES, *_PROMPTS))


def _body(document: Mapping[str, Any]) -> Mapping[str, Any]:
    if any(name in document for name in (*_MESSAGES, *_PROMPTS)):
        return document
    return next(
        (mapping(document[name]) for name in _INNER if isinstance(document.get(name), dict)), document
    )


def _said(document: Mapping[str, Any]) -> Iterator[str]:
    """What the user said, the last first."""
    for name in _MESSAGES:
        for message in islice(reversed(items(document.get(name))), MAX_MESSAGES):
            if asked := _user_text(message):
                yield asked
    for name in _PROMPTS:
        if isinstance(text := document.get(name), str) and text:
            yield text


def _user_text(message: object) -> str:
    if isinstance(message, str):  # `input: ["..."]`
        return message
    fields = mapping(message)
    if fields.get("role", "user") != "user" or fields.get("type", "message") not in ("message", "input_text"):
        return ""
    if isinstance(said := fields.get("text"), str):
        return said
    content = fields.get("content", fields.get("parts"))
    return "\n".join(text for text in _texts(content) if not text.lstrip().startswith(_NOT_ASKED))


def _texts(content: object) -> Iterator[str]:
    """The texts of a content: one, or those of its parts. A tool's result is a part without one."""
    if isinstance(content, str):
        yield content
        return
    if isinstance(content, dict):
        content = content.get("parts", [content])
    for part in islice(items(content), MAX_PARTS):
        text = part if isinstance(part, str) else mapping(part).get("text")
        if isinstance(text, str) and text:
            yield text


def _system(document: Mapping[str, Any]) -> str:
    for name in _SYSTEMS:
        if name in document and (text := "\n".join(_texts(document[name]))):
            return text
    for name in ("messages", "input"):
        for message in items(document.get(name))[:2]:
            if mapping(message).get("role") in ("system", "developer"):
                return "\n".join(_texts(mapping(message).get("content")))
    return ""


def _tools(document: Mapping[str, Any]) -> Iterator[str]:
    """Names as Anthropic and Responses, Chat, Gemini and Converse write them; of a built-in one its type."""
    tools = document.get("tools") or mapping(document.get("toolConfig")).get("tools")
    for tool in islice(items(tools), MAX_TOOLS):
        for each in _definitions(mapping(tool)):
            name = each.get("name") or each.get("type")
            if isinstance(name, str):
                yield name


def _definitions(tool: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    for name in ("function", "toolSpec"):
        if isinstance(tool.get(name), dict):
            return (tool[name],)
    declared = tool.get("functionDeclarations") or tool.get("function_declarations")
    return [mapping(each) for each in items(declared)] if declared else (tool,)
