"""Properties of all taps: nothing makes them raise, bytes pass unchanged, endings are clean anywhere."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.smallest import WITHOUT_STREAMS

from sluiceway.types import Call, Refusal, RefusalKind
from sluiceway.wire import DIALECTS, Dialect, by_name
from sluiceway.wire.eventstream import FrameSplitter
from sluiceway.wire.mend import close_json
from sluiceway.wire.sse import MAX_EVENT_BYTES, EventSplitter, data_of, name_of
from sluiceway.wire.tap import MAX_JSON_BYTES

CASES = Path(__file__).parent / "cases"
GONE = Refusal(RefusalKind.UNREACHABLE, "upstream_lost", "The provider closed the connection.")
NOTE = 'Your team\'s budget is used up. Ask "dave".'
# No stream at all, or one of an image or a recording, which nothing can end early.
UNSTOPPABLE = {*WITHOUT_STREAMS, "openai_images", "openai_speech", "openai_transcription"}
KINDS = ("text/event-stream", "application/json", "")

dialects = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
chunks = st.lists(
    st.binary(max_size=60) | st.sampled_from([b"\n", b"\r", b"\n\n", b"\r\n\r\n", b"data: {", b'"}'])
)


def call(dialect: Dialect, **changes: Any) -> Call:
    return Call(**{"dialect": dialect.name, "operation": "chat", "model": "m", "stream": True, **changes})


def stream(case: str) -> bytes:
    return (CASES / case / "response.sse").read_bytes()


@dialects
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("status", [200, 500])
@given(pieces=chunks)
def test_arbitrary_bytes_pass_unchanged_and_never_raise(
    dialect: Dialect, kind: str, status: int, pieces: list[bytes]
) -> None:
    for operation in ("chat", "generate_content", "embeddings", "count_tokens"):
        tap = dialect.tap(call(dialect, operation=operation), status, kind)
        assert b"".join([*map(tap.feed, pieces), tap.finish()]) == b"".join(pieces)
        tap.answer()
        tap.cut(NOTE)
        tap.fail(GONE, "req")


@given(pieces=chunks)
def test_a_veil_without_a_usage_chunk_loses_nothing(pieces: list[bytes]) -> None:
    dialect = by_name("openai_chat")
    tap = dialect.tap(call(dialect, usage_added=True), 200, "text/event-stream")
    assert b"".join([*map(tap.feed, pieces), tap.finish()]) == b"".join(pieces)


@pytest.mark.parametrize(
    "case", sorted(CASES.glob("*/*/response.sse")), ids=lambda path: "-".join(path.parts[-3:-1])
)
@given(data=st.data())
def test_damaged_streams_never_raise(case: Path, data: st.DataObject) -> None:
    """Real streams with a random piece overwritten: close enough to sense to reach every branch."""
    whole = bytearray(case.read_bytes())
    at = data.draw(st.integers(0, len(whole)))
    whole[at : at + data.draw(st.integers(0, 30))] = data.draw(
        st.sampled_from([b"", b"null", b"[]", b"{}", b'"', b"-1", b"1e300", b"\xff", b"\n\n", b"\\"])
    )
    dialect = by_name(case.parts[-3])
    tap = dialect.tap(call(dialect), 200, "text/event-stream")
    assert tap.feed(bytes(whole)) == bytes(whole)
    assert tap.finish() == b""
    tap.answer()
    tap.cut(NOTE)


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
@dialects
def test_a_very_long_answer_passes_with_bounded_memory(dialect: Dialect, kind: str) -> None:
    tap = dialect.tap(call(dialect), 200, kind)
    piece = b"data: {" + b"x" * (1 << 20)
    for _ in range(MAX_JSON_BYTES // len(piece) + 2):
        assert tap.feed(piece) is piece
    assert tap.answer().complete is False


def test_an_event_over_its_bound_keeps_its_head_and_its_tail() -> None:
    splitter = EventSplitter()
    middle = b"x" * 10_000
    splitter.feed(b'event: response.completed\ndata: {"a":"')
    for _ in range(300):
        assert splitter.feed(middle) == []
    (event,) = splitter.feed(b'","usage":{"input_tokens":3}}\n\n')
    assert name_of(event) == b"response.completed"
    assert event.endswith(b'"usage":{"input_tokens":3}}\n\n')
    assert len(event) <= MAX_EVENT_BYTES
    assert splitter.feed(b"data: 1\n\n") == [b"data: 1\n\n"]


def test_the_usage_of_an_event_over_its_bound_is_still_reported() -> None:
    dialect = by_name("openai_responses")
    tap = dialect.tap(call(dialect), 200, "text/event-stream")
    image = b"A" * (3 << 20)
    tap.feed(b'event: response.completed\ndata: {"type":"response.completed","response":')
    tap.feed(b'{"id":"r","output":[{"result":"')
    tap.feed(image)
    tap.feed(b'"}],"status":"completed","usage":{"input_tokens":3,"output_tokens":9}}}\n\n')
    usage = tap.answer().usage
    assert (usage.input_tokens, usage.output_tokens, usage.source) == (3, 9, "reported")


lines = st.lists(
    st.sampled_from([b"event: a\n", b"data: 1\n", b"\n", b": hi\n", b"data: 2\r\n", b"\r\n", b"x\r", b"\r"])
)


@given(lines=lines, size=st.integers(1, 9))
def test_events_are_the_same_however_the_stream_is_cut(lines: list[bytes], size: int) -> None:
    whole = b"".join(lines) + b"data: end\n\n"

    def split(size: int) -> list[tuple[bytes, bytes]]:
        splitter = EventSplitter()
        pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
        events = [event for piece in pieces for event in splitter.feed(piece)]
        assert b"".join(events) == whole
        return [(name_of(event), data_of(event)) for event in events if event.strip()]

    assert split(size) == split(len(whole))


@pytest.mark.parametrize(
    ("event", "name", "data"),
    [
        pytest.param(b"event: a\ndata: 1\n\n", b"a", b"1", id="lf"),
        pytest.param(b"event: a\r\ndata: 1\r\n\r\n", b"a", b"1", id="crlf"),
        pytest.param(b"event: a\rdata: 1\r\r", b"a", b"1", id="cr"),
        pytest.param(b"\xef\xbb\xbfdata:1\n\n", b"", b"1", id="bom-and-no-blank"),
        pytest.param(b"data: 1\ndata: 2\nevent:a\n\n", b"a", b"1\n2", id="several-data-lines"),
        pytest.param(b": data: 1\n\n", b"", b"", id="comment"),
        pytest.param(b"event: a\ndatax: 1\n\n", b"a", b"", id="another-field"),
    ],
)
def test_an_event_is_read_as_the_standard_says(event: bytes, name: bytes, data: bytes) -> None:
    for size in (1, 2, len(event)):
        splitter = EventSplitter()
        pieces = [event[at : at + size] for at in range(0, len(event), size)]
        found = [got for piece in pieces for got in splitter.feed(piece)]
        assert [(name_of(got), data_of(got)) for got in found if got.strip()] == [(name, data)]


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@given(document=st.dictionaries(st.text(max_size=4), values, min_size=1, max_size=4), data=st.data())
def test_every_beginning_of_a_json_object_can_be_closed(
    document: dict[str, Any], data: st.DataObject
) -> None:
    text = orjson.dumps(document) if data.draw(st.booleans()) else json.dumps(document).encode()
    begun = text[: data.draw(st.integers(1, len(text)))]
    assert isinstance(orjson.loads(begun + close_json(begun)), dict)


@given(text=st.binary(max_size=40))
def test_closing_what_is_not_json_never_raises(text: bytes) -> None:
    close_json(text)


ENDED_BY_US = [
    "anthropic_messages/text_stream",
    "anthropic_messages/tools_stream",
    "anthropic_messages/thinking_stream",
    "openai_chat/text_stream",
    "openai_chat/tools_stream",
    "openai_chat/usage_added_is_hidden",
    "openai_responses/text_stream",
    "openai_responses/reasoning_and_tools",
    "gemini/text_stream",
    "gemini/thoughts_tools_cached",
]


@pytest.mark.parametrize("case", ENDED_BY_US)
def test_every_event_is_whole_json_wherever_the_stream_is_cut_or_fails(case: str) -> None:
    dialect = by_name(case.split("/")[0])
    whole = stream(case)
    for at in range(len(whole)):
        for hidden in (False, True) if dialect.name == "openai_chat" else (False,):
            for end in ("cut", "fail"):
                tap = dialect.tap(call(dialect, usage_added=hidden), 200, "text/event-stream")
                client = tap.feed(whole[:at])
                client += tap.cut(NOTE) if end == "cut" else tap.fail(GONE, "req")
                events = EventSplitter().feed(client)
                assert b"".join(events) == client, "ends between events"
                for event in events:
                    assert not hidden or event.startswith(b"data:"), "what was held back needs no mending"
                    data = data_of(event)
                    assert data.strip() in (b"", b"[DONE]") or isinstance(orjson.loads(data), dict)


def test_a_gemini_array_is_whole_json_wherever_it_is_cut_or_fails() -> None:
    dialect = by_name("gemini")
    whole = stream("gemini/array_stream")
    for at in range(whole.rindex(b"finishReason") - 1):
        for end in ("cut", "fail"):
            tap = dialect.tap(call(dialect), 200, "application/json")
            client = tap.feed(whole[:at])
            client += tap.cut(NOTE) if end == "cut" else tap.fail(GONE, "req")
            last = orjson.loads(client)[-1]
            assert last["candidates"][0]["finishReason"] == "MAX_TOKENS" if end == "cut" else last["error"]


@dialects
def test_a_stream_is_ended_only_once(dialect: Dialect) -> None:
    tap = dialect.tap(call(dialect), 200, "text/event-stream")
    if dialect.name in UNSTOPPABLE:
        assert tap.cut(NOTE) == b""
        return
    said = tap.cut(NOTE)
    if dialect.name == "bedrock_invoke":  # in base64, in the delta
        said = b64decode(orjson.loads(FrameSplitter().feed(said)[2].payload)["bytes"])
    assert NOTE.encode().split(b'"')[0] in said
    assert (tap.cut(NOTE), tap.fail(GONE, "req")) == (b"", b"")


@pytest.mark.parametrize(
    "case",
    [
        "anthropic_messages/text_stream",
        "openai_chat/text_stream",
        "openai_responses/text_stream",
        "openai_completions/usage_added_is_hidden",
        "cohere_chat/text_stream",
    ],
)
def test_a_stream_that_has_ended_is_not_ended_again(case: str) -> None:
    dialect = by_name(case.split("/")[0])
    tap = dialect.tap(call(dialect), 200, "text/event-stream")
    tap.feed(stream(case))
    assert (tap.cut(NOTE), tap.fail(GONE, "req")) == (b"", b"")


def test_a_veil_holds_back_no_event_larger_than_its_bound() -> None:
    dialect = by_name("openai_chat")
    tap = dialect.tap(call(dialect, usage_added=True), 200, "text/event-stream")
    assert tap.feed(b"data: {") == b""
    assert not tap.between_events or tap.feed(b"x" * 70_000) == b"data: {" + b"x" * 70_000
    assert not tap.between_events
    assert tap.feed(b"}\n") == b"}"
    assert tap.feed(b"\ndata: 1\n\n") == b"\n\ndata: 1\n\n"
    assert tap.between_events


def test_the_extra_usage_is_hidden_wherever_a_chunk_ends() -> None:
    case = CASES / "openai_chat" / "usage_added_is_hidden_crlf"
    whole, wanted = (case / "response.sse").read_bytes(), (case / "client.sse").read_bytes()
    dialect = by_name("openai_chat")
    for at in range(len(whole)):
        tap = dialect.tap(call(dialect, usage_added=True), 200, "text/event-stream")
        assert tap.feed(whole[:at]) + tap.feed(whole[at:]) + tap.finish() == wanted


def test_a_chunk_whose_usage_only_looks_extra_is_shown() -> None:
    """Usage beside a choice, and an empty `choices` of something else: the text must not be lost."""
    dialect = by_name("openai_chat")
    tap = dialect.tap(call(dialect, usage_added=True), 200, "text/event-stream")
    event = b'data: {"choices":[{"index":0,"delta":{"content":"x"}}],"usage":{"n":1},"a":{"choices":[]}}\n\n'
    assert tap.feed(event) == event


def test_a_cut_leaves_a_finished_choice_alone() -> None:
    dialect = by_name("openai_chat")
    tap = dialect.tap(call(dialect, choices=2), 200, "text/event-stream")
    tap.feed(b'data: {"id":"c","choices":[{"index":1,"delta":{},"finish_reason":"stop"}]}\n\n')
    chunks = [data_of(event) for event in EventSplitter().feed(tap.cut(NOTE))]
    assert {orjson.loads(chunk)["choices"][0]["index"] for chunk in chunks[:-1]} == {0}


def test_a_json_answer_over_its_bound_is_not_read() -> None:
    dialect = by_name("openai_chat")
    for size, read in ((MAX_JSON_BYTES // 2, True), (MAX_JSON_BYTES, False)):
        tap = dialect.tap(call(dialect, stream=False), 200, "application/json")
        for piece in (b'{"choices":[{}],"pad":"', b"x" * size, b'"}'):
            assert tap.feed(piece) is piece
        assert tap.answer().complete is read
