"""What is read leniently: counts in odd spellings, and what a stream tells piece by piece."""

from __future__ import annotations

from typing import Any

import pytest

from sluiceway.wire.fields import count, newer

NESTED = 900


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        pytest.param(13, 13, id="whole"),
        pytest.param(13.0, 13, id="whole as a float"),
        pytest.param(0, 0, id="zero"),
        pytest.param(13.5, None, id="a fraction"),
        pytest.param(float("inf"), None, id="infinite"),
        pytest.param(float("nan"), None, id="no number"),
        pytest.param(1e300, None, id="endless"),
        pytest.param(-1, None, id="negative"),
        pytest.param(True, None, id="a truth"),
        pytest.param("13", None, id="a text"),
        pytest.param(None, None, id="null"),
    ],
)
def test_a_count_is_a_whole_number_within_bounds(value: object, wanted: int | None) -> None:
    found = count(value)
    assert found == wanted
    assert found is None or type(found) is int


@pytest.mark.parametrize(
    ("told", "later", "wanted"),
    [
        pytest.param({"a": 1}, {"a": 2}, {"a": 2}, id="the last value counts"),
        pytest.param({"a": 1}, {"a": 0}, {"a": 0}, id="zero is a value"),
        pytest.param({"a": 1}, {"a": None, "b": 3}, {"a": 1, "b": 3}, id="null says nothing"),
        pytest.param({"a": {"b": 1}}, {"a": {"b": None}}, {"a": {"b": 1}}, id="nor does it within"),
        pytest.param({"a": {"b": 1}}, {"a": {"c": 2}}, {"a": {"b": 1, "c": 2}}, id="objects are joined"),
        pytest.param({"a": {"b": 1}}, {"a": 5}, {"a": 5}, id="another kind replaces"),
        pytest.param({}, {"a": 1}, {"a": 1}, id="the first"),
        pytest.param({"a": 1}, {}, {"a": 1}, id="nothing more"),
    ],
)
def test_what_was_told_is_brought_up_to_date(
    told: dict[str, Any], later: dict[str, Any], wanted: dict[str, Any]
) -> None:
    assert newer(told, later) == wanted


def test_depth_that_is_meant_to_hurt_does_not() -> None:
    deep: dict[str, Any] = {}
    for _ in range(NESTED):
        deep = {"a": deep}
    assert "a" in newer(deep, deep)
