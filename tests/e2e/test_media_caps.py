"""Caps and images: what cannot be limited is reserved whole, or refused; what breaks off is still owed."""

from __future__ import annotations

import pytest

from sluiceway.demo.pace import NO_LATENCY
from tests.e2e.running import Running
from tests.e2e.since import Since
from tests.e2e.tunnel import Tunnel

pytestmark = pytest.mark.e2e

BUDGET = "[{name: core-month, scope: company, limit_usd: 0.02, window: month}]"
PATH = "/v1/images/generations"
# A low image of 1,024 pixels square is 272 tokens at 30 USD a million; the best one that may come is 6,240.
LOW = {"model": "gpt-image-2", "prompt": "a gate", "quality": "low", "size": "1024x1024"}
LOW_NUSD = 272 * 30_000


@pytest.fixture
def capped(fresh: type[Running]) -> Running:
    return fresh(budgets=BUDGET, wait_s=0, latency=NO_LATENCY)


def test_an_image_that_the_cap_does_not_carry_is_refused_before_it_is_drawn(capped: Running) -> None:
    since = Since(capped)
    with Tunnel(capped, capped.add("alice"), "api.openai.com") as tunnel:
        refused = tunnel.ask(PATH, {"model": "gpt-image-2", "prompt": "a gate"})
        assert (refused.status, refused.header("x-sluiceway-refused")) == (429, "budget_spent")
        assert since.served == []
        assert [tunnel.ask(PATH, LOW).status for _ in range(3)] == [200, 200, 429]
    costs = [row["cost_nusd"] for row in since.rows(4)]
    assert costs[0] == costs[3] == 0
    assert all(LOW_NUSD < cost < LOW_NUSD + 100_000 for cost in costs[1:3])


def test_a_streamed_image_is_not_cut_half_way(capped: Running) -> None:
    since = Since(capped)
    with Tunnel(capped, capped.add("alice"), "api.openai.com") as tunnel:
        answer = tunnel.ask(PATH, {**LOW, "stream": True, "partial_images": 2})
    assert b"image_generation.completed" in answer.body
    assert (since.row()["outcome"], since.row()["output_tokens"]) == ("ok", 272)


def test_an_image_whose_stream_breaks_off_is_owed_as_it_was_announced(capped: Running) -> None:
    since = Since(capped)
    with Tunnel(capped, capped.add("alice"), "api.openai.com") as tunnel:
        body = {**LOW, "stream": True, "partial_images": 1}
        tunnel.ask(PATH, body, x_demo_fault="cut;after=1")
    row = since.row()
    assert (row["outcome"], row["usage_source"]) == ("truncated", "estimated")
    assert row["output_tokens"] == 272 + 100
    assert row["cost_nusd"] == row["charged_nusd"] == row["input_tokens"] * 5_000 + 372 * 30_000
