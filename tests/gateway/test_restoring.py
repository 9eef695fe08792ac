"""Masked values put back into answers: right in any pieces, nothing else changed, nothing lost at the end."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest

from sluiceway.gateway.restoring import Restoring
from sluiceway.types import Call
from sluiceway.wire import TextCollector, by_name
from sluiceway.wire.answer_frames import MOST_BYTES
from sluiceway.wire.bedrock_invoke_stream import chunk_of
from sluiceway.wire.eventstream import CONTENT_TYPE, FrameSplitter, render
from sluiceway.wire.sse import data_of

ORIGINALS = {"<EMAIL_1>": 'alice@example.com "work"', "<IP_12>": "203.0.113.9"}
PIECES = [
    *ORIGINALS,
    "<EMAIL_2>",
    "<SECRET_1>",
    "<",
    "<<EM",
    "<EMAIL_",
    "<EMAIL_11>",
    ">",
    "\\",
    '"',
    "é",
    "漢",
    "a b ",
]
STREAM, JSON = "text/event-stream", "application/json"
SIZES = (1, 2, 3, 7, 16, 1 << 20)


def restored(text: str) -> str:
    for placeholder, value in ORIGINALS.items():
        text = text.replace(placeholder, value)
    return text


def event(document: Any, name: str = "") -> bytes:
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + orjson.dumps(document) + b"\n\n"


def anthropic(deltas: list[str], call: list[str]) -> Iterator[bytes]:
    for index, (kind, field, pieces) in enumerate(
        [("text_delta", "text", deltas), ("input_json_delta", "partial_json", call)]
    ):
        block = {"type": "text", "text": ""} if index == 0 else {"type": "tool_use", "id": "t", "input": {}}
        yield event({"type": "content_block_start", "index": index, "content_block": block})
        for piece in pieces:
            delta = {"type": kind, field: piece}
            yield event(
                {"type": "content_block_delta", "index": index, "delta": delta}, "content_block_delta"
            )
            yield event({"type": "ping"}, "ping")
        yield event({"type": "content_block_stop", "index": index})
    yield event({"type": "message_stop"})


def chat(deltas: list[str], call: list[str]) -> Iterator[bytes]:
    for piece in deltas:
        yield event(
            {"id": "c", "choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]}
        )
    for piece in call:
        called = {"index": 0, "function": {"arguments": piece}}
        yield event(
            {"id": "c", "choices": [{"index": 0, "delta": {"tool_calls": [called]}, "finish_reason": None}]}
        )
    yield event({"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    yield b"data: [DONE]\n\n"


def responses(deltas: list[str], call: list[str]) -> Iterator[bytes]:
    documents: list[dict[str, Any]] = []
    text, arguments = "".join(deltas), "".join(call)
    stem = "response.function_call_arguments"
    documents += [
        {"type": "response.output_text.delta", "output_index": 0, "delta": piece} for piece in deltas
    ]
    documents.append({"type": "response.output_text.done", "output_index": 0, "text": text})
    documents += [{"type": f"{stem}.delta", "output_index": 1, "delta": piece} for piece in call]
    documents.append({"type": f"{stem}.done", "output_index": 1, "arguments": arguments})
    items = [{"type": "message", "content": [{"type": "output_text", "text": text}]},
             {"type": "function_call", "arguments": arguments}]  # fmt: skip
    documents.append({"type": "response.completed", "response": {"output": items}})
    for number, document in enumerate(documents):
        yield event({**document, "sequence_number": number}, document["type"])


def gemini(deltas: list[str], call: list[str]) -> Iterator[bytes]:
    """Arguments come whole."""
    parts = [{"text": piece} for piece in deltas]
    parts.append({"functionCall": {"name": "f", "args": orjson.loads("".join(call))}})
    for part in parts:
        yield event({"candidates": [{"content": {"parts": [part], "role": "model"}, "index": 0}]})
    yield event({"candidates": [{"content": {"parts": [{"text": ""}]}, "finishReason": "STOP"}]})


def gemini_array(deltas: list[str], call: list[str]) -> Iterator[bytes]:
    for number, piece in enumerate(gemini(deltas, call)):
        yield (b",\r\n" if number else b"[") + data_of(piece)
    yield b"]"


def converse(deltas: list[str], call: list[str]) -> Iterator[bytes]:
    yield render({"role": "assistant", "p": "abc"}, "messageStart")
    for index, pieces in enumerate((deltas, call)):
        for piece in pieces:
            delta = {"text": piece} if index == 0 else {"toolUse": {"input": piece}}
            yield render({"contentBlockIndex": index, "delta": delta, "p": "ab"}, "contentBlockDelta")
        yield render({"contentBlockIndex": index}, "contentBlockStop")
    yield render({"stopReason": "tool_use"}, "messageStop")
    yield render({"usage": {"inputTokens": 1, "outputTokens": 2}}, "metadata")


def invoke(deltas: list[str], call: list[str]) -> Iterator[bytes]:
    """Claude's own events, in base64 in frames."""
    for each in anthropic(deltas, call):
        yield chunk_of(data_of(each))


