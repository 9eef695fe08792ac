"""The text of an answer as it is collected, from every recorded case, in whatever pieces its bytes come."""

from __future__ import annotations

import json
from pathlib import Path

import orjson
import pytest
from tests.wire.smallest import PATHS

from sluiceway.types import Call
from sluiceway.wire import BlockText, TextCollector, by_name
from sluiceway.wire.answer_frames import frames_of
from sluiceway.wire.answer_parts import framing

CASES = Path(__file__).parent / "cases"
SIZES = (1, 2, 3, 7, 16, 1 << 20)
STREAMS = sorted(
    file for file in CASES.glob("*/*/response.*") if not file.parent.parent.name.startswith("bedrock")
)


def collect(name: str, data: bytes, kind: str = "text/event-stream", size: int = 1 << 20) -> TextCollector:
    collector = TextCollector(by_name(name), Call(name, "chat", "m", stream=True), kind)
    for start in range(0, len(data), size):
        collector.feed(data[start : start + size])
    collector.finish()
    return collector


def said(collector: TextCollector) -> list[tuple[str, str]]:
    return [(block.kind, block.text) for block in collector.texts()]


def kind_of(file: Path) -> str:
    array = file.parent.name == "array_stream"
    return "application/json" if file.suffix == ".json" or array else "text/event-stream"


@pytest.mark.parametrize("file", STREAMS, ids=lambda file: f"{file.parent.parent.name}-{file.parent.name}")
def test_the_text_is_the_same_however_the_bytes_are_cut(file: Path) -> None:
    name, data, kind = file.parent.parent.name, file.read_bytes(), kind_of(file)
    whole = said(collect(name, data, kind))
    for size in SIZES:
        assert said(collect(name, data, kind, size)) == whole


@pytest.mark.parametrize("file", STREAMS, ids=lambda file: f"{file.parent.parent.name}-{file.parent.name}")
@pytest.mark.parametrize("size", SIZES)
def test_frames_joined_are_the_answer(file: Path, size: int) -> None:
    data = file.read_bytes()
    frames = frames_of(framing(Call(file.parent.parent.name, "chat", "m", stream=True), kind_of(file)))
    found = [
        frame for start in range(0, len(data), size) for frame in frames.feed(data[start : start + size])
    ]
    assert b"".join([*found, frames.rest()]) == data


def event(document: object, name: str = "") -> bytes:
    return (f"event: {name}\n" if name else "").encode() + b"data: " + orjson.dumps(document) + b"\n\n"


def response(kind: str, **fields: object) -> bytes:
    return event({"type": kind, **fields}, kind)


PLACE = {"output_index": 1, "content_index": 0, "item_id": "m"}
ITEM = {"id": "m", "type": "message", "content": [{"type": "output_text", "text": "Hi Bob"}]}
THOUGHT = {
    "type": "reasoning",
    "summary": [{"type": "summary_text", "text": "Hm."}],
    "encrypted_content": "x",
}
TOOL = {"type": "function_call", "name": "f", "arguments": '{"a":1}'}
STREAM = (
    response("response.created", response={"output": [], "instructions": "be kind"})
    + response("response.output_item.done", output_index=0, item=THOUGHT)
    + response("response.output_text.delta", **PLACE, delta="Hi ")
    + response("response.output_text.delta", **PLACE, delta="Bob")
    + response("response.output_text.done", **PLACE, text="Hi Bob")
    + response("response.output_item.done", output_index=1, item=ITEM)
    + response("response.completed", response={"output": [THOUGHT, ITEM, TOOL]})
)


def test_what_a_responses_stream_repeats_is_collected_once() -> None:
    wanted = [("reasoning", "Hm."), ("text", "Hi Bob"), ("tool_arguments", '{"a":1}')]
    assert said(collect("openai_responses", STREAM)) == wanted


