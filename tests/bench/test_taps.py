"""The streams that are measured exist, and the table says which aims were missed."""

from __future__ import annotations

import pytest

from .taps import STREAMS, Figure, _parts, _stream_kb, table


@pytest.mark.parametrize(("dialect", "case", "marker"), STREAMS)
def test_a_measured_stream_has_a_beginning_a_middle_and_an_end(
    dialect: str, case: str, marker: bytes
) -> None:
    begin, middle, end = _parts(dialect, case, marker)
    assert marker in middle
    assert end
    assert 0 < _stream_kb(dialect, begin, middle) < 1024


def test_a_missed_aim_is_shown() -> None:
    lines = table([Figure("quick", 100, 2.0, 3.0), Figure("slow", 100, 20.0, 3.0)]).splitlines()
    assert [line.split()[-1] for line in lines] == ["aim", "met", "MISSED"]
