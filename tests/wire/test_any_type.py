"""A value of the wrong type, anywhere in a request or an event, is bad input and never a fault of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from sluiceway.errors import WireError
from sluiceway.gateway.tasks import task_of
from sluiceway.types import Quirks
from sluiceway.wire import Reading, Target, by_name
from sluiceway.wire.anthropic_loop import without_lost_thoughts
from sluiceway.wire.quirks import fitted, unfit
from sluiceway.wire.translation import by_dialect
from sluiceway.wire.translation.fitting import fit
from sluiceway.wire.translation.losses import Losses
from sluiceway.wire.translation.passage import translated
from sluiceway.wire.translation.translator import Aim, Asked

WRONG: tuple[Any, ...] = (7, "x", ["a"], {"a": 1})
SCHEMA = {"type": "object"}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
PICTURE = "data:image/png;base64,AAAA"
REQUESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "openai_chat": (
        "/v1/chat/completions",
        {
            "model": "gpt-4.1",
            "messages": [
                {"role": "user", "content": [{"type": "image_url", "image_url": {"url": PICTURE}}]},
                {"role": "assistant", "content": None, "tool_calls": [CALL], "reasoning_content": "r"},
                {"role": "tool", "tool_call_id": "c", "content": "ok"},
            ],
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_completion_tokens": 5,
            "stop": ["x"],
            "tools": [{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}],
            "tool_choice": {"type": "function", "function": {"name": "f"}},
            "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}},
            "reasoning_effort": "low",
        },
    ),
    "openai_responses": (
        "/v1/responses",
        {
            "model": "gpt-4.1",
            "input": [
                {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]},
                {"role": "user", "content": [{"type": "input_image", "image_url": PICTURE}]},
                {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c", "output": "ok"},
                {"type": "reasoning", "summary": [{"type": "summary_text", "text": "t"}]},
            ],
            "stream": True,
            "tools": [
                {"type": "namespace", "name": "g", "tools": [{"type": "function", "name": "h"}]},
                {"type": "shell", "environment": {"type": "local"}},
            ],
            "text": {"format": {"type": "json_schema", "name": "a", "schema": SCHEMA}},
            "reasoning": {"effort": "low"},
        },
    ),
    "anthropic_messages": (
        "/v1/messages",
        {
            "model": "claude-sonnet-4-5",
            "max_tokens": 5000,
            "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
            "messages": [
                {"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": "u"}}]},
                {"role": "assistant", "content": [{"type": "thinking", "thinking": "t", "signature": "s"},
                                                  {"type": "tool_use", "id": "c", "name": "f", "input": {}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "ok"}]},
            ],
            "tools": [{"name": "f", "input_schema": SCHEMA}],
            "tool_choice": {"type": "tool", "name": "f"},
            "thinking": {"type": "enabled", "budget_tokens": 1024},
        },
    ),
    "gemini": (
        "/v1beta/models/gemini-2.5-flash:streamGenerateContent",
        {
            "systemInstruction": {"parts": [{"text": "s"}]},
            "contents": [
                {"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]},
                {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]},
                {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {}}}]},
            ],
            "tools": [{"functionDeclarations": [{"name": "f", "parameters": SCHEMA}]}],
            "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
            "generationConfig": {"stopSequences": ["x"], "thinkingConfig": {"thinkingBudget": 10}},
        },
    ),
}  # fmt: skip
QUIRKS = (Quirks(), Quirks(stream_usage="never"), Quirks(thoughts="handed_back", refuses=frozenset({"n"})))


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container in a document, with each of its keys."""
    found: Any = value.items() if isinstance(value, dict) else enumerate(value)
    for key, child in list(found):
        yield value, key
        if isinstance(child, dict | list):
            yield from places(child)


def looked_at(reading: Reading) -> None:
    """Everything that looks into a request before it is sent, whoever it is for."""
    without_lost_thoughts(reading)
    task_of(reading.document, "codex")
    list(by_name(reading.call.dialect).segments(reading))
    for quirks in QUIRKS:
        unfit(reading, quirks)
    for quirks in QUIRKS:
        tolerantly(lambda quirks=quirks: fitted(reading, quirks))
    for name in (*REQUESTS, "bedrock_converse"):
        if name != reading.call.dialect:
            tolerantly(lambda name=name: sent_to(reading, name))


def tolerantly(look: Any) -> None:
    with suppress(WireError):
        look()


def sent_to(reading: Reading, name: str) -> None:
    source, target = by_dialect(reading.call.dialect), by_dialect(name)
    assert source and target
    asked = Asked(datetime.now(UTC), "sw_1", "m")
    aim = Aim("m", stream=reading.call.stream)
    made = translated(source, target, reading.document, reading.target, aim, asked, Losses())
    for quirks in QUIRKS:
        fit(dict(made.rendered.document), name, quirks, Losses())


@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize("wrong", WRONG, ids=["a number", "a text", "a list", "an object"])
def test_a_value_of_the_wrong_type_is_bad_input_wherever_it_stands(name: str, wrong: Any) -> None:
    path, whole = REQUESTS[name]
    for number, _ in enumerate(places(whole)):
        document = deepcopy(whole)
        container, key = list(places(document))[number]
        container[key] = wrong
        try:
            reading = by_name(name).read(Target("POST", path), {}, orjson.dumps(document), add_usage=False)
        except WireError:
            continue
        looked_at(reading)


@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize("wrong", WRONG, ids=["a number", "a text", "a list", "an object"])
def test_an_event_whose_kind_is_no_word_does_not_break_its_reader(name: str, wrong: Any) -> None:
    translator = by_dialect(name)
    assert translator
    reader = translator.reader()
    event = {"type": wrong, "delta": "x", "choices": wrong, "candidates": wrong, "index": wrong}
    reader.feed(b"data: " + orjson.dumps(event) + b"\n\n")
    reader.finish()
