"""Requests of every dialect as parts: the same message is the same part in each later turn."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sluiceway.audit.parts import Part, parts_of
from sluiceway.wire import DIALECTS
from sluiceway.wire.dialect import Target

PATHS = {
    "anthropic_messages": "/v1/messages",
    "openai_chat": "/v1/chat/completions",
    "openai_responses": "/v1/responses",
    "gemini": "/v1beta/models/gemini-2.5-pro:generateContent",
    "gemini_cloudcode": "/v1internal:generateContent",
}
BY_NAME = {each.name: each for each in DIALECTS}


def parts(dialect: str, body: dict[str, Any]) -> tuple[Part, ...]:
    target = Target("POST", PATHS[dialect])
    reading = BY_NAME[dialect].read(target, {"content-type": "application/json"}, json.dumps(body).encode())
    return parts_of(BY_NAME[dialect].segments(reading))


PNG = "iVBORw0KGgo" * 90
MARK = {"cache_control": {"type": "ephemeral"}}


def anthropic(turns: int) -> dict[str, Any]:
    """A conversation as Claude Code sends it: the cache mark is on the last message."""
    messages = [
        {
            "role": ("user", "assistant")[n % 2],
            "content": [{"type": "text", "text": f"turn number {n}", **(MARK if n == turns - 1 else {})}],
        }
        for n in range(turns)
    ]
    system = [{"type": "text", "text": "be brief and friendly"}]
    return {"model": "some-model", "max_tokens": 9, "system": system, "messages": messages}


def test_the_mark_that_moves_with_each_turn_makes_no_message_new() -> None:
    first, later = parts("anthropic_messages", anthropic(3)), parts("anthropic_messages", anthropic(9))
    assert later[: len(first)] == first
    assert [each.text for each in first] == ["be brief and friendly", *(f"turn number {n}" for n in range(3))]


@pytest.mark.parametrize(
    ("dialect", "body", "expected"),
    [
        (
            "openai_chat",
            {
                "model": "m",
                "messages": [
                    {"role": "system", "content": "be brief please"},
                    {"role": "user", "content": "hello there"},
                ],
            },
            [("system", "be brief please"), ("user", "hello there")],
        ),
        ("openai_responses", {"model": "m", "input": "hello there"}, [("user", "hello there")]),
        (
            "gemini",
            {"contents": [{"role": "user", "parts": [{"text": "hello"}, {"text": "there"}]}]},
            [("user", "hello\nthere")],
        ),
        (
            "anthropic_messages",
            {
                "model": "m",
                "max_tokens": 9,
                "messages": [
                    {
                        "role": "user",
                        "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "rows of data"}],
                    }
                ],
            },
            [("tool tool_result", "rows of data")],
        ),
    ],
    ids=["chat", "responses", "gemini", "tool result"],
)
def test_each_dialects_words_come_with_their_role(
    dialect: str, body: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    found = [(each.role, each.text) for each in parts(dialect, body)]
    assert [pair for pair in expected if pair not in found] == []


def test_pictures_and_sealed_reasoning_are_no_text() -> None:
    picture = {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": PNG},
    }
    thought = {"type": "redacted_thinking", "data": "EncryptedByTheProvider" * 9}
    body = {
        "model": "m",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": [picture]}, {"role": "assistant", "content": [thought]}],
    }
    found = " ".join(each.text for each in parts("anthropic_messages", body))
    assert "iVBOR" not in found and "Encrypted" not in found
