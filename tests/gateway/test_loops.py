"""The same message again and again in one conversation is noticed, by its keyed hash alone."""

from __future__ import annotations

import pytest

from sluiceway.gateway.loops import LoopWatch, last_message
from sluiceway.policy.model import Loops
from sluiceway.wire.parts import Segment

LOOPS = Loops(repeats=3, within="10m")
ALICE, BOB = ("alice", "c-1"), ("bob", "c-1")


def said(*texts: str) -> list[Segment]:
    return [
        Segment(("messages", number, "content"), text, "user", "text") for number, text in enumerate(texts)
    ]


def times(watch: LoopWatch, *messages: tuple[tuple[str, str], str, float]) -> list[tuple[int, bool] | None]:
    """What each message comes to: how often it was there, and whether that is new."""
    found = [watch.look(talk, said("before", text), LOOPS, at_s) for talk, text, at_s in messages]
    return [circle and (circle.times, circle.new) for circle in found]


CASES = {
    "three times": ([(ALICE, "a", 0), (ALICE, "a", 1), (ALICE, "a", 2)], [None, None, (3, True)]),
    "and once more is nothing new": (
        [(ALICE, "a", 0), (ALICE, "a", 1), (ALICE, "a", 2), (ALICE, "a", 3)],
        [None, None, (3, True), (3, False)],
    ),
    "another message between": (
        [(ALICE, "a", 0), (ALICE, "a", 1), (ALICE, "b", 2), (ALICE, "a", 3)],
        [None, None, None, None],
    ),
    "too slowly": ([(ALICE, "a", 0), (ALICE, "a", 301), (ALICE, "a", 602)], [None, None, None]),
    "two people's": ([(ALICE, "a", 0), (BOB, "a", 1), (ALICE, "a", 2)], [None, None, None]),
    "again, later": (
        [(ALICE, "a", at_s) for at_s in (0, 1, 2, 5000, 5001, 5002)],
        [None, None, (3, True), None, None, (3, True)],
    ),
}


@pytest.mark.parametrize(("messages", "found"), CASES.values(), ids=CASES.keys())
def test_what_counts_as_a_loop(messages, found) -> None:
    assert times(LoopWatch(b"k" * 32), *messages) == found


def test_only_the_last_message_counts_with_what_tools_gave_back() -> None:
    history = said("first", "second")
    answer = Segment(("messages", 2, "content", 0), "thinking", "assistant", "text")
    result = [Segment(("messages", 3, "content", n), f"row {n}", "tool", "tool_result") for n in range(2)]
    system = Segment(("system",), "be nice", "system", "text")
    assert last_message([*history, answer, *result, system]) == ["row 0", "row 1"]
    assert last_message(history) == ["second"]
    assert last_message([system]) == []


def test_texts_are_told_apart_by_where_one_ends() -> None:
    watch = LoopWatch(b"k" * 32)
    parts = [[Segment(("m", 0, n), text, "user", "text") for n, text in enumerate(texts)]
             for texts in (["ab", "c"], ["a", "bc"], ["abc"])]  # fmt: skip
    assert [watch.look(ALICE, each, LOOPS, 0) for each in parts] == [None, None, None]


def test_no_text_is_kept() -> None:
    watch = LoopWatch(b"k" * 32)
    watch.look(ALICE, said("a very secret prompt"), LOOPS, 0)
    assert "secret" not in repr(watch._talks)
