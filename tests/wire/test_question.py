"""What a request asks, whichever API its body is of."""

from __future__ import annotations

import pytest

from sluiceway.wire.question import Question, asks_something, question

USER = {"role": "user", "content": "write a poem"}
DONE = {"role": "assistant", "content": "done"}
SHORTER = {"role": "user", "content": "shorter"}

BODIES = {
    "Anthropic": {
        "system": [{"type": "text", "text": "be kind"}],
        "messages": [USER, DONE, {"role": "user", "content": [{"type": "text", "text": "shorter"}]}],
        "tools": [{"name": "Bash", "input_schema": {}}, {"type": "web_search_2025", "name": "web_search"}],
    },
    "Chat": {
        "messages": [{"role": "system", "content": "be kind"}, USER, DONE, SHORTER],
        "tools": [{"type": "function", "function": {"name": "Bash"}}, {"type": "web_search"}],
    },
    "Responses": {
        "instructions": "be kind",
        "input": [
            {"type": "message", **USER},
            {"role": "user", "content": [{"type": "input_text", "text": "shorter"}]},
            {"type": "function_call_output", "call_id": "c", "output": "a file"},
        ],
        "tools": [{"type": "function", "name": "Bash"}, {"type": "web_search"}],
    },
    "Gemini": {
        "systemInstruction": {"parts": [{"text": "be kind"}]},
        "contents": [
            {"role": "user", "parts": [{"text": "write a poem"}]},
            {"role": "model", "parts": [{"text": "done"}]},
            {"role": "user", "parts": [{"text": "shorter"}]},
        ],
        "tools": [{"functionDeclarations": [{"name": "Bash"}, {"name": "web_search"}]}],
    },
    "Converse": {
        "system": [{"text": "be kind"}],
        "messages": [USER, {"role": "user", "content": [{"text": "shorter"}]}],
        "toolConfig": {"tools": [{"toolSpec": {"name": "Bash"}}, {"toolSpec": {"name": "web_search"}}]},
    },
}  # fmt: skip


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_every_api_is_read_alike(body):
    assert question(body) == Question("shorter", "write a poem", "be kind", ("Bash", "web_search"))
    assert question({"request": body}) == question(body)


ONE = {
    "a Responses text": {"input": "hello"},
    "a completion": {"prompt": "hello"},
    "Gemini without a role": {"contents": [{"parts": [{"text": "hello"}]}]},
    "a tool's result after it": {
        "messages": [
            {"role": "user", "content": "hello"},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "a file"}]},
        ]
    },
    "an agent's own words beside it": {
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "<system-reminder>be brief</system-reminder>"},
                    {"type": "text", "text": "hello"},
                ],
            }
        ]
    },
    "Codex's surroundings before it": {
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "<environment_context>x"}]},
            {"role": "user", "content": [{"type": "input_text", "text": "hello"}]},
        ]
    },
}


@pytest.mark.parametrize("body", ONE.values(), ids=ONE)
def test_the_last_words_of_the_user_are_the_text(body):
    assert (question(body).text, question(body).before) == ("hello", "")


ODD = [
    {},
    {"messages": None},
    {"messages": [1, {"role": 7}]},
    {"input": {"a": 1}},
    {"tools": [3]},
    {"contents": "x"},
]


@pytest.mark.parametrize("body", ODD, ids=str)
def test_what_is_not_as_the_api_says_is_passed_over(body):
    assert question(body).text == ""


def test_a_body_that_asks_nothing_is_known_as_such():
    assert asks_something({"messages": []}) and asks_something({"request": {"contents": []}})
    assert not asks_something({"text": "a"})


def test_texts_are_not_in_the_repr():
    assert "poem" not in repr(question({"messages": [USER]}))