WHOLE = {
    "anthropic_messages": (
        {"type": "message", "content": [
            {"type": "thinking", "thinking": "Hm.", "signature": "s"}, {"type": "text", "text": "Hi"},
            {"type": "tool_use", "id": "t", "name": "f", "input": {"a": ["b", 1]}},
        ]},
        [("reasoning", "Hm."), ("text", "Hi"), ("tool_arguments", "b")],
    ),
    "openai_chat": (
        {"choices": [
            {"index": 0, "message": {"content": "Hi", "reasoning_content": "Hm.", "tool_calls": [
                {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}},
            {"index": 1, "message": {"content": [{"type": "text", "text": "Ho"}]}},
        ]},
        [("text", "Hi"), ("reasoning", "Hm."), ("tool_arguments", "{}"), ("text", "Ho")],
    ),
    "openai_responses": (
        {"object": "response", "output": [THOUGHT, ITEM, TOOL]},
        [("reasoning", "Hm."), ("text", "Hi Bob"), ("tool_arguments", '{"a":1}')],
    ),
    "gemini": (
        {"candidates": [{"content": {"parts": [
            {"text": "Hm.", "thought": True}, {"text": "Hi "}, {"text": "Bob"},
            {"functionCall": {"name": "f", "args": {"a": "b"}}}]}}]},
        [("reasoning", "Hm."), ("text", "Hi Bob"), ("tool_arguments", "b")],
    ),
    "openai_completions": (
        {"choices": [{"index": 0, "text": "Hi", "finish_reason": "stop"}, {"index": 1, "text": "Ho"}],
         "usage": {"prompt_tokens": 1}},
        [("text", "Hi"), ("text", "Ho")],
    ),
    "cohere_chat": (
        {"message": {"content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Hi"}],
                     "tool_plan": "Ask f.", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}},
        [("reasoning", "Hm."), ("text", "Hi"), ("text", "Ask f."), ("tool_arguments", "{}")],
    ),
    "gemini_cloudcode": (
        {"response": {"candidates": [{"content": {"parts": [{"text": "Hi "}, {"text": "Bob"}]}}]}},
        [("text", "Hi Bob")],
    ),
    "anthropic_vertex": ({"type": "message", "content": [{"type": "text", "text": "Hi"}]}, [("text", "Hi")]),
    "openai_images": (
        {"data": [{"url": "u", "revised_prompt": "A gate"}, {"b64_json": "AA=="}]}, [("text", "A gate")],
    ),
    "openai_transcription": (
        {"text": "Hi Bob", "segments": [{"id": 0, "text": "Hi"}, {"id": 1, "text": "Bob"}]},
        [("text", "Hi Bob"), ("text", "Hi"), ("text", "Bob")],
    ),
    # Numbers, pixels, sound and judgements hold no words.
    **dict.fromkeys(("google_predict", "openai_speech", "openai_moderation"), ({"predictions": []}, [])),
    # What answers the beginning of a batch says nothing yet.
    **dict.fromkeys(("anthropic_batches", "openai_batches", "gemini_batches"), ({"id": "b"}, [])),
    "bedrock_converse": (
        {"output": {"message": {"content": [
            {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "s"}}},
            {"text": "Hi"}, {"toolUse": {"toolUseId": "t", "name": "f", "input": {"a": "b"}}}]}}},
        [("reasoning", "Hm."), ("text", "Hi"), ("tool_arguments", "b")],
    ),
    "bedrock_invoke": ({"generation": "Hi", "stop_reason": "stop"}, [("text", "Hi")]),
    **dict.fromkeys(("openai_embeddings", "cohere_embeddings", "rerank", "mistral_ocr"), ({"data": []}, [])),
}  # fmt: skip


@pytest.mark.parametrize("name", PATHS)
def test_a_whole_answer_is_collected_block_by_block(name: str) -> None:
    document, wanted = WHOLE[name]
    collector = TextCollector(by_name(name), Call(name, "chat", "m"), "application/json")
    collector.feed(json.dumps(document).encode())
    collector.finish()
    assert said(collector) == wanted


def test_no_more_than_asked_for_is_kept() -> None:
    collector = TextCollector(by_name("openai_responses"), Call("openai_responses", "chat", "m"), "", 4)
    collector.feed(json.dumps(WHOLE["openai_responses"][0]).encode() + b" " * 1000)
    collector.finish()
    assert collector.truncated
    assert sum(len(block.text) for block in collector.texts()) <= 4


def test_a_block_shows_no_text_when_it_is_printed() -> None:
    assert "planted" not in repr(BlockText("text", ["planted"]))
