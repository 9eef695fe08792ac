"""Key pools: a conversation keeps its key, weights hold, and a key past its own limit is not used."""

from __future__ import annotations

from math import sqrt
from typing import Any

import pytest
from pydantic import ValidationError

from sluiceway.audit.keyring import CompanyKey
from sluiceway.gateway.pools import KeyLimits, Member, ordered
from sluiceway.policy.kinds.inject import Inject, PoolKey


def member(label: str, **entry: Any) -> Member:
    return Member(CompanyKey(label, "openai", f"f-{label}", "secret"), PoolKey(key=label, **entry))


A, B, C = member("a"), member("b"), member("c")


def test_a_conversation_keeps_its_key_and_the_rest_follow_in_one_order() -> None:
    for number in range(50):
        sticky = f"conversation-{number}"
        assert ordered((A, B, C), sticky) == ordered((C, B, A), sticky)
        assert set(ordered((A, B, C), sticky)) == {A, B, C}


def test_when_a_key_is_taken_out_only_its_own_conversations_move() -> None:
    for number in range(200):
        before = ordered((A, B, C), str(number))
        assert ordered((A, B), str(number)) == tuple(each for each in before if each is not C)


def test_weights_hold_within_the_bound_of_chance() -> None:
    pool, drawn = (member("a", weight=3), member("b", weight=1)), 8000
    hits = sum(ordered(pool, f"c{number}")[0].key.label == "a" for number in range(drawn))
    # 99 % of a binomial distribution lie within 2.58 standard deviations.
    assert abs(hits - drawn * 0.75) <= 2.58 * sqrt(drawn * 0.75 * 0.25)


def test_a_limit_of_requests_lets_so_many_through_and_fills_up_evenly() -> None:
    limits, key = KeyLimits(), member("a", limit_requests_per_minute=2)
    for _ in range(2):
        assert limits.wait_s(key, 10, 0.0) == 0
        limits.take(key, 10, 0.0)
    assert limits.wait_s(key, 10, 0.0) == pytest.approx(30)
    assert limits.wait_s(key, 10, 30.0) == 0


def test_a_limit_of_tokens_counts_what_was_really_used() -> None:
    limits, key = KeyLimits(), member("a", limit_tokens_per_minute=600)
    limits.take(key, 100, 0.0)
    assert limits.wait_s(key, 500, 0.0) == 0
    limits.correct(key, 200, 0.0)  # the answer had 200 more than was thought
    assert limits.wait_s(key, 500, 0.0) == pytest.approx(20)


def test_a_request_larger_than_a_minute_goes_when_the_minute_is_full() -> None:
    limits, key = KeyLimits(), member("a", limit_tokens_per_minute=600)
    assert limits.wait_s(key, 5000, 0.0) == 0
    limits.take(key, 5000, 0.0)
    assert limits.wait_s(key, 1, 60.0) > 0


def test_keys_without_a_limit_have_none() -> None:
    limits = KeyLimits()
    limits.take(A, 10**9, 0.0)
    limits.correct(A, 10**9, 0.0)
    assert limits.wait_s(A, 10**9, 0.0) == 0


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"label": "a", "keys": [{"key": "b"}]}, "write 'label' for one key or 'keys' for a pool"),
        ({"keys": [{"key": "a"}, {"key": "a"}]}, "'a' is given twice in 'keys'; raise its weight"),
        ({"keys": [{"key": "a", "weight": 0}]}, "greater than or equal to 1"),
        ({"keys": [{"key": "a", "host": "https://x"}]}, "write one of the provider's hosts in full"),
    ],
    ids=["both forms", "twice", "no weight", "not a host"],
)
def test_a_pool_that_makes_no_sense_says_what_to_write(written: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Inject.model_validate({"name": "pool", **written})
