"""Choosing by constraints: who is left, who is preferred, what becomes of a request without anybody left."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.policy.routing_world import ALICE, ALL, CALL, FACTS, decided, effects, policy

from sluiceway.policy import decide
from sluiceway.policy.kinds.actions.failover import MAX_HOPS
from sluiceway.settings.models import Model, Models, Offer
from sluiceway.types import Health, Target, TokenPrice

GPT, MINI, HAIKU = Target("openai", "gpt"), Target("openai", "gpt-mini"), Target("anthropic", "haiku-1")


@pytest.mark.parametrize(
    ("constraints", "target"),
    [
        # USD per 1,000 tokens: gpt-mini .00065, mistral .00075, haiku .002, gpt .004, sonnet .006, opus .01
        ({}, "openai/gpt-mini"),
        ({"needs": ["vision"]}, "mistral/mistral-1"),
        ({"tier": "large"}, "openai/gpt"),
        ({"min_context": 300_000}, "openai/gpt"),
        ({"from": ["claude-*", "sonnet"]}, "anthropic/sonnet-1"),
        ({"from": ["router/*"]}, "router/openai/gpt"),
        ({"from": ["anthropic/*"]}, "anthropic/haiku-1"),
        ({"from": ["bedrock/eu.opus", "anthropic/opus"]}, "anthropic/opus-1"),
        ({"prefer": "same_family"}, "anthropic/opus-1"),
        ({"prefer": "same_family", "tier": "medium"}, "anthropic/sonnet-1"),
        ({"prefer": "same_family", "max_cost_per_1k": Decimal("0.002")}, "anthropic/haiku-1"),
        ({"prefer": "same_family", "region": "eu"}, "bedrock/eu.opus"),
        ({"region": "eu"}, "mistral/mistral-1"),
    ],
    ids=str,
)
def test_the_preferred_of_those_that_meet_the_constraints_is_asked(constraints, target):
    assert str(decided({"choose": constraints}).target) == target


def lost_at_openai(target: Target) -> str | None:
    return "tools.web_search_20250305" if target.provider == "openai" else None


def test_who_could_not_be_told_the_request_is_left_out_and_the_trail_says_without_what():
    chosen = decided({"choose": {"from": ["gpt*", "mistral"]}}, loses=lost_at_openai)
    assert str(chosen.target) == "mistral/mistral-1"
    assert effects(chosen)[0] == (
        "out: openai/gpt-mini: the request cannot be translated without tools.web_search_20250305"
    )


def test_a_no_for_want_of_somebody_else_names_what_cannot_be_translated():
    chosen = decided({"choose": {"from": ["openai/*"], "otherwise": "deny"}}, loses=lost_at_openai)
    assert chosen.refusal is not None
    assert "for the request cannot be translated without tools.web_search_20250305" in chosen.refusal.message


def test_failover_leads_to_nobody_who_could_not_be_told_the_request():
    hops = [{"provider": "openai", "model": "gpt"}, {"provider": "mistral", "model": "mistral"}]
    chosen = decided({"failover": hops}, loses=lost_at_openai)
    assert [str(target) for target in chosen.chain] == ["mistral/mistral-1"]


@pytest.mark.parametrize(
    ("needs", "target"),
    [
        ({"has_images": True}, "mistral/mistral-1"),  # gpt-mini cannot see
        ({"has_thinking": True}, "mistral/mistral-1"),
        ({"has_tools": False, "wants_json": True}, "openai/gpt-mini"),
        ({"max_output_tokens": 40_000, "has_images": True}, "openai/gpt"),  # mistral's 32,000 hold no more
    ],
    ids=str,
)
def test_what_the_request_needs_counts_without_being_written(needs, target):
    chosen = decided({"choose": {"from": ["gpt*", "mistral"]}}, call=replace(CALL, **needs))
    assert str(chosen.target) == target


def test_an_answer_longer_than_a_model_gives_is_asked_elsewhere():
    rule = {"choose": {"from": ["haiku", "sonnet"]}}
    assert decided(rule, call=replace(CALL, max_output_tokens=8_000)).target == HAIKU
    assert decided(rule, call=replace(CALL, max_output_tokens=8_001)).target.model == "sonnet-1"


FASTER = {GPT: Health(ttft_ms=400, latency_ms=9000), HAIKU: Health(ttft_ms=500, latency_ms=2000)}


def test_the_fastest_is_as_the_asker_feels_it_and_the_unmeasured_come_last():
    rule = {"choose": {"from": ["gpt", "haiku", "opus"], "prefer": "fastest"}}
    assert decided(rule, health=FASTER).target == GPT
    assert decided(rule, call=replace(CALL, stream=False), health=FASTER).target == HAIKU


@pytest.mark.parametrize(
    ("health", "target"),
    [
        (Health(ttft_p95_ms=900), MINI),
        (Health(ttft_p95_ms=901), HAIKU),
        (Health(ttft_ms=901), HAIKU),  # no percentile yet: the average
        (Health(ttft_ms=901, ttft_p95_ms=900), MINI),
        (Health(), MINI),  # nobody has measured it: it may be tried
        (Health(open=True), HAIKU),
    ],
    ids=str,
)
def test_what_is_too_slow_or_not_answering_falls_out(health, target):
    rule = {"choose": {"from": ["gpt-mini", "haiku"], "max_ttft_ms": 900}}
    assert decided(rule, health={MINI: health}).target == target


def test_what_has_no_price_falls_out_of_a_limit_on_cost_and_else_comes_last():
    rule = {"choose": {"from": ["plain", "opus"]}}
    call = replace(CALL, has_tools=False)
    assert decided(rule, call=call).target.model == "opus-1"
    limited = decided({"choose": {"from": ["plain"], "max_cost_per_1k": 9}}, call=call)
    assert limited.rule is None
    assert "out: router/plain: no price is known" in effects(limited)


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        (
            {"reachable": None},
            "out: openai/gpt, router/gpt: takes no requests of this API, or the company has no key there",
        ),
        ({"may_reroute": False}, "not applied: this key is not the company's to move"),
    ],
    ids=["nobody looked", "own key"],
)
def test_who_cannot_be_reached_falls_out_and_the_trail_says_so(facts, why):
    decision = decided({"choose": {"from": ["gpt"]}}, **facts)
    assert decision.rule is None
    assert why in effects(decision)


def test_without_a_rule_that_gives_the_companys_key_there_no_other_provider_is_chosen():
    decision = decide(policy({"choose": {"from": ["gpt"]}}, inject=False), ALICE, CALL, FACTS)
    assert "out: openai/gpt, router/gpt: no rule gives the company's key for it" in effects(decision)


def test_a_provider_that_takes_a_family_in_another_api_alone_falls_out():
    spoken = {"bedrock": frozenset({"openai_chat"}), "anthropic": frozenset({"anthropic_messages"})}
    assert decided({"choose": {"from": ["bedrock/*"]}}, reachable=spoken).rule is None


@pytest.mark.parametrize(
    ("constraints", "refused"),
    [
        ({"region": "cn"}, True),
        ({"region": "cn", "otherwise": "as_asked"}, False),
        ({"min_context": 10**6}, False),
        ({"min_context": 10**6, "otherwise": "deny"}, True),
    ],
    ids=str,
)
def test_where_nobody_is_left_a_required_region_denies_and_the_rest_goes_as_asked(constraints, refused):
    decision = decided({"choose": constraints})
    assert (decision.refusal is not None) is refused
    if decision.refusal is not None:
        assert decision.refusal.rule == "r0"
        assert "#ai-platform" in decision.refusal.message
    else:
        assert decision.target == Target("anthropic", "opus-1")
        assert effects(decision)[-1] == "not applied: nobody is left"


@pytest.mark.parametrize("operation", ["embeddings", "images"])
def test_what_is_no_conversation_is_never_given_another_model_by_constraint(operation):
    call = replace(CALL, operation=operation)
    assert decided({"choose": {}}, call=call).target.model == "opus-1"
    assert decided({"choose": {"region": "eu"}}, call=call).refusal is not None


def test_the_trail_names_who_fell_out_for_which_reason_and_how_many_more():
    rule = {"choose": {"needs": ["vision"], "prefer": "same_family", "max_cost_per_1k": Decimal("0.005")}}
    opus = "anthropic/opus, bedrock/opus (us), bedrock/opus (eu)"
    assert effects(decided(rule)) == [
        "out: openai/gpt-mini, router/plain: cannot see images",
        f"out: {opus} and 2 more: costs more than 0.005 USD per 1k",
        "anthropic/opus-1 -> anthropic/haiku-1: the nearest of kin that can",
    ]


@pytest.mark.parametrize(
    "rule",
    [
        {"choose": {"prefer": "best"}},
        {"choose": {"needs": ["tool"]}},
        {"choose": {"from": []}},
        {"choose": {"from": "claude-*"}},
        {"choose": {"max_cost_per_1k": 0}},
        {"choose": {}, "to": {"model": "x"}},
    ],
    ids=str,
)
def test_a_choice_that_makes_no_sense_is_refused_at_load(rule):
    with pytest.raises(ValidationError):
        policy(rule)


PROVIDERS = ("anthropic", "openai", "router")
FLAGS = {
    "has_tools": "tools",
    "stream": "streaming",
    "has_images": "vision",
    "wants_json": "json",
    "has_thinking": "thinking",
}
ASKED = Target("anthropic", "m0")


def some_models(draw: Random) -> Models:
    """Up to five models at some providers each; the first is the one that is asked for."""
    offers = []
    for number in range(draw.randint(1, 5)):
        context = draw.randint(1, 2000)
        known = Model(
            f"m{number}",
            draw.choice(["claude", "gpt", "other"]),
            draw.choice(["small", "medium", "large"]),
            frozenset(draw.sample(ALL, draw.randint(0, 5))),
            context,
            draw.choice([None, draw.randint(1, context)]),
            draw.choice([None, draw.randint(1, context)]),
        )
        places = ("anthropic",) if number == 0 else draw.sample(PROVIDERS, draw.randint(1, 3))
        offers += [Offer(known, Target(place, f"m{number}")) for place in places]
    return Models(tuple(offers))


def some_rule(draw: Random, places: list[dict[str, str]]) -> dict[str, Any]:
    needs = draw.sample(ALL, draw.choice([0, 0, 1, 2]))
    preferred = draw.choice(["cheapest", "fastest", "same_family"])
    return draw.choice(
        [
            {"choose": {"prefer": preferred, "needs": needs}},
            {"split": [{**place, "weight": draw.randint(1, 9)} for place in places * 2]},
            {"failover": places},
            {"failover": "same_family"},
            {"degrade": {"budget": "b", "steps": [{"at_least": 1, **places[0]}]}},
            {"to": places[-1]},
        ]
    )


@settings(max_examples=1000, deadline=None)
@given(st.integers(0, 2**64))
def test_a_capability_is_never_violated(seed):
    for number in range(10):  # 10,000 in all; drawn in bulk, since hypothesis takes milliseconds for each
        a_capability_is_not_violated(Random(f"{seed}/{number}"))


def a_capability_is_not_violated(draw: Random) -> None:
    models = some_models(draw)
    targets = [offer.target for offer in models.offers]
    rule = some_rule(draw, [{"provider": each.provider, "model": each.model} for each in targets[:4]])
    asks = {flag: draw.random() < 0.3 for flag in FLAGS}
    longest, tokens = draw.choice([0, draw.randint(1, 800)]), draw.randint(0, 1500)
    call = replace(CALL, model=ASKED.model, max_output_tokens=longest or None, **asks)
    reachable = {name: frozenset({call.dialect}) for name in ("anthropic", draw.choice(PROVIDERS))}
    facts = replace(
        FACTS,
        input_tokens=tokens,
        used_percent={"b": 50},
        stays_with=draw.choice([None, *targets]),
        cached_tokens=draw.choice([0, tokens]),
        reachable=reachable,
        price=lambda target: TokenPrice(*[Decimal(draw.randint(1, 9))] * 4),
    )
    decision = decide(policy(rule, models=models), ALICE, call, facts)
    assert len(decision.chain) <= MAX_HOPS
    for target in {decision.target, *decision.chain} - {ASKED}:
        offer = models.get(target)
        assert offer is not None
        able = offer.model
        assert {ability for flag, ability in FLAGS.items() if asks[flag]} <= able.can
        assert tokens + longest <= able.context_tokens
        assert tokens <= (able.max_input_tokens or tokens)
        assert longest <= (able.max_output_tokens or longest)
        assert "choose" not in rule or set(rule["choose"]["needs"]) <= able.can
        assert {"to", "degrade"} & set(rule) or target.provider in reachable