DIALECTS: dict[str, tuple[str, str, Callable[[list[str], list[str]], Iterator[bytes]]]] = {
    "anthropic_messages": ("anthropic_messages", STREAM, anthropic),
    "openai_chat": ("openai_chat", STREAM, chat),
    "openai_responses": ("openai_responses", STREAM, responses),
    "gemini": ("gemini", STREAM, gemini),
    "gemini-array": ("gemini", JSON, gemini_array),
    "bedrock_converse": ("bedrock_converse", CONTENT_TYPE, converse),
    "bedrock_invoke": ("bedrock_invoke", CONTENT_TYPE, invoke),
}


def a_call(name: str, stream: bool = True) -> Call:
    return Call(name, "chat", "m", stream=stream)


def run(name: str, kind: str, data: bytes, size: int, stream: bool = True) -> bytes:
    restoring = Restoring(ORIGINALS, by_name(name), a_call(name, stream), kind)
    out = [restoring.feed(data[start : start + size]) for start in range(0, len(data), size)]
    return b"".join([*out, restoring.finish()])


def texts(name: str, kind: str, data: bytes) -> list[str]:
    collector = TextCollector(by_name(name), a_call(name), kind)
    collector.feed(data)
    collector.finish()
    return [block.text for block in collector.texts()]


def cut(text: str, chance: random.Random) -> list[str]:
    pieces, start = [], 0
    while start < len(text):
        end = start + chance.choice((1, 1, 2, 3, 5, 8, 30))
        pieces.append(text[start:end])
        start = end
    return pieces


@pytest.mark.parametrize("dialect", DIALECTS)
def test_values_come_back_in_whatever_pieces_an_answer_comes(dialect: str) -> None:
    name, kind, build = DIALECTS[dialect]
    chance = random.Random(dialect)
    for _ in range(800 if name.startswith("bedrock") else 4_000):
        said = "x" + "".join(chance.choices(PIECES, k=chance.randint(0, 6)))
        value = "".join(chance.choices(PIECES, k=chance.randint(0, 6)))
        arguments = orjson.dumps({"a": value}).decode()
        data = b"".join(build(cut(said, chance), cut(arguments, chance)))
        out = run(name, kind, data, chance.choice(SIZES))
        found = texts(name, kind, out)
        assert found[0] == restored(said)
        if name == "gemini":
            assert found[1:] == ([restored(value)] if value else [])
        else:
            assert orjson.loads(found[1]) == {"a": restored(value)}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_answer_without_placeholders_passes_byte_for_byte(dialect: str, size: int) -> None:
    name, kind, build = DIALECTS[dialect]
    data = b"".join(build(["a <b> \\n", "<EMAIL_7> x", '"', "é"], ['{"a":', '"<x>\\n"}']))
    assert run(name, kind, data, size) == data


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_is_held_is_never_more_than_may_be_a_placeholder(dialect: str) -> None:
    name, kind, build = DIALECTS[dialect]
    deltas = list("say <EMAIL_1> and <EMAIL_9, <IP_12>, then <EM and more words")
    restoring = Restoring(ORIGINALS, by_name(name), a_call(name), kind)
    fed, shown = "", ""
    for frame in build(deltas, ["{}"]):
        got = restoring.feed(frame)
        fed += "".join(texts(name, kind, frame)[:1])
        shown += "".join(texts(name, kind, got)[:1])
        if b"unction" in frame:
            break  # the text is over
        assert len(restored(fed)) - len(shown) < max(map(len, ORIGINALS))


def test_the_frames_of_responses_stay_numbered_when_one_is_added() -> None:
    data = b"".join(responses(["Hi <EM"], ['{"a":"<IP_']))
    out = run("openai_responses", STREAM, data, 7)
    events = [orjson.loads(data_of(each)) for each in out.split(b"\n\n") if each]
    assert [each["sequence_number"] for each in events] == list(range(len(events)))
    assert [each["delta"] for each in events if "delta" in each] == ["Hi ", "<EM", '{"a":"', "<IP_"]


def test_a_frame_that_is_added_says_nothing_twice() -> None:
    named = {
        "index": 0,
        "id": "call_1",
        "type": "function",
        "function": {"name": "f", "arguments": '{"a":"<IP'},
    }
    choice = {"index": 0, "delta": {"role": "assistant", "content": "x", "tool_calls": [named]}}
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]}
    out = run("openai_chat", STREAM, event({"id": "c", "choices": [choice]}) + event(end), 1 << 20)
    added = orjson.loads(data_of(out.split(b"\n\n")[1]))
    called = {"index": 0, "function": {"arguments": "<IP"}}
    assert added == {"id": "c", "choices": [{"index": 0, "delta": {"tool_calls": [called]}}]}


def test_names_ids_and_comments_of_an_event_stay() -> None:
    delta = orjson.dumps(
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "<IP_12>"}}
    )
    frame = b": hello\r\nid: 7\r\nevent: content_block_delta\r\ndata: " + delta + b"\r\nretry: 3\r\n\r\n"
    assert run("anthropic_messages", STREAM, frame, 5) == frame.replace(b"<IP_12>", b"203.0.113.9")


