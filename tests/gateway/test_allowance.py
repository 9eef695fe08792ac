"""A stream may say what its money pays for, is topped up in time, and ends before the chunk that is over."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest
from gateway_world import Ledger, call, parts

from sluiceway.gateway.allowance import AHEAD_TOKENS, Allowance
from sluiceway.gateway.reservation import Estimate
from sluiceway.store.records import Granted, Reservation
from sluiceway.types import Answer, Call, Usage, UsageSource
from sluiceway.wire.dialect import Tap

# An output token costs 100, the input 260; nothing learned yet, so three bytes are taken for one token.
GUESS = Estimate(input_tokens=26, expected_tokens=1024, most_tokens=32_000, input_nusd=260, token_nusd=100.0)
CHUNK_BYTES = 300  # of a stream, of which 30 were generated: 10 tokens


class Stream:
    """A tap that has seen so many chunks."""

    def __init__(self, usage: Usage | None = None) -> None:
        self.chunks = 0
        self.usage = usage or Usage()

    def answer(self) -> Answer:
        return Answer(self.usage, output_bytes=self.chunks * 30)


async def chunks_until_cut(
    ledger: Ledger, tokens: int, asked: Call | None = None, stream: Stream | None = None
) -> int:
    """How many chunks the client gets when `tokens` of output are reserved; 1,000 stands for all."""
    return await chunks_of(allowed(ledger, tokens, asked), stream or Stream())


def allowed(ledger: Ledger, tokens: int, asked: Call | None = None) -> Allowance:
    granted = Granted(Reservation(1, 261 + tokens * 100, ()), False, 0, None)
    return Allowance(parts(ledger), granted, GUESS, asked or call(stream=True))


async def chunks_of(allowance: Allowance, stream: Stream) -> int:
    for _ in range(1000):
        stream.chunks += 1
        if not await allowance.covers(cast(Tap, stream), CHUNK_BYTES):
            return stream.chunks
        await asyncio.sleep(0)  # the next one takes its time
    return 1000


@pytest.mark.parametrize("tokens", [0, 9, 10, 99, 100, 255, 300, 1000, 5000])
async def test_without_more_money_a_stream_ends_before_the_chunk_that_would_pass_what_was_reserved(
    tokens: int,
) -> None:
    # What the first one holds is known when it is there.
    assert await chunks_until_cut(Ledger(), tokens) == max(1, tokens // 10)


async def test_a_stream_is_topped_up_before_its_money_is_used() -> None:
    ledger = Ledger(top_ups=[10**9] * 100)
    assert await chunks_until_cut(ledger, 300) == 1000
    # Asked for in lots of 512 tokens at first, later of a quarter of what was said: not once a chunk.
    assert ledger.asked_nusd[0] == AHEAD_TOKENS * 2 * 100 + 1
    assert len(ledger.asked_nusd) < 20


async def test_the_last_money_of_a_cap_is_used_too() -> None:
    # 300 reserved and 50 more to be had: 350 tokens.
    assert await chunks_until_cut(Ledger(top_ups=[5_000]), 300) == 35


async def test_money_that_others_give_back_later_is_found() -> None:
    assert await chunks_until_cut(Ledger(top_ups=[0, 0, 5_000]), 300) == 35


async def test_a_ledger_that_cannot_be_written_gives_no_more_money_and_no_budget_is_blamed() -> None:
    allowance = allowed(Ledger(fails=True), 300)
    stream = Stream()
    assert await chunks_of(allowance, stream) == 30
    assert "the ledger cannot be written" in allowance.last_words()
    assert "used up" not in allowance.last_words()


class SlowLedger(Ledger):
    """Answers when the test says so."""

    def __init__(self, *top_ups: int) -> None:
        super().__init__(top_ups=list(top_ups))
        self.answers_now = asyncio.Event()

    async def top_up(self, reservation: Reservation, extra_nusd: int) -> int:
        await self.answers_now.wait()
        return await super().top_up(reservation, extra_nusd)


@pytest.mark.parametrize(("left_nusd", "goes_on"), [(10**9, True), (60_000, False)])
async def test_a_giant_chunk_that_comes_while_the_ledger_is_asked_is_asked_for_anew(
    left_nusd: int, goes_on: bool
) -> None:
    """What was asked for before it came does not cover it, which says nothing of the budget."""
    ledger = SlowLedger(10**9, left_nusd)
    allowance, stream = allowed(ledger, 300), Stream()
    for _ in range(6):
        stream.chunks += 1
        assert await allowance.covers(cast(Tap, stream), CHUNK_BYTES)
    stream.chunks += 200
    asyncio.get_running_loop().call_soon(ledger.answers_now.set)
    assert await allowance.covers(cast(Tap, stream), 200 * CHUNK_BYTES) is goes_on
    assert len(ledger.asked_nusd) == 2


async def test_a_stream_reserved_to_its_own_limit_runs_to_its_end_without_asking() -> None:
    ledger = Ledger()
    limited = call(stream=True, max_output_tokens=400)
    allowance = Allowance(
        parts(ledger),
        Granted(Reservation(1, 261 + 400 * 100, ()), False, 0, None),
        Estimate(26, 400, 400, 260, 100.0),
        limited,
    )
    stream = Stream()
    for _ in range(1000):  # by its bytes it would be 10,000 tokens: it cannot be
        stream.chunks += 1
        assert await allowance.covers(cast(Tap, stream), CHUNK_BYTES)
    assert ledger.asked_nusd == []


async def test_input_that_turns_out_larger_is_made_good_from_the_same_money() -> None:
    # 26 input tokens were guessed, and 126 it is: 100 more at 10, which is 10 tokens of output, and one for
    # the rounding up.
    stream = Stream(Usage(input_tokens=126, source=UsageSource.PARTIAL))
    assert await chunks_until_cut(Ledger(), 300, stream=stream) == 28


async def test_input_that_turns_out_smaller_changes_nothing() -> None:
    stream = Stream(Usage(input_tokens=5, source=UsageSource.PARTIAL))
    assert await chunks_until_cut(Ledger(), 300, stream=stream) == 30


async def test_the_providers_own_count_on_the_way_wins_where_it_is_higher() -> None:
    # Thinking that is not shown: 290 tokens by the count, 10 a chunk by the bytes.
    stream = Stream(Usage(input_tokens=26, output_tokens=290, source=UsageSource.PARTIAL))
    assert await chunks_until_cut(Ledger(), 300, stream=stream) == 30
    hidden = Stream(Usage(input_tokens=26, output_tokens=301, source=UsageSource.PARTIAL))
    assert await chunks_until_cut(Ledger(), 300, stream=hidden) == 1
