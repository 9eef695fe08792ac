"""Alice, platform: a coding agent on Claude. Her team is audited, which she learns from her first request."""

from __future__ import annotations

from collections.abc import Iterator

import anthropic

from sluiceway.demo.people.asking import WORD, Step, acknowledge

CLAUDE = "claude-sonnet-4-6"
DEAR = "claude-opus-4-5"
HANDBOOK = "You are the assistant of a small company. " + "Keep answers short and name your sources. " * 140
READ_FILE: dict[str, object] = {
    "name": "read_file",
    "description": "Reads a file of the repository.",
    "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
}
CONFIDED = "Draft a reply to bob@example.com about IBAN DE89370400440532013000."


def work() -> Iterator[Step]:
    """A notice, its acknowledgement, a cached handbook, streams, tools, and a model that is too dear."""
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


def _nothing(_answer: object) -> None:
    """The answer is not what this step is about."""
