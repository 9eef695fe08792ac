"""What is reserved before a request starts, how JSON is limited, and the words when there is no money."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from gateway_world import Ledger, call, exchange, granted, parts

from sluiceway.errors import Refused
from sluiceway.gateway.reservation import Estimate, estimate, output_limit, reserve
from sluiceway.policy.model import Budget
from sluiceway.store.records import Answer, Busy, Spent
from sluiceway.types import Call, Cap, RefusalKind

BUDGET = Budget(name="core-month", scope="company", limit_usd=Decimal(20), window="month")
CAP = Cap(
    "core-month",
    (),
    "month",
    datetime(2026, 11, 1, tzinfo=UTC),
    datetime(2026, 12, 1, tzinfo=UTC),
    20_000_000_000,
)
# call() has 26 tokens of input at 10 each, an output token costs 100, and one is added for rounding.
INPUT_NUSD = 260


def wanted(asked: Call, *answers: Answer) -> list[tuple[int, int, float]]:
    """What the ledger is asked for, as (nano-dollars, floor, seconds to wait)."""
    import asyncio

    ledger = Ledger(answers=list(answers) or [granted(0)])
    of = parts(ledger, BUDGET)
    asyncio.run(reserve(exchange(of, asked), of, exchange(of, asked).row()))
    return [(want.nusd, want.floor_nusd, wait_s) for want, _caps, wait_s in ledger.wants]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        # 1,024 tokens are expected of a model nobody has seen yet; the floor is 16 of them.
        pytest.param(call(stream=True), (INPUT_NUSD + 102_401, INPUT_NUSD + 1_601, 3), id="stream"),
        pytest.param(
            call(stream=True, max_output_tokens=50),
            (INPUT_NUSD + 5_001, INPUT_NUSD + 1_601, 3),
            id="limited stream",
        ),
        pytest.param(
            call(stream=True, max_output_tokens=4),
            (INPUT_NUSD + 401, INPUT_NUSD + 401, 3),
            id="below the floor",
        ),
        # An image is drawn whole: two of 272 tokens, or nothing.
        pytest.param(
            call(fixed_output=True, max_output_tokens=272, choices=2),
            (INPUT_NUSD + 54_401, INPUT_NUSD + 54_401, 3),
            id="images, which nothing limits",
        ),
        pytest.param(
            call(fixed_output=True, max_output_tokens=272, stream=True),
            (INPUT_NUSD + 27_201, INPUT_NUSD + 27_201, 3),
            id="a streamed image",
        ),
        pytest.param(
            call(stream=True, choices=3), (INPUT_NUSD + 307_201, INPUT_NUSD + 4_801, 3), id="three choices"
        ),
        pytest.param(
            call(max_output_tokens=50), (INPUT_NUSD + 5_001, INPUT_NUSD + 1_601, 3), id="JSON, limited"
        ),
        pytest.param(
            call(max_output_tokens=5_000),
            (INPUT_NUSD + 500_001, INPUT_NUSD + 500_001, 0),
            id="JSON, its worst case",
        ),
        pytest.param(call(), (INPUT_NUSD + 3_200_001, INPUT_NUSD + 3_200_001, 0), id="JSON without a limit"),
        pytest.param(
            call(operation="embeddings", max_output_tokens=0),
            (INPUT_NUSD + 1, INPUT_NUSD + 1, 3),
            id="embeddings",
        ),
    ],
)
def test_this_much_is_reserved(asked: Call, expected: tuple[int, int, float]) -> None:
    assert wanted(asked) == [expected]


def test_a_json_answer_whose_worst_case_is_not_free_now_waits_for_what_is_likely() -> None:
    assert wanted(call(), Busy(CAP, 5), granted(0)) == [
        (INPUT_NUSD + 3_200_001, INPUT_NUSD + 3_200_001, 0),
        (INPUT_NUSD + 102_401, INPUT_NUSD + 1_601, 3),
    ]


@pytest.mark.parametrize(
    ("limit", "tokens"), [pytest.param(50, 50, id="limited"), pytest.param(None, 128_000, id="unlimited")]
)
async def test_a_signed_json_request_waits_for_its_worst_case_and_takes_no_less(
    limit: int | None, tokens: int
) -> None:
    ledger = Ledger(answers=[granted(0)])
    of = parts(ledger, BUDGET)
    ex = exchange(of, call(max_output_tokens=limit))
    ex.signed = True
    await reserve(ex, of, ex.row())
    whole = INPUT_NUSD + tokens * 100 + 1
    assert [(want.nusd, want.floor_nusd, wait_s) for want, _, wait_s in ledger.wants] == [(whole, whole, 3)]


async def test_counting_tokens_holds_no_money_and_asks_no_cap() -> None:
    ledger = Ledger(answers=[granted(0, None)])
    of = parts(ledger, BUDGET)
    ex = exchange(of, call(operation="count_tokens", max_output_tokens=0))
    await reserve(ex, of, ex.row())
    ((want, caps, _),) = ledger.wants
    assert (want.nusd, list(caps)) == (1, [])


async def test_a_call_that_counts_against_no_cap_asks_none() -> None:
    ledger = Ledger(answers=[granted(0, None), granted(0)])
    of = parts(ledger, BUDGET)
    ex = exchange(of, call(stream=True))
    from dataclasses import replace

    await reserve(ex, of, replace(ex.row(), budgeted=False))
    await reserve(ex, of, ex.row())
    assert [len(caps) for _, caps, _ in ledger.wants] == [0, 1]


GUESS = Estimate(input_tokens=26, expected_tokens=1024, most_tokens=32_000, input_nusd=260, token_nusd=100.0)


@pytest.mark.parametrize(
    ("nusd", "tokens"), [(0, 0), (260, 0), (261, 0), (360, 0), (361, 1), (461, 2), (3_200_261, 32_000)]
)
def test_what_money_pays_for_after_the_input(nusd: int, tokens: int) -> None:
    assert GUESS.affordable(nusd) == tokens
    assert GUESS.cost(tokens) <= max(nusd, GUESS.cost(0))


@pytest.mark.parametrize(
    ("asked", "nusd", "remaining_nusd", "limit"),
    [
        pytest.param(call(), 3_200_261, 10**12, None, id="plenty"),
        pytest.param(call(), 10_261, 0, 100, id="little"),
        pytest.param(call(choices=3), 10_261, 0, 33, id="little for three choices"),
        pytest.param(call(), 3_200_261, 0, 32_000, id="an answer without a limit might pass all there is"),
        # 128,000 tokens are the longest answer there is: 12,800,261 with the input.
        pytest.param(call(), 3_200_261, 9_600_000, None, id="the longest answer is just covered"),
        pytest.param(call(), 3_200_261, 9_599_999, 32_000, id="and here just not"),
        pytest.param(call(max_output_tokens=32_000), 3_200_261, 0, None, id="its own limit is enough"),
        pytest.param(call(stream=True), 10_261, 0, None, id="a stream can be cut"),
        pytest.param(call(), 10_261, None, None, id="no caps"),
    ],
)
def test_a_json_answer_is_limited_where_its_caps_might_not_carry_it(
    asked: Call, nusd: int, remaining_nusd: int | None, limit: int | None
) -> None:
    assert output_limit(asked, GUESS, granted(nusd, remaining_nusd)) == limit


def test_a_model_that_costs_nothing_is_never_limited() -> None:
    free = Estimate(26, 0, 32_000, 0, 0.0)
    assert output_limit(call(), free, granted(1, 10**12)) is None


async def refusal_of(answer: Answer) -> Refused:
    ledger = Ledger(answers=[answer])
    of = parts(ledger, BUDGET)
    ex = exchange(of, call(stream=True))
    with pytest.raises(Refused) as refused:
        await reserve(ex, of, ex.row())
    return refused.value


async def test_spent_money_is_a_final_no_that_says_until_when_and_whom_to_ask() -> None:
    refusal = (await refusal_of(Spent(CAP, 20_010_000_000, CAP.ends_at))).refusal
    assert (refusal.kind, refusal.rule, refusal.resets_at) == (RefusalKind.BUDGET, "core-month", CAP.ends_at)
    assert refusal.message == (
        "Sluiceway: the budget 'core-month' (20.00 USD per month) is used up: 20.01 USD spent. "
        "It resets at 2026-12-01 00:00 UTC. Ask #ai-platform if you need more."
    )


async def test_a_lifetime_budget_does_not_reset() -> None:
    lifetime = Cap("pilot", (), "lifetime", datetime(1970, 1, 1, tzinfo=UTC), None, 1_500_000)
    refusal = (await refusal_of(Spent(lifetime, 1_500_000, None))).refusal
    assert refusal.message == (
        "Sluiceway: the budget 'pilot' (0.0015 USD) is used up: 0.0015 USD spent. "
        "Ask #ai-platform if you need more."
    )


async def test_reserved_money_is_a_no_worth_repeating() -> None:
    refusal = (await refusal_of(Busy(CAP, 5))).refusal
    assert (refusal.kind, refusal.code, refusal.retry_after_s) == (RefusalKind.BUSY, "budget_busy", 5)


async def test_a_ledger_that_cannot_be_written_lets_nothing_pass() -> None:
    ledger = Ledger(fails=True)
    of = parts(ledger, BUDGET)
    ex = exchange(of, call(stream=True))
    with pytest.raises(Refused) as refused:
        await reserve(ex, of, ex.row())
    assert refused.value.refusal.code == "ledger_unavailable"


def test_an_estimate_learns_how_long_answers_are() -> None:
    from sluiceway.types import Answer as Seen
    from sluiceway.types import Usage, UsageSource

    of = parts(Ledger())
    asked = call()
    seen = Seen(Usage(26, 200, source=UsageSource.REPORTED), complete=True)
    for _ in range(8):
        of.learned.observe("m", "", asked, seen)
    assert estimate(exchange(of, asked), of, asked).expected_tokens == 240  # 200 and a fifth


def test_what_nothing_limits_gets_no_limit() -> None:
    drawn = call(fixed_output=True, max_output_tokens=272)
    guess = Estimate(26, 272, 272, INPUT_NUSD, 100.0)
    assert output_limit(drawn, guess, granted(0)) is None
