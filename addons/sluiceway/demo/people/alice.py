"""Alice, platform: a coding agent on Claude. Her team is audited, which she learns from her first request."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import anthropic

from sluiceway.demo.people.asking import WORD, Step, acknowledge

CLAUDE = "claude-sonnet-4-6"
DEAR = "claude-opus-4-5"
# Anthropic has no room for this one today. Five failures open its breaker; the sixth question meets that.
FAILING = "claude-sonnet-4-5"
OVERLOADED = 6
HANDBOOK = "You are the assistant of a small company. " + "Keep answers short and name your sources. " * 140
READ_FILE: dict[str, object] = {
    "name": "read_file",
    "description": "Reads a file of the repository.",
    "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
}
CONFIDED = "Draft a reply to bob@example.com about IBAN DE89370400440532013000."


def work() -> Iterator[Step]:
    """A notice, acknowledged, a cached handbook, streams, tools; a model too dear, one that fails."""
    client = anthropic.Anthropic(api_key=WORD)
    notice: list[str] = []
    yield "Claude, first", lambda: _first(client, notice)
    yield "the portal", lambda: acknowledge(notice[0])
    for turn in ("Why does the build fail?", "And the fix?", CONFIDED):
        yield "Claude, stream", lambda turn=turn: _stream(client, turn)
    yield (
        "Claude, tools",
        lambda: _nothing(
            client.messages.create(
                model=CLAUDE,
                max_tokens=400,
                tools=[READ_FILE],
                tool_choice={"type": "any"},
                messages=[{"role": "user", "content": "Use the tool to read setup.py"}],
            )
        ),
    )
    yield "Claude, count", lambda: _nothing(_count(client))
    yield "Claude Opus", lambda: _dear(client)
    yield "Claude Opus, tools", lambda: _with_tool(client)
    for attempt in range(OVERLOADED):
        yield "Claude, overloaded", lambda attempt=attempt: _overloaded(client, attempt)


def _first(client: anthropic.Anthropic, notice: list[str]) -> None:
    try:
        _stream(client, "Hello?")
    except anthropic.APIStatusError as error:
        notice.append(str(error))
        raise


def _stream(client: anthropic.Anthropic, turn: str) -> None:
    system = [{"type": "text", "text": HANDBOOK, "cache_control": {"type": "ephemeral"}}]
    with client.messages.stream(
        model=CLAUDE, max_tokens=600, system=system, messages=[{"role": "user", "content": turn}]
    ) as stream:
        for _ in stream.text_stream:
            pass


def _count(client: anthropic.Anthropic) -> object:
    return client.messages.count_tokens(
        model=CLAUDE, messages=[{"role": "user", "content": "How long is this?"}]
    )


def _dear(client: anthropic.Anthropic) -> str:
    asked = [{"role": "user", "content": "Rename a variable for me."}]
    answer = client.messages.with_raw_response.create(model=DEAR, max_tokens=600, messages=asked)
    return answer.headers.get("x-sluiceway-route", "")


def _with_tool(client: anthropic.Anthropic) -> str:
    """A stream that ends in a call of the tool: its pieces are Anthropic's, whoever answers."""
    tools: Any = [READ_FILE]
    asked: Any = [{"role": "user", "content": 'Use the tool read_file: {"path": "setup.py"}'}]
    with client.messages.stream(model=DEAR, max_tokens=600, tools=tools, messages=asked) as stream:
        kinds = [event.type for event in stream]
        message = stream.get_final_message()
    calls = [block for block in message.content if block.type == "tool_use"]
    return json.dumps(
        {
            "begins": kinds[0],
            "ends": message.stop_reason,
            "calls": [f"{call.name}({json.dumps(call.input)})" for call in calls],
            "route": stream.response.headers.get("x-sluiceway-route", ""),
        }
    )


def _overloaded(client: anthropic.Anthropic, number: int) -> str:
    asked: Any = [{"role": "user", "content": f"Explain line {number} of the log."}]
    with client.messages.stream(model=FAILING, max_tokens=200, messages=asked) as stream:
        message = stream.get_final_message()
    route = stream.response.headers.get("x-sluiceway-route", "")
    return route if message.stop_reason == "end_turn" else ""


def _nothing(_answer: object) -> None:
    """The answer is not what this step is about."""
