"""Estimates lean high before the answer, learn from whole answers only, and stay bounded."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pricing_world import used

from sluiceway.pricing.estimate import (
    ENOUGH,
    MAX_MARGIN,
    SAMPLES,
    Learned,
    PreviousInput,
    input_tokens,
    output_prior,
)
from sluiceway.types import Answer, Call, UsageSource


def call(size: int = 0, dense: int = 0, tools: bool = False, after: str | None = None) -> Call:
    return Call(
        dialect="openai_chat",
        operation="chat",
        model="m",
        input_bytes=size,
        dense_bytes=dense,
        has_tools=tools,
        previous_response_id=after,
    )


LAST = PreviousInput(input_tokens=5000, input_bytes=20_000, dense_bytes=1000, output_tokens=400)


@pytest.mark.parametrize(
    ("asked", "previous", "tokens"),
    [
        # 16 for the frame, 300/3
        pytest.param(call(300), None, 116, id="prose"),
        pytest.param(call(301), None, 117, id="rounded up"),
        # 16 + 200/3 up + 100*2/3 up
        pytest.param(call(300, dense=100), None, 16 + 67 + 67, id="part of it dense"),
        pytest.param(call(300, tools=True), None, 116 + 530, id="tools bring a prompt of their own"),
        # 5000 + 16 + (1000 - 500)/3 + 500*2/3
        pytest.param(call(21_000, dense=1500), LAST, 5000 + 16 + 167 + 334, id="only what is new is guessed"),
        pytest.param(call(20_000, dense=1000), LAST, 5016, id="nothing new"),
        # a compacted conversation starts over: 16 + 8000/3 + 1000*2/3
        pytest.param(call(9000, dense=1000), LAST, 16 + 2667 + 667, id="shorter than before"),
        # the provider adds 5000 + 400 itself, all 600 bytes are new
        pytest.param(call(600, after="resp_1"), LAST, 5000 + 400 + 200, id="history kept by the provider"),
        pytest.param(call(0), None, 16, id="nothing at all"),
    ],
)
def test_input_is_estimated_from_the_last_report_and_the_new_bytes(
    asked: Call, previous: PreviousInput | None, tokens: int
) -> None:
    assert input_tokens(asked, previous) == tokens


@given(size=st.integers(0, 10**8), more=st.integers(0, 10**6), share=st.floats(0, 1))
def test_more_bytes_are_never_estimated_as_fewer_tokens(size: int, more: int, share: float) -> None:
    dense = int(size * share)
    assert input_tokens(call(size, dense), None) <= input_tokens(call(size + more, dense), None)
    assert input_tokens(call(size, 0), None) <= input_tokens(call(size, dense), None) + 1


def answer(tokens: int, size: int = 0, real_input: int = 100, complete: bool = True) -> Answer:
    source = UsageSource.REPORTED if complete else UsageSource.PARTIAL
    return Answer(usage=used(real_input, tokens, source=source), complete=complete, output_bytes=size)


def taught(*outputs: int, client: str = "cli") -> Learned:
    learned = Learned()
    for tokens in outputs:
        learned.observe("m", client, call(252), answer(tokens))
    return learned


def test_output_is_unknown_until_enough_answers_were_seen() -> None:
    assert taught(*range(1, ENOUGH)).output_expected("m", "cli") is None
    assert taught(*range(1, ENOUGH + 1)).output_expected("m", "cli") == 10  # 8 * 1.2, up
    assert output_prior() == 1024


def test_output_follows_the_longest_recent_answers_and_forgets_old_ones() -> None:
    learned = taught(9000, *[100] * (SAMPLES - 1))
    assert learned.output_expected("m", "cli") == 10_800
    learned.observe("m", "cli", call(252), answer(100))
    assert learned.output_expected("m", "cli") == 120


def test_a_new_client_borrows_from_the_others_until_it_has_its_own() -> None:
    learned = taught(*[1000] * ENOUGH, client="agent")
    assert learned.output_expected("m", "chat") == 1200
    for _ in range(ENOUGH):
        learned.observe("m", "chat", call(252), answer(50))
    assert learned.output_expected("m", "chat") == 60
    assert learned.output_expected("m", "agent") == 1200
    assert learned.output_expected("other", "agent") is None


def test_the_margin_is_the_worst_recent_ratio_of_real_to_estimated() -> None:
    learned = Learned()
    # 252 bytes are estimated at 16 + 84 = 100 tokens
    for _ in range(ENOUGH):
        assert learned.input_margin("m") == 1
        learned.observe("m", "cli", call(252), answer(5, real_input=80))
    assert learned.input_margin("m") == 1
    learned.observe("m", "cli", call(252), answer(5, real_input=131))
    assert learned.input_margin("m") == Decimal("1.31")


def test_pictures_by_url_do_not_teach_an_absurd_margin() -> None:
    learned = Learned()
    for _ in range(ENOUGH):
        learned.observe("m", "cli", call(252), answer(5, real_input=90_000))
    assert learned.input_margin("m") == MAX_MARGIN


def test_the_margin_is_learned_against_the_estimate_that_was_made() -> None:
    learned = Learned()
    for _ in range(ENOUGH):
        learned.observe("m", "cli", call(20_300), answer(5, real_input=5116), LAST)
    assert learned.input_margin("m") == 1


def test_a_cut_answer_is_counted_from_its_bytes() -> None:
    learned = Learned()
    assert learned.output_from_bytes(301, "m") == 101
    assert learned.output_from_bytes(0, "m") == 0
    for _ in range(ENOUGH):
        learned.observe("m", "cli", call(252), answer(100, size=500))
    # a token per 5 bytes, and a tenth: 300/5 * 1.1
    assert learned.output_from_bytes(300, "m") == 66
    assert learned.output_from_bytes(1, "m") == 1


@pytest.mark.parametrize(
    "untold",
    [
        pytest.param(answer(9000, 10, complete=False), id="cut"),
        pytest.param(Answer(usage=used(100, 9000), complete=False), id="reported but not ended"),
        pytest.param(
            Answer(usage=used(100, 9000, source=UsageSource.ESTIMATED), complete=True), id="our own estimate"
        ),
    ],
)
def test_only_whole_reported_answers_teach(untold: Answer) -> None:
    learned = Learned()
    for _ in range(ENOUGH):
        learned.observe("m", "cli", call(252), untold)
    assert learned.output_expected("m", "cli") is None
    assert learned.output_from_bytes(30, "m") == 10


def test_memory_is_bounded_whatever_names_clients_invent() -> None:
    learned = Learned(max_keys=10)
    for number in range(1000):
        learned.observe(f"model-{number}", f"client-{number}", call(252), answer(5))
    assert len(learned._seen) <= 10
