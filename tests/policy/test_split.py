"""Splits: each conversation at one place, in proportion, and it stays there. Copies by the same hash."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from math import comb

import pytest
from pydantic import ValidationError
from tests.policy.routing_world import ALICE, CALL, FACTS, decided, effects, policy

from sluiceway.policy import decide
from sluiceway.types import Health, KeyClass, Target

GPT, HAIKU, OPUS = Target("openai", "gpt"), Target("anthropic", "haiku-1"), Target("anthropic", "opus-1")
SHARES = [{"model": "same", "weight": 70}, {"provider": "openai", "model": "gpt", "weight": 30}]
MIRROR = {"to": {"provider": "openai", "model": "gpt"}, "percent": 10, "budget_usd_per_day": 5}


def bounds(trials: int, share: float) -> range:
    """The narrowest middle that holds 99 % of what a fair draw gives."""
    chance = [comb(trials, n) * share**n * (1 - share) ** (trials - n) for n in range(trials + 1)]
    low, high, tail = 0, trials, 0.005
    while sum(chance[: low + 1]) < tail:
        low += 1
    while sum(chance[high:]) < tail:
        high -= 1
    return range(low, high + 1)


def drawn(rule, trials: int) -> Counter[Target]:
    rules = policy(rule)
    calls = (replace(CALL, conversation_id=f"conversation {number}") for number in range(trials))
    return Counter(decide(rules, ALICE, call, FACTS).target for call in calls)


@pytest.mark.parametrize("percent", [50, 30, 5])
def test_conversations_are_split_within_the_bound_of_a_fair_draw(percent):
    shares = [
        {"model": "same", "weight": 100 - percent},
        {"provider": "openai", "model": "gpt", "weight": percent},
    ]
    assert drawn({"split": shares}, 1000)[GPT] in bounds(1000, percent / 100)


def test_a_conversation_stays_through_all_its_requests_and_another_rule_draws_anew():
    rules, later = policy({"split": SHARES}), replace(FACTS, at=None, input_tokens=90_000)
    calls = [replace(CALL, conversation_id=f"c{number}") for number in range(200)]
    first = [decide(rules, ALICE, call, FACTS).target for call in calls]
    assert first == [decide(rules, ALICE, call, later).target for call in calls]
    renamed = policy({"name": "another", "split": SHARES})
    assert first != [decide(renamed, ALICE, call, FACTS).target for call in calls]


def test_without_a_conversation_each_request_is_drawn_by_its_moment():
    call = replace(CALL, conversation_id=None)
    moments = [replace(FACTS, at=FACTS.at.replace(microsecond=number)) for number in range(500)]
    found = Counter(decide(policy({"split": SHARES}), ALICE, call, facts).target for facts in moments)
    assert found[GPT] in bounds(500, 0.3)


def test_where_one_place_falls_out_only_its_conversations_move():
    shares = [{"model": name, "weight": 1} for name in ("same", "haiku-1", "sonnet-1")]
    rules, broken = policy({"split": shares}), replace(FACTS, health={HAIKU: Health(open=True)})
    for number in range(100):
        call = replace(CALL, conversation_id=f"c{number}")
        before, after = (decide(rules, ALICE, call, facts).target for facts in (FACTS, broken))
        assert after == before if before != HAIKU else after != HAIKU


def test_a_conversation_stays_when_the_weights_change_but_not_where_it_cannot():
    call = replace(CALL, has_images=True)
    shares = [{"provider": "openai", "model": "gpt-mini", "weight": 1}, {"model": "haiku-1", "weight": 10**6}]
    mini = Target("openai", "gpt-mini")
    assert decided({"split": shares}, stays_with=mini).target == mini
    moved = decided({"split": shares}, call=call, stays_with=mini)
    assert moved.target == HAIKU
    assert effects(moved)[0] == "out: openai/gpt-mini: cannot see images"


def test_the_trail_tells_the_share():
    decision = decided({"split": [{"model": "haiku-1", "weight": 1}, {"model": "haiku-1", "weight": 1}]})
    assert effects(decision) == ["anthropic/opus-1 -> anthropic/haiku-1: its share is 100 %"]


def test_a_key_that_is_not_the_companys_is_not_split():
    assert decided({"split": SHARES}, may_reroute=False).rule is None


def copies(trials: int, **facts: object) -> int:
    rules = policy({"mirror": MIRROR})
    calls = (replace(CALL, conversation_id=f"conversation {number}") for number in range(trials))
    decisions = [decide(rules, ALICE, call, replace(FACTS, **facts)) for call in calls]
    assert all(decision.target == OPUS and decision.rule is None for decision in decisions)
    return sum(decision.mirror == GPT and decision.mirror_rule == "r0" for decision in decisions)


def test_a_copy_of_so_many_conversations_goes_to_the_mirror_and_changes_nothing_else():
    assert copies(1000) in bounds(1000, 0.1)


@pytest.mark.parametrize(
    "facts",
    [
        {"key_class": KeyClass.PERSONAL, "may_reroute": False},
        {"key_class": KeyClass.UNKNOWN},
        {"reachable": None},
        {"health": {GPT: Health(open=True)}},
    ],
    ids=["own key", "unknown key", "no road", "not answering"],
)
def test_no_copy_leaves_but_of_the_companys_requests_to_who_can_take_them(facts):
    assert copies(200, **facts) == 0


def test_who_answers_gets_no_copy_too():
    decision = decided({"to": {"provider": "openai", "model": "gpt"}, "mirror": {**MIRROR, "percent": 100}})
    assert (decision.target, decision.mirror) == (GPT, None)
    assert effects(decision)[-1] == "no copy: openai/gpt answers itself"


@pytest.mark.parametrize(
    "rule",
    [
        {"split": [{"model": "x", "weight": 1}]},
        {"split": [{"model": "x", "weight": 0}, {"model": "y", "weight": 1}]},
        {"split": [{"model": "x*", "weight": 1}, {"model": "y", "weight": 1}]},
        {"mirror": {"to": {"model": "x"}, "percent": 5}},
        {"mirror": {"to": {"model": "x"}, "percent": 101, "budget_usd_per_day": 1}},
        {"mirror": MIRROR, "deny": {"reason": "no"}},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused_at_load(rule):
    with pytest.raises(ValidationError):
        policy(rule)
