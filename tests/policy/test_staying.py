"""Conversations that run: what a warm prompt cache is worth, and what keeps them where they are."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.policy.routing_world import CALL, decided, effects

from sluiceway.policy.caching import saving_usd, worth_usd
from sluiceway.types import Health, Target, TokenPrice

OPUS, SONNET, HAIKU = (Target("anthropic", name) for name in ("opus-1", "sonnet-1", "haiku-1"))
GPT = Target("openai", "gpt")


def price(*usd: str) -> TokenPrice:
    return TokenPrice(*map(Decimal, usd))


OPUS_4_5 = price("5", "25", "0.50", "6.25")
SONNET_4_5 = price("3", "15", "0.30", "3.75")
HAIKU_4_5 = price("1", "5", "0.10", "1.25")


@pytest.mark.parametrize(
    ("cached", "fresh", "here", "there", "worth", "saving"),
    [
        # 100,000 * (1.25 - 0.10) / 1e6; five turns of 100,000 * (0.50 - 0.10) + 2,000 * (6.25 - 1.25)
        # + 300 * (25 - 5), per million: 5 * 0.056
        pytest.param(100_000, 2_000, OPUS_4_5, HAIKU_4_5, "0.115", "0.28", id="opus to haiku: go"),
        # 5 * (100,000 * 0.20 + 2,000 * 2.50 + 300 * 10) / 1e6
        pytest.param(100_000, 2_000, SONNET_4_5, HAIKU_4_5, "0.115", "0.14", id="sonnet to haiku: go"),
        # the same with less that is new: 5 * (100,000 * 0.20) / 1e6 + 5 * 300 * 10 / 1e6
        pytest.param(100_000, 0, SONNET_4_5, HAIKU_4_5, "0.115", "0.115", id="nothing new: stay"),
        # 100,000 * (3.75 - 0.30) / 1e6; 5 * (100,000 * 0.20 + 2,000 * 2.50 + 300 * 10) / 1e6
        pytest.param(100_000, 2_000, OPUS_4_5, SONNET_4_5, "0.345", "0.14", id="opus to sonnet: stay"),
        pytest.param(100_000, 2_000, HAIKU_4_5, OPUS_4_5, "0.575", "-0.28", id="to a dearer one: stay"),
    ],
)
def test_what_a_warm_cache_is_worth_against_what_a_move_saves(cached, fresh, here, there, worth, saving):
    assert worth_usd(cached, there) == Decimal(worth)
    assert saving_usd(cached, fresh, here, there) == Decimal(saving)


tokens, usd = st.integers(0, 10**6), st.decimals(0, 100, places=2)
prices = st.builds(TokenPrice, usd, usd, usd, usd)


@given(tokens, tokens, prices, prices, st.integers(1, 50))
def test_the_formula_is_the_cost_of_staying_against_the_cost_of_moving(cached, fresh, here, there, turns):
    def turn(price: TokenPrice, reused: Decimal) -> Decimal:
        return cached * reused + fresh * price.cache_write_usd + 300 * price.output_usd

    stay = turns * turn(here, here.cache_read_usd)
    move = turn(there, there.cache_write_usd) + (turns - 1) * turn(there, there.cache_read_usd)
    gain = saving_usd(cached, fresh, here, there, turns) - worth_usd(cached, there)
    assert gain == (stay - move) / 1_000_000


@pytest.mark.parametrize(
    ("rule", "cached", "goes_to"),
    [
        ({"to": {"model": "sonnet-1"}}, 100_000, OPUS),
        ({"to": {"model": "sonnet-1"}}, 0, SONNET),
        ({"to": {"model": "sonnet-1", "at_once": True}}, 100_000, SONNET),
        ({"to": {"model": "haiku-1"}}, 100_000, HAIKU),  # the saving is more than the cache is worth
        ({"to": {"model": "never-priced"}}, 100_000, OPUS),  # no saving can be shown
        ({"choose": {"from": ["sonnet"]}}, 100_000, OPUS),
        (
            {"choose": {"from": ["sonnet"], "tier": "medium"}},
            100_000,
            SONNET,
        ),  # where it is breaks a constraint
        ({"split": [{"model": "sonnet-1", "weight": 1}] * 2}, 100_000, OPUS),
        ({"degrade": {"budget": "b", "steps": [{"at_least": 1, "model": "sonnet-1"}]}}, 100_000, OPUS),
    ],
    ids=str,
)
def test_a_warm_cache_is_not_left_for_a_smaller_saving(rule, cached, goes_to):
    facts = {"stays_with": OPUS, "cached_tokens": cached, "input_tokens": 102_000, "used_percent": {"b": 9}}
    assert decided(rule, **facts).target == goes_to


def test_the_trail_says_what_the_cache_is_worth():
    facts = {"stays_with": OPUS, "cached_tokens": 100_000, "input_tokens": 102_000}
    assert effects(decided({"to": {"model": "sonnet-1"}}, **facts)) == [
        "stays at anthropic/opus-1: 100,000 tokens are warm in its cache; moving would save 0.1400 USD, "
        "and writing it again at anthropic/sonnet-1 costs 0.3450"
    ]


def test_a_cache_at_a_target_that_fails_or_cannot_is_left():
    facts = {"stays_with": OPUS, "cached_tokens": 100_000, "input_tokens": 102_000}
    rule = {"to": {"model": "sonnet-1"}}
    assert decided(rule, health={OPUS: Health(open=True)}, **facts).target == SONNET


def test_a_cache_where_no_rule_of_today_could_have_led_is_left():
    facts = {"stays_with": GPT, "cached_tokens": 100_000, "input_tokens": 102_000}
    assert decided({"to": {"model": "sonnet-1"}}, **facts).target == SONNET


CHEAP_CHAT = {"match": {"model": "opus-*", "task": "creative"}, "to": {"model": "haiku-1"}}


@pytest.mark.parametrize(
    ("facts", "goes_to"),
    [
        ({"task": "creative"}, HAIKU),
        ({"task": "coding"}, OPUS),
        ({"task": "coding", "stays_with": HAIKU}, HAIKU),
        ({"task": "coding", "stays_with": GPT}, OPUS),  # no rule of today sends anything there
        ({"task": "coding", "stays_with": HAIKU, "may_reroute": False}, OPUS),
        ({"task": "coding", "stays_with": HAIKU, "health": {HAIKU: Health(open=True)}}, OPUS),
        ({"task": "coding", "stays_with": HAIKU, "input_tokens": 300_000}, OPUS),  # it has outgrown it
    ],
    ids=str,
)
def test_a_conversation_stays_where_a_rule_has_placed_it_whatever_its_next_request_is(facts, goes_to):
    decision = decided(CHEAP_CHAT, **facts)
    assert decision.target == goes_to
    assert decision.rule == ("r0" if goes_to == HAIKU else None)


def test_it_stays_before_a_later_rule_that_would_move_it_but_not_before_a_deny():
    facts = {"task": "coding", "stays_with": HAIKU}
    assert decided(CHEAP_CHAT, {"to": {"model": "sonnet-1"}}, **facts).target == HAIKU
    assert decided(CHEAP_CHAT, {"deny": {"reason": "closed"}}, **facts).refusal is not None


def test_a_rule_that_is_no_longer_about_it_does_not_keep_it():
    call = replace(CALL, model="sonnet-1")
    assert decided(CHEAP_CHAT, call=call, task="creative", stays_with=HAIKU).target == SONNET
