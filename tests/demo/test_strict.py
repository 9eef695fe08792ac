"""A strict simulator refuses what the real provider refuses, and nothing else."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from sluiceway.demo import strict
from sluiceway.demo.exchange import Asked, Rejected

USER = {"role": "user", "content": "Hi"}
USE = {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "f", "input": {}}]}
GAVE = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "x"}]}
FOREIGN = {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm", "signature": "x"}]}
EMPTY = {"role": "user", "content": [{"type": "text", "text": " "}]}
CALLED = {"role": "assistant", "content": None, "tool_calls": [{"id": "c1"}]}
ANSWERED = {"role": "tool", "tool_call_id": "c1", "content": "x"}
CALL, OUTPUT = {"type": "function_call", "call_id": "c1"}, {"type": "function_call_output", "call_id": "c1"}
SAID = {"role": "user", "parts": [{"text": "Hi"}]}
ASKED = {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]}
SIGNED = {"role": "model", "parts": [{**ASKED["parts"][0], "thoughtSignature": strict.signature_of("f")}]}  # type: ignore[index,dict-item]
TOLD = {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {}}}]}

CASES = [
    ("/v1/messages", "messages", [USER, USE, GAVE], None),
    ("/v1/messages", "messages", [USER, USE, USER], "without `tool_result`"),
    ("/v1/messages", "messages", [USER, USE], "without `tool_result`"),
    ("/v1/messages", "messages", [USER, GAVE], "unexpected `tool_use_id`"),
    ("/v1/messages", "messages", [USER, USE, GAVE, USE, GAVE], "unique"),
    ("/v1/messages", "messages", [USE, GAVE], "first message"),
    ("/v1/messages", "messages", [EMPTY], "non-empty"),
    ("/v1/messages", "messages", [USER, FOREIGN, USER], "Invalid `signature`"),
    ("/v1/chat/completions", "messages", [USER, CALLED, ANSWERED], None),
    ("/v1/chat/completions", "messages", [USER, CALLED, USER], "followed by tool messages"),
    ("/v1/chat/completions", "messages", [USER, ANSWERED], "not found"),
    ("/v1/responses", "input", [USER, CALL, OUTPUT], None),
    ("/v1/responses", "input", [USER, CALL], "No tool output"),
    ("/v1/responses", "input", [USER, OUTPUT], "No tool call"),
    ("/v1beta/models/gemini-2.5-pro:generateContent", "contents", [SAID, ASKED, TOLD], None),
    ("/v1beta/models/gemini-3-pro:generateContent", "contents", [SAID, ASKED, TOLD, SAID], None),
    ("/v1beta/models/gemini-3-pro:generateContent", "contents", [SAID, SIGNED, TOLD], None),
    ("/v1beta/models/gemini-3-pro:generateContent", "contents", [SAID, ASKED, TOLD], "thought_signature"),
    (
        "/v1beta/models/gemini-2.5-pro:generateContent",
        "contents",
        [SAID, ASKED, SAID],
        "function response parts",
    ),
    ("/v1beta/models/gemini-2.5-pro:generateContent", "contents", [SAID, ASKED], "multiturn"),
]


@pytest.mark.parametrize(("path", "field", "said", "told"), CASES, ids=lambda value: str(value)[-40:])
def test_a_strict_provider(path: str, field: str, said: list[Any], told: str | None) -> None:
    raw = orjson.dumps({field: said})
    asked = Asked("openai", "POST", path, {}, {}, raw, {}, 0)
    if told is None:
        strict.check(asked)
        return
    with pytest.raises(Rejected) as caught:
        strict.check(asked)
    assert told in caught.value.message
