"""All dialects under damage: nothing raises, bytes pass unchanged, no damaged answer is taken for whole.

Bounded here; `make fuzz` runs the same with thousands of examples each (SLUICEWAY_FUZZ=20000).
"""

from __future__ import annotations

import os
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.wire.form_files import request_of
from tests.wire.test_cases import CASES, Case, name_of

from sluiceway.errors import WireError
from sluiceway.types import Answer, Call, Refusal, RefusalKind, UsageSource
from sluiceway.wire import Target, by_name
from sluiceway.wire.answer_parts import AnswerParts

EXAMPLES = int(os.environ.get("SLUICEWAY_FUZZ", "15"))
GONE = Refusal(RefusalKind.UNREACHABLE, "upstream_lost", "The provider closed the connection.")
fuzz = settings(max_examples=EXAMPLES)
STREAMS = [case for case in CASES if (case / "response.sse").exists()]
NAMES = sorted({case.parent.name for case in CASES})
streams = pytest.mark.parametrize("folder", STREAMS, ids=name_of)
by_dialect = pytest.mark.parametrize("name", NAMES)

# What is put in, or takes the place of something: lines, JSON that is none, keys again, numbers nobody sends.
DIRT = st.sampled_from(
    [
        *(b"", b"\n", b"\r", b"\r\n\r\n", b"\n\n", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b": ping\n\n"),
        *(b"null", b"[]", b"{}", b'"', b"\\", b"\\ud800", b"-1", b"1e400", b"NaN", b"9" * 40, b"true"),
        *(b'"usage":null,', b'"usage":[],', b'"usage":{"input_tokens":-5},', b'"type":7,', b'"error":"no",'),
        *(
            b'"usageMetadata":7,',
            b'"choices":{},',
            b'"delta":null,',
            b'"candidates":[[]],',
            b'"output":[null],',
        ),
        *(b"[" * 300, b'{"a":' * 300, b"data: [DONE]\n\n", b'event: later\ndata: {"x":[{}]}\n\n'),
        *(b"data: \n\n", b"data: 7\n\n", b'data: ["x"]\n\n', b"event: error\ndata: null\n\n"),
    ]
) | st.binary(max_size=12)


def damaged(data: st.DataObject, whole: bytes) -> bytes:
    """The bytes with up to three changes: something put in, taken out, repeated, cut off."""
    body = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(body)))
        end = min(len(body), at + data.draw(st.integers(0, 40)))
        match data.draw(st.sampled_from(["put", "repeat", "cut"])):
            case "put":
                body[at:end] = data.draw(DIRT)
            case "repeat":
                body[at:at] = body[at : at + 400]
            case "cut":
                del body[at : at + data.draw(st.integers(0, len(body)))]
    return bytes(body)


def pieces(data: st.DataObject, whole: bytes) -> list[bytes]:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    return [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]


def metered(case: Case, chunks: list[bytes]) -> tuple[bytes, Answer]:
    tap = case.tap()
    client = b"".join([*map(tap.feed, chunks), tap.finish()])
    answer = tap.answer()
    tap.cut('Ask "dave".')
    tap.fail(GONE, "req")
    assert tap.answer().usage == answer.usage
    return client, answer


@pytest.mark.parametrize("folder", CASES, ids=name_of)
@fuzz
@given(data=st.data())
def test_a_damaged_answer_passes_as_it_came_and_its_counts_are_counts(
    folder: Path, data: st.DataObject
) -> None:
    case = Case(folder)
    whole = damaged(data, case.answer)
    client, answer = metered(case, pieces(data, whole))
    if not case.read().call.usage_added:
        assert client == whole
    usage = answer.usage
    told = [usage.input_tokens, usage.output_tokens, usage.cache_read_tokens, usage.cache_write_tokens]
    told += [usage.reasoning_tokens, usage.audio_input_tokens, usage.audio_output_tokens, usage.image_tokens]
    assert all(count is None or 0 <= count < 2**60 for count in told)
    assert all(0 <= units < 2**60 for units in usage.tool_units.values())
    assert answer.output_bytes >= 0
    if None in (usage.input_tokens, usage.output_tokens) and not usage.tool_units:
        assert usage.source is not UsageSource.REPORTED


