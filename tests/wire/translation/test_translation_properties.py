"""What holds for every conversation: arguments survive, calls meet their results, ids and names fit."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from translation_cases import AT, named

from sluiceway.wire.dialect import Target
from sluiceway.wire.sse import EventSplitter, data_of
from sluiceway.wire.translation.losses import Losses
from sluiceway.wire.translation.neutral import Message, Text, ToolCall, ToolResult
from sluiceway.wire.translation.passage import Translation, translated
from sluiceway.wire.translation.reading import object_of
from sluiceway.wire.translation.renaming import unwrapped, wrapped
from sluiceway.wire.translation.translator import Aim, Asked
from sluiceway.wire.translation.turns import in_turns

CLAUDE, GPT = named("anthropic_messages"), named("openai_chat")
ID = re.compile(r"[a-zA-Z0-9_-]{1,128}")
texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
arguments = st.dictionaries(texts, values, max_size=4)
ids = st.sampled_from(["a", "call_1", "functions.x:0", "", "toolu_01", "ü" * 50, "x" * 90])
parts = st.one_of(
    st.builds(Text, st.sampled_from(["", " ", "Hi"])),
    st.builds(ToolCall, ids, st.just("f"), st.sampled_from(["", "{}", "[1", '{"a":1}'])),
    st.builds(ToolResult, ids, st.just((Text("r"),))),
)
messages = st.lists(
    st.builds(
        Message,
        st.sampled_from(["system", "user", "assistant"]),
        st.lists(parts, max_size=4).map(tuple),
    ).filter(lambda one: _is_possible(one)),
    max_size=8,
)


def _is_possible(message: Message) -> bool:
    """Calls are the model's, results the client's, instructions words."""
    kinds: dict[str, tuple[type, ...]] = {
        "assistant": (Text, ToolCall),
        "user": (Text, ToolResult),
        "system": (Text,),
    }
    return all(isinstance(part, kinds[message.role]) for part in message.parts)


def _to_gpt(document: dict[str, Any]) -> Translation:
    return translated(CLAUDE, GPT, document, Target("POST", "/"), Aim("gpt-4.1"), Asked(AT, "1"), Losses())


def _to_claude(document: dict[str, Any]) -> Translation:
    aim = Aim("claude-sonnet-4-5")
    return translated(GPT, CLAUDE, document, Target("POST", "/"), aim, Asked(AT, "1"), Losses())


def _loop(inputs: list[dict[str, Any]]) -> dict[str, Any]:
    calls = [
        {"type": "tool_use", "id": f"toolu_{number}", "name": "f", "input": one}
        for number, one in enumerate(inputs)
    ]
    results = [
        {"type": "tool_result", "tool_use_id": f"toolu_{number}", "content": f"r{number}"}
        for number in reversed(range(len(inputs)))
    ]
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": calls}]
    return {"model": "m", "max_tokens": 9, "messages": [*turns, {"role": "user", "content": results}]}


@given(st.lists(arguments, min_size=1, max_size=4))
def test_arguments_survive_the_way_to_chat_and_back(inputs: list[dict[str, Any]]) -> None:
    there = _to_gpt(_loop(inputs)).rendered.document
    back = _to_claude(there).rendered.document
    calls, results = back["messages"][1]["content"], back["messages"][2]["content"]
    assert [(one["id"], one["input"]) for one in calls] == [
        (f"toolu_{number}", one) for number, one in enumerate(inputs)
    ]
    assert [(one["tool_use_id"], one["content"]) for one in results] == [
        (f"toolu_{number}", f"r{number}") for number in range(len(inputs))
    ]


@given(arguments, st.lists(st.integers(0, 200), max_size=6), st.integers(1, 50))
def test_streamed_arguments_are_the_same_however_they_are_cut(
    given_arguments: dict[str, Any], cuts: list[int], size: int
) -> None:
    text = orjson.dumps(given_arguments).decode()
    ends = sorted({0, *(min(cut, len(text)) for cut in cuts), len(text)})
    pieces = [text[a:b] for a, b in pairwise(ends)]
    call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": ""}}
    deltas = [[call], *([{"index": 0, "function": {"arguments": piece}}] for piece in pieces)]
    chunks: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": {"tool_calls": one}}]} for one in deltas
    ]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    stream = b"".join(b"data: %b\n\n" % orjson.dumps(chunk) for chunk in chunks) + b"data: [DONE]\n\n"
    passage = _to_gpt(_loop([])).passage()
    shown = b"".join(passage.feed(stream[at : at + size]) for at in range(0, len(stream), size))
    events = [orjson.loads(data_of(event)) for event in EventSplitter().feed(shown + passage.finish())]
    found = "".join(event["delta"].get("partial_json", "") for event in events if "delta" in event)
    assert orjson.loads(found) == given_arguments
    assert events[-2]["delta"]["stop_reason"] == "tool_use"


@given(texts)
def test_plain_text_of_a_tool_survives_as_json(text: str) -> None:
    assert unwrapped(wrapped(text)) == text


@given(st.text(max_size=40) | values.map(lambda value: orjson.dumps(value).decode()))
def test_whatever_a_model_writes_as_arguments_becomes_an_object(written: str) -> None:
    orjson.dumps(object_of(written.encode(errors="replace").decode()))


@pytest.mark.parametrize("deep", ['{"a":' * 300 + "1" + "}" * 300, '{"a":' * 5000], ids=["closed", "open"])
def test_arguments_nested_too_deep_stay_text(deep: str) -> None:
    assert object_of(deep) == {"INVALID_JSON": deep}


@settings(max_examples=150)
@given(messages)
def test_every_call_is_followed_by_its_result_and_every_result_follows_its_call(found: list[Message]) -> None:
    turns = in_turns(found, Losses())
    seen: set[str] = set()
    for number, turn in enumerate(turns):
        calls = [part.id for part in turn.parts if isinstance(part, ToolCall)]
        assert "" not in calls and len(set(calls)) == len(calls) and not seen & set(calls)
        seen |= set(calls)
        behind = turns[number + 1].parts if number + 1 < len(turns) else ()
        assert [part.id for part in behind[: len(calls)] if isinstance(part, ToolResult)] == calls
        assert not any(isinstance(part, ToolResult) for part in behind[len(calls) :])
        assert not any(isinstance(part, Text) and not part.text.strip() for part in turn.parts)
        if number:
            assert turn.role != turns[number - 1].role


def test_results_of_calls_with_one_id_go_to_them_in_order_and_one_too_many_becomes_words() -> None:
    calls = Message("assistant", (ToolCall("a", "f"), ToolCall("a", "g")))
    results = tuple(ToolResult("a", (Text(text),)) for text in ("first", "second", "third"))
    losses = Losses()
    said = in_turns([calls, Message("user", results)], losses)[1].parts
    assert [(one.id, one.parts) for one in said if isinstance(one, ToolResult)] == [
        ("a", (Text("first"),)),
        ("a_2", (Text("second"),)),
    ]
    assert [one.text for one in said if isinstance(one, Text)] == ["Result of a tool call:", "third"]
    assert losses.counts() == {"messages: tool results": 1}


@settings(max_examples=100)
@given(messages)
def test_a_conversation_in_turns_stays_as_it_is(found: list[Message]) -> None:
    turns, losses = in_turns(found, Losses()), Losses()
    again = in_turns(turns, losses)
    assert [_plain(turn) for turn in again] == [_plain(turn) for turn in turns]
    assert losses.all() == ()


def _plain(turn: Message) -> tuple[object, ...]:
    return turn.role, [(type(part), getattr(part, "id", None), part) for part in turn.parts]


@settings(max_examples=100)
@given(messages)
def test_what_claude_gets_keeps_its_rules(found: list[Message]) -> None:
    request = GPT.parse_request(
        {"model": "m", "messages": [{"role": "user", "content": "x"}]}, Target("POST", "/"), Losses()
    )
    object.__setattr__(request, "messages", (Message("user", (Text("Hi"),)), *found))
    sent = CLAUDE.render_request(request, Aim("claude-opus-4-8"), Losses()).document["messages"]
    roles = [one["role"] for one in sent]
    assert roles[0] == "user" == roles[-1] and not any(a == b for a, b in pairwise(roles))
    blocks = [block for one in sent if isinstance(one["content"], list) for block in one["content"]]
    named_ids = [block.get("id") or block.get("tool_use_id") for block in blocks if block["type"] != "text"]
    assert all(ID.fullmatch(one) for one in named_ids)
