"""Values read beside the names of their fields, and findings moved back to where they belong."""

from __future__ import annotations

import orjson
import pytest

from sluiceway.gateway.labels import labelled, own
from sluiceway.types import Finding
from sluiceway.wire import Target, by_name
from sluiceway.wire.parts import Segment


def segments(given: object) -> tuple[Segment, ...]:
    block = {"type": "tool_use", "id": "t", "name": "f", "input": given}
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "assistant", "content": [block]}]}
    dialect = by_name("anthropic_messages")
    return dialect.segments(dialect.read(Target("POST", "/v1/messages"), {}, orjson.dumps(body)))


CASES = {
    "a name that could mean a secret": ({"apiToken": "abcdef"}, '"apiToken": "abcdef"'),
    "any other name": ({"city": "abcdef"}, "abcdef"),
    "in a list": ({"tokens": ["abcdef"]}, "abcdef"),
    "a value of many lines": ({"token": "abc\ndef"}, "abc\ndef"),
    "a value with quotes": ({"token": 'abc"def'}, 'abc"def'),
    "a long value": ({"token": "a" * 301}, "a" * 301),
    "a sentence of JSON": ({"note": '{"password": "abcdef"}'}, '{"password": "abcdef"}'),
}


@pytest.mark.parametrize(("given", "wanted"), CASES.values(), ids=CASES)
def test_a_value_is_read_beside_a_name_that_could_mean_a_secret(given: object, wanted: str) -> None:
    texts, offsets = labelled(segments(given))
    assert wanted in texts
    at = texts.index(wanted)
    assert wanted[offsets[at] :].removesuffix('"') in segments(given)[at].text


MOVED = {
    "in the value": (Finding("SECRET", "r", 12, 18), (0, 6)),
    "over its edges": (Finding("SECRET", "r", 9, 20), (0, 6)),
    "in the name": (Finding("SECRET", "r", 0, 5), None),
}


@pytest.mark.parametrize(("finding", "span"), MOVED.values(), ids=MOVED)
def test_a_finding_is_moved_to_the_value_or_left_to_the_name(
    finding: Finding, span: tuple[int, int] | None
) -> None:
    segment = Segment(("apiToken",), "abcdef", "user", "other")
    found = own([finding], segment, 12)
    assert [(each.start, each.end) for each in found] == ([span] if span else [])
