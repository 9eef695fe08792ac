"""Which tools a request is sent with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sluiceway.wire.translation.neutral import Message, Request, Text, Tool, ToolCall

_GOES_ON = "... (the whole description is in your instructions)"


def offered(request: Request, turns: Sequence[Message]) -> tuple[Tool, ...]:
    """Those that may be used: a choice among several of them (OpenAI's `allowed_tools`) is made here, since
    only its own API knows it. Where a conversation has calls but the request no tools, they are as they were
    called: Anthropic and Bedrock want them defined. (`may_call` says that none is to be called.)"""
    choice = request.tool_choice
    if request.tools:
        chosen = choice.names if choice and choice.mode != "none" and len(choice.names) > 1 else ()
        return tuple(tool for tool in request.tools if not chosen or tool.name in chosen)
    parts = (part for turn in turns if turn.role == "assistant" for part in turn.parts)
    called = dict.fromkeys(part.name for part in parts if isinstance(part, ToolCall))
    return tuple(Tool(name) for name in called)


def may_call(request: Request) -> bool:
    """Whether the model may call a tool at all."""
    return bool(request.tools) and (request.tool_choice is None or request.tool_choice.mode != "none")


def with_short_descriptions(tools: Sequence[Tool], most: int) -> tuple[list[Tool], list[Text]]:
    """The tools with descriptions of at most `most` characters, and instructions that hold the whole of those
    that are longer: an agent's tools are described over pages, and OpenAI refuses more than 1,024 characters
    ("Invalid 'tools[0].function.description': string too long")."""
    shown, texts = [], []
    for tool in tools:
        told = tool.description or ""
        if len(told) > most:
            texts.append(Text(f"# The tool {tool.name}\n\n{told}"))
            tool = replace(tool, description=f"{told[: most - len(_GOES_ON)]}{_GOES_ON}")
        shown.append(tool)
    return shown, texts
