"""AWS's frames: read as botocore reads them, at any cut, and ended such that botocore reads the end too."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from struct import pack
from typing import Any
from zlib import crc32

import orjson
import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.frame_files import stream_of

from sluiceway.types import Answer, Call, Refusal, RefusalKind, UsageSource
from sluiceway.wire import by_name
from sluiceway.wire.dialect import Tap
from sluiceway.wire.eventstream import CONTENT_TYPE, MAX_KEPT_BYTES, FrameSplitter, frame, render

CASES = Path(__file__).parent / "cases"
STREAMS = sorted(CASES.glob("bedrock_*/*/response.frames.json"))
WHOLE = [
    path for path in STREAMS if not {"begun", "bad_crc", "raw"}.intersection(path.read_text().split('"'))
]
NOTE = 'Your budget is used up. Ask "dave".'
GONE = Refusal(RefusalKind.UNREACHABLE, "stream_broken", "The provider broke off.")
VENDORS = ["anthropic", "nova", "openai", "llama", "mistral", "titan", "cohere", "claude_text"]


def name_of(path: Path) -> str:
    return "-".join(path.parts[-3:-1])


def call(name: str, vendor: str | None = None) -> Call:
    return Call(dialect=name, operation="chat", model="m", stream=True, input_bytes=40, vendor=vendor)


def tap_for(path: Path) -> Tap:
    request = orjson.loads((path.parent / "expect.json").read_bytes())
    vendor = request.get("call", {}).get("vendor") or ("llama" if "llama" in path.parent.name else None)
    name = path.parts[-3]
    return by_name(name).tap(call(name, vendor), 200, CONTENT_TYPE)


def read_by_botocore(data: bytes) -> Iterator[Any]:
    """What the judge makes of it: it raises on any CRC that does not fit."""
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    yield from buffer
    assert buffer._data == b"", "nothing is left over"


@pytest.mark.parametrize("path", WHOLE, ids=name_of)
def test_frames_are_those_that_botocore_reads(path: Path) -> None:
    data = stream_of(path)
    ours = FrameSplitter().feed(data)
    theirs = list(read_by_botocore(data))
    assert [one.payload for one in ours] == [one.payload for one in theirs]
    assert [{f":{k}": v for k, v in one.headers.items()} for one in ours] == [one.headers for one in theirs]


@pytest.mark.parametrize("path", WHOLE, ids=name_of)
@pytest.mark.parametrize("how", ["cut", "fail"])
def test_wherever_a_stream_is_ended_botocore_reads_it_whole(path: Path, how: str) -> None:
    data = stream_of(path)
    for at in range(0, len(data), 3):
        tap = tap_for(path)
        client = tap.feed(data[:at])
        client += tap.cut(NOTE) if how == "cut" else tap.fail(GONE, "req")
        events = list(read_by_botocore(client))
        if how == "fail" and not tap.answer().error_type and len(client) > at:
            assert events[-1].headers[":message-type"] == "exception"


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_cut_of_an_invocation_says_why_in_the_vendors_own_words(vendor: str) -> None:
    tap = by_name("bedrock_invoke").tap(call("bedrock_invoke", vendor), 200, CONTENT_TYPE)
    events = list(read_by_botocore(tap.cut(NOTE)))
    inner = b"".join(base64.b64decode(orjson.loads(event.payload)["bytes"]) for event in events)
    assert orjson.dumps(NOTE)[1:-1] in inner
    assert tap.cut(NOTE) == b"", "only once"


def test_a_converse_stream_that_has_stopped_is_only_given_its_metadata() -> None:
    tap = by_name("bedrock_converse").tap(call("bedrock_converse"), 200, CONTENT_TYPE)
    tap.feed(
        render({"role": "assistant"}, "messageStart") + render({"stopReason": "end_turn"}, "messageStop")
    )
    assert [event.headers[":event-type"] for event in read_by_botocore(tap.cut(NOTE))] == ["metadata"]


def test_a_tools_arguments_stay_what_the_model_wrote() -> None:
    tap = by_name("bedrock_converse").tap(call("bedrock_converse"), 200, CONTENT_TYPE)
    start = {"contentBlockIndex": 1, "start": {"toolUse": {"toolUseId": "t", "name": "f"}}}
    tap.feed(render({"role": "assistant"}, "messageStart") + render(start, "contentBlockStart"))
    events = [(e.headers[":event-type"], orjson.loads(e.payload)) for e in read_by_botocore(tap.cut(NOTE))]
    assert events[0] == ("contentBlockStop", {"contentBlockIndex": 1})
    assert events[1][1] == {"contentBlockIndex": 2, "delta": {"text": NOTE}}


damage = st.sampled_from([b"", b"\0", b"\xff" * 4, b"null", b"{}", b"-1", b"\0\0\0\x10"])


@given(pieces=st.lists(st.binary(max_size=80) | st.sampled_from([render({}, "metadata"), b"\0\0\0\x10"])))
def test_arbitrary_bytes_pass_unchanged_and_never_raise(pieces: list[bytes]) -> None:
    for name in ("bedrock_converse", "bedrock_invoke"):
        tap = by_name(name).tap(call(name), 200, CONTENT_TYPE)
        assert b"".join([*map(tap.feed, pieces), tap.finish()]) == b"".join(pieces)
        tap.answer()
        tap.cut(NOTE)
        tap.fail(GONE, "req")


@pytest.mark.parametrize("path", STREAMS, ids=name_of)
@given(data=st.data())
def test_damaged_streams_never_raise_and_are_never_complete_by_chance(
    path: Path, data: st.DataObject
) -> None:
    whole = bytearray(stream_of(path))
    at = data.draw(st.integers(0, len(whole)))
    whole[at : at + data.draw(st.integers(0, 30))] = data.draw(damage)
    size = data.draw(st.integers(1, 200))
    tap = tap_for(path)
    pieces = [bytes(whole[start : start + size]) for start in range(0, len(whole), size)]
    assert b"".join([*map(tap.feed, pieces), tap.finish()]) == bytes(whole)
    assert isinstance(tap.answer(), Answer)


def test_after_a_bad_crc_nothing_is_believed_and_all_counts_as_output() -> None:
    tap = by_name("bedrock_converse").tap(call("bedrock_converse"), 200, CONTENT_TYPE)
    bad = render({"contentBlockIndex": 0, "delta": {"text": "a"}}, "contentBlockDelta")[:-1] + b"\0"
    good = render({"usage": {"inputTokens": 1, "outputTokens": 1}}, "metadata")
    assert tap.feed(bad) + tap.feed(good) + tap.feed(b"x" * 10_000) == bad + good + b"x" * 10_000
    answer = tap.answer()
    assert (answer.complete, answer.usage.source) == (False, UsageSource.NONE)
    assert answer.output_bytes == len(bad) + len(good) + 10_000, "so that a cap still ends the stream"


@pytest.mark.parametrize("size", [1000, 65_536, 4 << 20])
def test_a_giant_frame_passes_in_bounded_memory_and_what_follows_is_metered(size: int) -> None:
    tap = by_name("bedrock_converse").tap(call("bedrock_converse"), 200, CONTENT_TYPE)
    giant = frame({":event-type": "contentBlockDelta", ":message-type": "event"}, b"x" * (3 << 20))
    whole = giant + render({"usage": {"inputTokens": 7, "outputTokens": 9}}, "metadata")
    passed = b"".join(tap.feed(whole[at : at + size]) for at in range(0, len(whole), size)) + tap.finish()
    assert passed == whole
    usage = tap.answer().usage
    assert (usage.input_tokens, usage.output_tokens) == (7, 9)


def test_a_frame_longer_than_any_of_awss_is_none() -> None:
    splitter = FrameSplitter()
    claimed = (200 << 20).to_bytes(4) + (0).to_bytes(4)
    assert splitter.feed(claimed + crc32(claimed).to_bytes(4) + b"x" * 100) == []
    assert splitter.broken
    assert splitter.held == b""


def test_no_more_than_a_frames_bound_is_held_back() -> None:
    splitter = FrameSplitter()
    giant = frame({":event-type": "x"}, b"y" * (2 * MAX_KEPT_BYTES))
    for at in range(0, len(giant), 1000):
        splitter.feed(giant[at : at + 1000])
        assert len(splitter.held) < 1100


def test_the_middle_of_a_giant_frame_is_filled_up_so_that_our_ending_can_be_read() -> None:
    tap = by_name("bedrock_converse").tap(call("bedrock_converse"), 200, CONTENT_TYPE)
    giant = frame({":event-type": "contentBlockDelta", ":message-type": "event"}, b"x" * (2 << 20))
    client = tap.feed(giant[: 1 << 20]) + tap.fail(GONE, "req")
    events = list(read_by_botocore(client))
    assert events[-1].headers[":exception-type"] == "modelStreamErrorException"


@pytest.mark.parametrize(
    "headers",
    [b"\x05", b"\x01a\x07\xff\xff", b"\x01a\x0c", b"\x00", b"\x01a\x09\0"],
    ids=["name too long", "value too long", "type nobody knows", "empty name", "cut value"],
)
def test_headers_that_are_none_break_the_stream(headers: bytes) -> None:
    prelude = pack(">II", 16 + len(headers), len(headers))
    data = prelude + crc32(prelude).to_bytes(4) + headers
    splitter = FrameSplitter()
    assert splitter.feed(data + crc32(data).to_bytes(4)) == []
    assert splitter.broken


def test_headers_of_all_types_are_read_past() -> None:
    kinds = {
        0: b"",
        1: b"",
        2: b"a",
        3: b"ab",
        4: b"abcd",
        5: b"a" * 8,
        6: b"\0\x02ab",
        8: b"a" * 8,
        9: b"a" * 16,
    }
    headers = b"".join(b"\x01k" + bytes((kind,)) + value for kind, value in kinds.items())
    headers += b"\x0b:event-type\x07\0\x04name"
    prelude = pack(">II", 16 + len(headers) + 2, len(headers))
    data = prelude + crc32(prelude).to_bytes(4) + headers + b"{}"
    (found,) = FrameSplitter().feed(data + crc32(data).to_bytes(4))
    assert (found.name, found.payload, dict(found.headers)) == ("name", b"{}", {"event-type": "name"})
