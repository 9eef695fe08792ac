"""Health: averages that follow, percentiles of what came lately, and a view that is not made for each
request."""

from __future__ import annotations

import pytest

from sluiceway.gateway.breaker import Breakers, Ending, Place
from sluiceway.gateway.health import FRESH_S, KEPT, WINDOW_S, HealthBook, Sample
from sluiceway.types import Target

GPT, OTHER = Target("openai", "gpt-5.1"), Target("groq", "llama")
MAIN, SPARE = Place(GPT, "main"), Place(GPT, "spare")


def book(*ttfts: float | None, at_s: float = 0.0) -> HealthBook:
    made = HealthBook(Breakers())
    for ttft_ms in ttfts:
        made.observe(MAIN, Sample(at_s, ttft_ms, 1000.0))
    return made


def test_the_average_follows_and_the_p95_is_the_nearest_rank() -> None:
    health = book(*[100.0] * 19, 600.0).snapshot(0.0)[GPT]
    assert health.ttft_ms == pytest.approx(200.0)  # 100 + 0.2 * (600 - 100)
    assert health.ttft_p95_ms == 100.0  # the 19th of 20
    assert (health.latency_ms, health.latency_p95_ms) == (1000.0, 1000.0)


def test_an_answer_that_is_no_stream_has_no_time_to_a_first_token() -> None:
    health = book(None).snapshot(0.0)[GPT]
    assert (health.ttft_ms, health.ttft_p95_ms, health.latency_ms) == (None, None, 1000.0)


def test_a_target_that_was_slow_long_ago_is_not_known_to_be_slow() -> None:
    made = book(9000.0)
    assert made.snapshot(WINDOW_S - 1)[GPT].ttft_ms == 9000.0
    assert made.snapshot(WINDOW_S)[GPT].ttft_ms is None


def test_keys_are_told_apart_and_together() -> None:
    made = book(100.0)
    made.observe(SPARE, Sample(0.0, 300.0, 1000.0))
    assert made.of(MAIN, 0.0).ttft_ms == 100.0
    assert made.of(SPARE, 0.0).ttft_ms == 300.0
    assert made.snapshot(0.0)[GPT].ttft_ms == pytest.approx(140.0)


def test_the_view_is_the_same_object_until_something_changes() -> None:
    made = book(100.0)
    first = made.snapshot(0.0)
    assert made.snapshot(5.0) is first
    made.observe(MAIN, Sample(5.0, 200.0, 1000.0))
    assert made.snapshot(5.0) is not first
    again = made.snapshot(5.0)
    made.observe(MAIN, Sample(5.0, 200.0, 1000.0))
    assert made.snapshot(5.0 + FRESH_S / 2) is again
    assert made.snapshot(5.0 + FRESH_S) is not again


def test_an_open_breaker_shows_at_once_and_so_does_its_end() -> None:
    breakers = Breakers()
    made = HealthBook(breakers)
    made.observe(MAIN, Sample(0.0, 100.0, 1000.0))
    assert made.snapshot(0.0)[GPT].open is False
    for place in (MAIN, SPARE, Place(OTHER, None)):
        breakers.ended(breakers.insist(place), Ending("limited", "429", 5.0), 0.0)
    seen = made.snapshot(0.0)
    assert (seen[GPT].open, seen[OTHER].open, seen[OTHER].ttft_ms) == (True, True, None)
    assert made.snapshot(5.0)[GPT].open is False


def test_models_that_clients_make_up_do_not_pile_up() -> None:
    made = HealthBook(Breakers())
    for number in range(KEPT + 50):
        made.observe(Place(Target("openai", f"made-up-{number}")), Sample(0.0, 1.0, 1.0))
    assert len(made.snapshot(0.0)) == KEPT
