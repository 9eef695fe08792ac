"""Which tools a request is sent with."""

from __future__ import annotations

from collections.abc import Sequence

from sluiceway.wire.translation.neutral import Message, Request, Tool, ToolCall


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
