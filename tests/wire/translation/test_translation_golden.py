"""Recorded exchanges between APIs (`translation_cases.py` tells what a folder holds), whole and cut."""

from __future__ import annotations

from pathlib import Path

import pytest
from translation_cases import FOLDERS, Case, name_of

PIECES = (1, 2, 3, 7, 64, 1000)
STREAMS = [folder for folder in FOLDERS if any(folder.glob("answer.[sf]*"))]
WHOLE = [folder for folder in FOLDERS if (folder / "answer.json").exists()]


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_the_provider_gets_what_the_client_means(folder: Path) -> None:
    case = Case(folder)
    assert case.translated().rendered.document == case.document("sent")


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_what_is_lost_is_counted_by_field(folder: Path) -> None:
    case = Case(folder)
    case.translated()
    lost = {loss.field: loss.times for loss in case.losses.all() if not loss.essential}
    assert lost == case.expect["losses"]
    assert sorted(loss.field for loss in case.losses.essential) == case.expect["essential"]


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_the_clients_request_is_left_as_it_was(folder: Path) -> None:
    case = Case(folder)
    case.translated()
    assert case.request == case.document("request")


@pytest.mark.parametrize("folder", WHOLE, ids=name_of)
def test_the_client_gets_an_answer_of_its_own_api(folder: Path) -> None:
    case = Case(folder)
    assert case.translated().answer(case.document("answer")) == case.document("shown")


@pytest.mark.parametrize("folder", STREAMS, ids=name_of)
def test_the_client_gets_a_stream_of_its_own_api(folder: Path) -> None:
    case = Case(folder)
    assert case.stream is not None
    passage = case.translated().passage()
    assert passage.feed(case.stream) + passage.finish() == case.shown_stream


@pytest.mark.parametrize("size", PIECES)
@pytest.mark.parametrize("folder", STREAMS, ids=name_of)
def test_a_stream_is_the_same_wherever_it_is_cut(folder: Path, size: int) -> None:
    case = Case(folder)
    assert case.stream is not None
    passage, stream = case.translated().passage(), case.stream
    pieces = (stream[at : at + size] for at in range(0, len(stream), size))
    assert b"".join(map(passage.feed, pieces)) + passage.finish() == case.shown_stream
