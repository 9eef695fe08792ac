"""Translation under damage: only WireError is raised, and a client's stream stays one of its own API.

Bounded here; SLUICEWAY_FUZZ=20000 runs thousands of examples.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from translation_cases import FOLDERS, Case, name_of

from sluiceway.errors import WireError
from sluiceway.wire.sse import EventSplitter, data_of
from sluiceway.wire.translation import TRANSLATORS
from sluiceway.wire.translation.translator import Translator

EXAMPLES = int(os.environ.get("SLUICEWAY_FUZZ", "12"))
WHOLE = [folder for folder in FOLDERS if (folder / "answer.json").exists()]
STREAMS = [folder for folder in FOLDERS if (folder / "answer.sse").exists()]
fuzz = settings(max_examples=EXAMPLES)
ENDS = (
    *(b"[DONE]", b'"message_stop"', b'"error"', b'"finishReason"'),
    *(b'"response.completed"', b'"response.incomplete"', b'"response.failed"'),
)
JUNK = st.sampled_from(
    [
        *(None, True, False, 0, -1, 1.5, 2**60, "", "x", [], [None], [[]], {}, {"type": 7}, {"type": "text"}),
        *([{}], {"text": None}, {"content": 3}, {"role": "user"}, {"function": []}, "data:;base64,", ["x"]),
    ]
)
DIRT = st.sampled_from(
    [
        *(b"", b"\n", b"\r\n\r\n", b"\n\n", b"\xff", b"null", b"[]", b"{}", b'"', b"\\", b"-1", b"[" * 300),
        *(b"data: [DONE]\n\n", b'"delta":null,', b'"choices":{},', b'"index":"x",', b"data: 1\n\n"),
    ]
)


def _places(node: Any) -> list[tuple[Any, Any]]:
    """Every container of the document with every key in it."""
    found: list[tuple[Any, Any]] = []
    keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else []
    for key in keys:
        found.append((node, key))
        found += _places(node[key])
    return found


def _damage(document: Any, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(1, 3))):
        if places := _places(document):
            place, key = places[data.draw(st.integers(0, len(places) - 1))]
            place[key] = orjson.loads(orjson.dumps(data.draw(JUNK)))  # each its own


@pytest.mark.parametrize("target", TRANSLATORS, ids=lambda one: one.name)
@settings(max_examples=10 * EXAMPLES)
@given(data=st.data())
def test_a_damaged_request_is_translated_or_refused(target: Translator, data: st.DataObject) -> None:
    case = Case(FOLDERS[data.draw(st.integers(0, len(FOLDERS) - 1))])
    case.target = target
    _damage(case.request, data)
    with contextlib.suppress(WireError):
        orjson.dumps(case.translated().rendered.document)


@pytest.mark.parametrize("folder", STREAMS, ids=name_of)
@fuzz
@given(data=st.data())
def test_a_damaged_stream_stays_one_of_the_clients_api(folder: Path, data: st.DataObject) -> None:
    case = Case(folder)
    stream = bytearray(case.stream or b"")
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(stream)))
        stream[at : at + data.draw(st.integers(0, 60))] = data.draw(DIRT)
    passage, size = case.translated().passage(), data.draw(st.integers(1, 500))
    shown = b"".join(passage.feed(bytes(stream[at : at + size])) for at in range(0, len(stream), size))
    shown += passage.finish()
    assert passage.cut("x") == b"" and passage.finish() == b""
    splitter = EventSplitter()
    events = [data_of(event) for event in splitter.feed(shown)]
    assert splitter.between and events
    assert all(event == b"[DONE]" or isinstance(orjson.loads(event), dict) for event in events)


@pytest.mark.parametrize("folder", STREAMS, ids=name_of)
@fuzz
@given(data=st.data())
def test_a_stream_can_be_cut_after_any_byte(folder: Path, data: st.DataObject) -> None:
    case = Case(folder)
    stream = case.stream or b""
    passage = case.translated().passage()
    begun = passage.feed(stream[: data.draw(st.integers(0, len(stream)))])
    ending = passage.cut("[The budget is used up.]")
    events = [data_of(event) for event in EventSplitter().feed(begun + ending)]
    assert passage.feed(stream) == b"" == passage.finish()
    assert not ending or b"[The budget is used up.]" in ending
    last = next(event for event in reversed(events) if event)
    assert any(end in last for end in ENDS)


@pytest.mark.parametrize("translator", TRANSLATORS, ids=lambda one: one.name)
@settings(max_examples=10 * EXAMPLES)
@given(data=st.data())
def test_a_damaged_answer_is_read_as_far_as_it_goes(translator: Translator, data: st.DataObject) -> None:
    case = Case(WHOLE[data.draw(st.integers(0, len(WHOLE) - 1))])
    answer = case.document("answer")
    _damage(answer, data)
    translation = case.translated()
    orjson.dumps(translation.answer(answer))
    orjson.dumps(translation.source.render_answer(translator.parse_answer(answer), translation.asked))
    assert translator.render_error(translator.parse_error(500, answer), "sw_1").status >= 400