@streams
@fuzz
@given(data=st.data())
def test_the_beginning_of_a_stream_is_not_taken_for_another_whole(folder: Path, data: st.DataObject) -> None:
    """Whatever is complete and reported has the counts of the whole; before that it is partial or none."""
    case = Case(folder)
    _, final = metered(case, [case.answer])
    begun = case.answer[: data.draw(st.integers(0, len(case.answer)))]
    _, answer = metered(case, pieces(data, begun))
    if answer.complete and answer.usage.source is UsageSource.REPORTED:
        assert answer.usage == final.usage


@streams
@fuzz
@given(data=st.data())
def test_events_and_fields_nobody_knows_change_no_count(folder: Path, data: st.DataObject) -> None:
    case = Case(folder)
    if b"\r\n\r\n" in case.answer or case.answer.startswith(b"["):
        return
    events = case.answer.split(b"\n\n")
    at = data.draw(st.integers(0, len(events) - 1))
    news = data.draw(st.dictionaries(st.sampled_from(["novel", "x_note", "later"]), st.text(max_size=8)))
    unknown = b'event: novelty.happened\ndata: {"type":"novelty.happened","n":%s}' % orjson.dumps(news)
    whole = b"\n\n".join([*events[:at], unknown, *events[at:]])
    _, without = metered(case, [case.answer])
    client, answer = metered(case, pieces(data, whole))
    assert (answer.usage, answer.complete, answer.model) == (without.usage, without.complete, without.model)
    assert unknown in client


@pytest.mark.parametrize("folder", STREAMS, ids=name_of)
def test_a_giant_line_passes_and_what_comes_behind_it_is_still_read(folder: Path) -> None:
    case = Case(folder)
    giant = b": " + b"x" * (3 << 20) + b"\n\n"
    chunks = [giant[at : at + 65_536] for at in range(0, len(giant), 65_536)]
    if case.answer.startswith(b"["):
        return
    _, without = metered(case, [case.answer])
    client, answer = metered(case, [*chunks, case.answer])
    assert len(client) >= len(giant)
    assert answer.usage == without.usage


@by_dialect
@fuzz
@given(data=st.data())
def test_a_damaged_request_is_read_or_refused_and_never_raises(name: str, data: st.DataObject) -> None:
    dialect = by_name(name)
    folder = data.draw(st.sampled_from([case for case in CASES if case.parent.name == name]))
    expect = orjson.loads((folder / "expect.json").read_bytes())
    body, headers = request_of(folder)
    whole = damaged(data, body)
    target = Target("POST", expect["path"], expect.get("query", ""))
    try:
        reading = dialect.read(target, {**headers, **expect.get("headers", {})}, whole)
    except WireError:
        return
    assert isinstance(reading.call, Call)
    found = dialect.segments(reading)
    assert dialect.replaced(reading, {}) is reading
    assert dialect.limit_output(reading, 100_000_000).call.input_bytes == reading.call.input_bytes
    texts = [segment for segment in found if segment.text and not segment.fixed]
    if texts:
        one = data.draw(st.sampled_from(texts))
        try:
            new = dialect.replaced(reading, {one.path: "<MASKED_1>"})
        except WireError:
            return
        assert b"<MASKED_1>" in new.body


@by_dialect
@fuzz
@given(
    document=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "type",
                        "delta",
                        "choices",
                        "message",
                        "content",
                        "candidates",
                        "parts",
                        "text",
                        "data",
                        "revised_prompt",
                        "segments",
                        "output",
                        "item",
                        "index",
                        "tool_calls",
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=20,
    )
)
def test_any_document_has_its_words_looked_for_without_raising(name: str, document: object) -> None:
    assert isinstance(by_name(name).answer_parts(document), AnswerParts)
