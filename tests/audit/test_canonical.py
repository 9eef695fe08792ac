"""The one byte form of a record: as RFC 8785 says, for what records hold."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluiceway.audit.canonical import canonical, tagged

texts = st.text(st.characters(codec="utf-8"))
values = st.recursive(
    st.none() | st.integers(-(2**53) + 1, 2**53 - 1) | texts,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(max_codepoint=127)), inner, max_size=4)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": None, "A": "x"}, '{"A":"x","a":null,"b":1}'),
        ({"": [], "0": [1, [2]]}, '{"":[],"0":[1,[2]]}'),
        ("\u20ac$\u000f\nA'\u0042\u0022\u005c\\\u0022/", '"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'),
        ("\x7f\u2028\U0001f600\b\t\f\r", '"\x7f\u2028\U0001f600\\b\\t\\f\\r"'),
        (-1, "-1"),
        (9007199254740991, "9007199254740991"),
    ],
    ids=["order", "nesting", "the string of RFC 8785", "nothing else escaped", "negative", "largest"],
)
def test_a_value_has_the_bytes_of_rfc_8785(value: object, text: str) -> None:
    assert canonical(value) == text.encode()  # type: ignore[arg-type]  # each is


@pytest.mark.parametrize(
    "value",
    [1.0, True, 2**53, {"é": 1}, [[False]], "\ud800"],
    ids=["fraction", "truth", "too large", "name", "deep", "half"],
)
def test_what_has_no_form_here_is_refused(value: object) -> None:
    with pytest.raises(ValueError):
        canonical(value)  # type: ignore[arg-type]  # that is the point


@given(values)
def test_every_form_reads_back_and_is_the_only_one(value: object) -> None:
    form = canonical(value)  # type: ignore[arg-type]  # drawn to fit
    assert json.loads(form) == value
    assert canonical(json.loads(form)) == form


def test_the_same_value_for_two_purposes_is_two_texts() -> None:
    assert (
        tagged("part", {"id": "1"}) == b'sluiceway-audit-v1/part\n{"id":"1"}' != tagged("entry", {"id": "1"})
    )
