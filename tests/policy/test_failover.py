"""Failover and degrading: where a request goes next, and where it goes the more of a budget is spent."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import ValidationError
from tests.policy.routing_world import ALICE, CALL, FACTS, decided, effects, policy

from sluiceway.policy import kept_out, load_policy
from sluiceway.types import Health, Target

LADDER = {
    "degrade": {
        "budget": "core",
        "steps": [{"at_least": 80, "model": "sonnet-1"}, {"at_least": 95, "model": "haiku-1"}],
    }
}
DESIGNED = """\
version: 1
routes:
  - {name: no-preview,  match: {model: "*-preview"}, deny: {reason: not approved yet}}
  - {name: cheap-chat,  match: {model: "claude-opus-*", task: creative}, to: {model: claude-haiku-4-5}}
  - name: resilient
    match: {model: "claude-sonnet-*"}
    failover: [{model: same}, {provider: openai, model: gpt-5.1}]
"""


def chain(failover, **facts) -> list[str]:
    return [str(target) for target in decided({"failover": failover}, **facts).chain]


def test_the_example_of_the_design_loads(tmp_path):
    (tmp_path / "10.yaml").write_text(DESIGNED)
    assert [rule.name for rule in load_policy(tmp_path).routes] == ["no-preview", "cheap-chat", "resilient"]


@pytest.mark.parametrize(
    ("failover", "then"),
    [
        ([{"model": "same"}], ["bedrock/us.opus", "bedrock/eu.opus"]),  # the cheaper first
        ([{"model": "same", "provider": "bedrock"}], ["bedrock/eu.opus"]),
        ([{"provider": "bedrock"}], ["bedrock/eu.opus"]),
        ([{"provider": "bedrock", "model": "us.opus"}], ["bedrock/us.opus"]),
        ([{"model": "haiku"}, {"provider": "openai", "model": "gpt"}], ["anthropic/haiku-1", "openai/gpt"]),
        ([{"model": "haiku-1"}, {"model": "haiku"}, {"model": "opus-1"}], ["anthropic/haiku-1"]),
        ([{"provider": "openai", "model": "never-heard-of"}], ["openai/never-heard-of"]),
        (
            "same_family",
            ["bedrock/us.opus", "bedrock/eu.opus", "anthropic/sonnet-1", "router/anthropic/sonnet"],
        ),
        ([], []),
    ],
    ids=str,
)
def test_a_chain_is_each_other_target_once_in_order(failover, then):
    assert chain(failover) == then


def test_who_cannot_take_the_request_falls_out_of_the_chain_and_the_trail_says_why():
    rule = {
        "failover": [{"provider": "openai", "model": "gpt-mini"}, {"provider": "mistral", "model": "mistral"}]
    }
    decision = decided(
        rule, call=replace(CALL, has_images=True), health={Target("mistral", "mistral-1"): Health(open=True)}
    )
    assert decision.chain == ()
    assert decision.chain_rule is None
    assert [(step.kind, step.effect) for step in decision.trail] == [
        ("failover", "out: openai/gpt-mini: cannot see images"),
        ("failover", "out: mistral/mistral-1: is not answering at the moment"),
        ("failover", "if anthropic/opus-1 fails: nobody else"),
    ]


def test_a_key_that_is_not_the_companys_fails_over_to_nobody():
    assert chain([{"model": "haiku"}], may_reroute=False) == []


def test_a_route_that_says_only_what_comes_next_leaves_the_rest_to_later_ones():
    decision = decided({"failover": [{"model": "haiku"}]}, {"to": {"model": "sonnet-1"}}, {"failover": []})
    assert (decision.target.model, decision.rule) == ("sonnet-1", "r1")
    assert (decision.chain, decision.chain_rule) == ((Target("anthropic", "haiku-1"),), "r0")


def test_a_deny_behind_a_failover_still_denies():
    decision = decided({"failover": [{"model": "haiku"}]}, {"deny": {"reason": "closed"}})
    assert decision.refusal is not None
    assert decision.chain == ()


def test_what_comes_next_is_of_the_target_that_was_decided_on():
    decision = decided({"to": {"model": "sonnet-1"}, "failover": [{"model": "same"}]})
    assert decision.chain == (Target("router", "anthropic/sonnet"),)


def test_a_conversation_that_has_failed_over_stays_there_and_what_it_left_comes_next():
    rule = {"failover": [{"provider": "bedrock", "model": "us.opus"}, {"model": "haiku"}]}
    decision = decided(rule, stays_with=Target("bedrock", "us.opus"))
    assert (str(decision.target), decision.rule) == ("bedrock/us.opus", "r0")
    assert [str(target) for target in decision.chain] == ["anthropic/opus-1", "anthropic/haiku-1"]


@pytest.mark.parametrize(
    ("used", "model"),
    [(None, "opus-1"), (79, "opus-1"), (80, "sonnet-1"), (94, "sonnet-1"), (95, "haiku-1"), (130, "haiku-1")],
)
def test_the_last_step_that_is_reached_counts(used, model):
    decision = decided(LADDER, used_percent={} if used is None else {"core": used})
    assert decision.target.model == model


def test_a_step_not_reached_leaves_the_request_to_later_routes():
    decision = decided(LADDER, {"deny": {"reason": "closed"}}, used_percent={"core": 10})
    assert decision.refusal is not None
    assert effects(decision)[0] == "not applied: core is spent to 10 %"


def test_the_budgets_that_rules_look_at_are_known_beforehand():
    matched = {
        "match": {"budget": {"name": "data", "used_percent": {"at_least": 5}}},
        "deny": {"reason": "x"},
    }
    assert policy(LADDER, matched).budgets_watched == {"core", "data"}


@pytest.mark.parametrize(
    "rule",
    [
        {"degrade": {"budget": "core", "steps": []}},
        {"degrade": {"budget": "core", "steps": [{"at_least": 80}]}},
        {
            "degrade": {
                "budget": "core",
                "steps": [{"at_least": 9, "model": "a"}, {"at_least": 9, "model": "b"}],
            }
        },
        {"failover": [{"model": "a"}] * 5},
        {"failover": "any"},
        {"failover": [{"model": "a"}], "deny": {"reason": "x"}},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused_at_load(rule):
    with pytest.raises(ValidationError):
        policy(rule)


@pytest.mark.parametrize(
    ("constraints", "then"),
    [
        ({"region": "eu"}, []),
        ({"region": "eu", "otherwise": "as_asked"}, ["anthropic/opus-1", "bedrock/us.opus"]),
    ],
    ids=["required", "wished for"],
)
def test_what_may_not_leave_a_region_does_not_leave_it_when_it_fails_over_or_is_copied(constraints, then):
    choose = {"from": ["opus"], "prefer": "same_family", **constraints}
    mirror = {"to": {"provider": "openai", "model": "gpt"}, "percent": 100, "budget_usd_per_day": 1}
    where = [{"provider": "anthropic", "model": "opus-1"}, {"provider": "bedrock", "model": "us.opus"}]
    went = decided({"choose": choose, "failover": where, "mirror": mirror}, stays_with=None)
    assert str(went.target) == "bedrock/eu.opus"
    assert [str(target) for target in went.chain] == then
    assert (went.mirror is None) is (then == [])


def test_a_budget_that_degrades_leads_out_of_no_required_region():
    rules = policy({"choose": {"region": "eu"}})
    why = kept_out(rules, ALICE, CALL, FACTS, Target("anthropic", "haiku-1"))
    assert why == "not known to answer in eu"
    assert kept_out(rules, ALICE, CALL, FACTS, Target("bedrock", "eu.opus")) is None