def test_signed_thinking_is_not_touched() -> None:
    thought = {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "thinking_delta", "thinking": "<IP_12>"},
    }
    assert run("anthropic_messages", STREAM, event(thought), 3) == event(thought)


def saying(text: str) -> bytes:
    return event({"choices": [{"index": 0, "delta": {"content": text}}]})


CUT_OFF = {
    "in the middle of a placeholder": (saying("a <IP_1"), "a <IP_1"),
    "in the middle of an event": (saying("a <IP_1") + b'data: {"choices": [{"ind', "a <IP_1"),
    "before its blank line": (saying("a <IP_12> <")[:-2], "a 203.0.113.9 <"),
}


@pytest.mark.parametrize(("data", "text"), CUT_OFF.values(), ids=CUT_OFF)
def test_a_stream_that_breaks_off_loses_nothing(data: bytes, text: str) -> None:
    out = run("openai_chat", STREAM, data, 4)
    assert texts("openai_chat", STREAM, out + b"\n\n") == [text]


def test_a_document_comes_back_whole_with_its_values() -> None:
    parts = [{"text": "a <IP"}, {"text": "_12> <"}]
    answer = {"candidates": [{"content": {"parts": parts}}], "usageMetadata": {"promptTokenCount": 3}}
    out = orjson.loads(run("gemini", JSON, orjson.dumps(answer), 3, stream=False))
    assert [part["text"] for part in out["candidates"][0]["content"]["parts"]] == ["a ", "203.0.113.9 <"]
    assert out["usageMetadata"] == answer["usageMetadata"]


@pytest.mark.parametrize("data", [b"", b"no json <EMAIL_1>", b'{"error": "<EMAIL_1>"', b"[1, 2]", b"null"])
def test_what_is_no_answer_passes_as_it_is(data: bytes) -> None:
    for name, kind, _ in DIALECTS.values():
        assert run(name, kind, data, 3) == data
        assert run(name, kind, data, 3, stream=False) == data


def test_a_frame_too_large_to_wait_for_passes() -> None:
    restoring = Restoring(ORIGINALS, by_name("openai_chat"), a_call("openai_chat"), STREAM)
    first = event({"choices": [{"index": 0, "delta": {"content": "<IP_"}}]})
    huge = b"data: " + b"x" * (MOST_BYTES // 2 + 1)
    out = restoring.feed(first) + restoring.feed(huge) + restoring.feed(b" more <IP_12>") + restoring.finish()
    assert out.endswith(b"more <IP_12>") and len(out) > len(huge)
    assert texts("openai_chat", STREAM, out[: len(first) * 3]) == ["<IP_"]


def test_a_binary_frame_written_anew_is_whole_and_keeps_its_headers() -> None:
    before = render({"contentBlockIndex": 0, "delta": {"text": "<IP_12>"}, "p": "ab"}, "contentBlockDelta")
    (frame,) = FrameSplitter().feed(run("bedrock_converse", CONTENT_TYPE, before, 5))
    assert frame.name == "contentBlockDelta"
    assert orjson.loads(frame.payload)["delta"] == {"text": "203.0.113.9"}
    assert frame.headers == FrameSplitter().feed(before)[0].headers


BODIES = {
    "llama": ({"generation": "a <IP_12>", "stop_reason": None}, ["a 203.0.113.9"]),
    "titan": ({"results": [{"outputText": "a <IP_12>", "completionReason": "FINISH"}]}, ["a 203.0.113.9"]),
    "mistral": ({"outputs": [{"text": "a <IP_12>", "stop_reason": "stop"}]}, ["a 203.0.113.9"]),
    "cohere": ({"text": "a <IP_12>", "generation_id": "g"}, ["a 203.0.113.9"]),
    "claude": ({"type": "message", "content": [{"type": "text", "text": "a <IP_12>"}]}, ["a 203.0.113.9"]),
    "nova": ({"output": {"message": {"content": [{"text": "a <IP_12>"}]}}}, ["a 203.0.113.9"]),
    "a vector": ({"embedding": [0.5]}, []),
}


@pytest.mark.parametrize(("document", "wanted"), BODIES.values(), ids=BODIES)
def test_every_vendors_body_gets_its_values_back(document: dict[str, Any], wanted: list[str]) -> None:
    data = orjson.dumps(document)
    assert texts("bedrock_invoke", JSON, run("bedrock_invoke", JSON, data, 4)) == wanted


@pytest.mark.parametrize("size", SIZES)
def test_after_a_broken_binary_frame_all_passes_as_it_is(size: int) -> None:
    whole = render({"contentBlockIndex": 0, "delta": {"text": "a <IP"}}, "contentBlockDelta")
    data = whole + b"<IP_12> no frame at all" + whole
    assert run("bedrock_converse", CONTENT_TYPE, data, size).replace(whole, b"").count(b"<IP_12>") == 1
