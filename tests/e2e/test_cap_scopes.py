"""Budgets by model, conversation and more on the wire: refused, led to another model, or only warned of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sluiceway.app.explain import explain
from sluiceway.app.question import Question
from sluiceway.demo.pace import NO_LATENCY
from sluiceway.types import Step
from tests.e2e.running import Running
from tests.e2e.tunnel import Answer, Tunnel, claude

pytestmark = pytest.mark.e2e

OURS = "sk-ant-api03-the-companys"
OPUS, HAIKU = "claude-opus-4-5", "claude-haiku-4-5"
# 9 prompt tokens and 100 of output: opus 5 and 25 USD a million, haiku 1 and 5.
ONE_OPUS_USD = "0.0025"
BUDGETS = """
  - {name: core-opus, scope: {team: core, model: "Claude-OPUS-*", provider: anthropic}, limit_usd: 0.0025,
     window: {rolling: 24h}, on_exceed: {degrade: {model: claude-haiku-4-5}}}
  - {name: both-opus, scope: {team: both, model: "claude-opus-*"}, limit_usd: 0.0025, window: day,
     on_exceed: {degrade: {model: claude-haiku-4-5}}}
  - {name: both-haiku, scope: {team: both, model: claude-haiku-4-5}, limit_requests: 1, window: day}
  - {name: denied-opus, scope: {team: denied}, limit_usd: 0.0025, window: day,
     on_exceed: {degrade: {model: claude-haiku-4-5}}}
  - {name: web-opus, scope: {team: web, model: "claude-opus-*"}, limit_usd: 0.0025, window: {rolling: 24h},
     contact: dave}
  - {name: ops-watch, scope: {team: ops}, limit_requests: 1, window: day, on_exceed: warn}
  - {name: talk, scope: {conversation: "*", team: talk}, limit_requests: 2, window: {rolling: 7d}}
  - {name: moved, scope: {team: "openai", provider: openai}, limit_requests: 1, window: day,
     on_exceed: {degrade: {model: gpt-4.1-nano}}}
  - {name: moved-far, scope: {team: "google"}, limit_requests: 1, window: day,
     on_exceed: {degrade: {model: gemini-2.5-flash}}}
  - {name: renamed, scope: {team: "openrouter"}, limit_requests: 1, window: day,
     on_exceed: {degrade: {model: claude-haiku-4-5}}}
  - {name: regional, scope: {team: "bedrock"}, limit_requests: 1, window: day,
     on_exceed: {degrade: {model: claude-haiku-4-5}}}
  - {name: not-there, scope: {team: strange}, limit_requests: 1, window: day,
     on_exceed: {degrade: {model: gpt-4.1-nano}}}
  - {name: cannot, scope: {team: unable}, limit_requests: 1, window: day,
     on_exceed: {degrade: {model: claude-haiku-4-5}}}
  - {name: raised, scope: {employee: "*", team: short}, limit_requests: 1, window: day}
"""
GUARD = """
guard: [{name: mail, detect: [EMAIL_ADDRESS], action: block}]
loops: {repeats: 4, within: 1h, on_loop: block}
"""
MOVES = """
routes:
  - {name: to-openai, match: {team: openai}, to: {provider: openai, model: gpt-4.1}}
  - {name: to-google, match: {team: google}, to: {provider: google, model: gemini-2.5-pro}}
  - {name: to-openrouter, match: {team: openrouter}, to: {provider: openrouter}}
  - {name: to-bedrock, match: {team: bedrock}, to: {provider: bedrock}}
inject: [{name: for-all}]
"""
DENY = "routes: [{name: no-haiku, match: {team: denied, model: claude-haiku-*}, deny: {reason: not for you}}]"


@pytest.fixture(scope="module")
def capped(tmp_path_factory: pytest.TempPathFactory):
    started = Running(
        tmp_path_factory.mktemp("scopes"),
        budgets=BUDGETS,
        latency=NO_LATENCY,
        more="alerts: [{file: alerts.jsonl, names: true}]",
    )
    started.add_key("claude", "anthropic", OURS)
    yield started
    started.stop()


def ask(
    running: Running, proxy: str, text: str = "hi", model: str = OPUS, most: int = 100, **headers: str
) -> Answer:
    body = claude(text, max_tokens=most, model=model)
    with Tunnel(running, proxy, "api.anthropic.com") as tunnel:
        given = {"x_demo_output_tokens": "100", "x_api_key": OURS} | headers
        return tunnel.ask("/v1/messages", body, **given)


def test_a_used_up_budget_leads_to_its_model_and_says_so(capped: Running) -> None:
    alice = capped.add("alice")
    first, second = [ask(capped, alice, str(number)) for number in range(2)]
    assert (first.status, first.header("x-sluiceway-route")) == (200, f"anthropic/{OPUS}")
    assert (second.status, second.header("x-sluiceway-route")) == (200, f"anthropic/{HAIKU}")
    assert second.header("x-sluiceway-budget-warning") == "core-opus: used up, claude-haiku-4-5 answers"
    row = [row for row in capped.rows() if row["principal"] == "alice"][-1]
    assert (row["model_requested"], row["model_routed"], row["route_rule"]) == (OPUS, HAIKU, "core-opus")


# By team: where a route leads it, by its own name there the model that the used-up budget leads to.
ELSEWHERE = {
    "openai": ("openai/gpt-4.1", "openai/gpt-4.1-nano"),
    "google": ("google/gemini-2.5-pro", "google/gemini-2.5-flash"),
    "openrouter": ("openrouter/anthropic/claude-opus-4.5", "openrouter/anthropic/claude-haiku-4.5"),
    "bedrock": (
        "bedrock/global.anthropic.claude-opus-4-5-20251101-v1:0",
        "bedrock/global.anthropic.claude-haiku-4-5-20251001-v1:0",
    ),
}


@pytest.fixture(scope="module")
def moving(capped: Running) -> Running:
    for provider in ELSEWHERE:
        capped.add_key(f"{provider}-key", provider, f"{provider}-the-companys")
    capped.set_rules("50-moves", MOVES)
    return capped


@pytest.mark.parametrize("team", ELSEWHERE)
def test_a_budget_leads_to_its_model_where_a_route_has_led_before(moving: Running, team: str) -> None:
    """By the id that the model has there, and in the API that is spoken there."""
    who = moving.add(f"at-{team}", team)
    answers = [ask(moving, who, str(number)) for number in range(2)]
    assert [answer.status for answer in answers] == [200, 200]
    assert tuple(answer.header("x-sluiceway-route") for answer in answers) == ELSEWHERE[team]
    row = [row for row in moving.rows() if row["principal"] == f"at-{team}"][-1]
    served = moving.providers.log[-1]
    assert f"{row['provider']}/{served.model}".startswith(ELSEWHERE[team][1])
    assert row["model_requested"] == OPUS


@pytest.mark.parametrize("team", ["strange", "unable"])
def test_a_model_that_is_not_there_or_cannot_answer_is_not_asked(moving: Running, team: str) -> None:
    who = moving.add(f"in-{team}", team)
    first, second = [ask(moving, who, str(number), most=100_000) for number in range(2)]
    assert (first.status, second.status) == (200, 402)
    assert second.header("x-sluiceway-refused") == "budget_spent"


def test_explain_foretells_whom_a_used_up_budget_leads_to(moving: Running) -> None:
    who = moving.add("foresees", "bedrock")
    url, body = "https://api.anthropic.com/v1/messages", json.dumps(claude("hi", model=OPUS)).encode()
    first, second = ELSEWHERE["bedrock"]
    assert ask(moving, who).status == 200
    found = explain(moving.deployment, Question("foresees", url, body))
    assert (found.answer, str(found.decision.target)) == (f"forwarded to {second}", first)
    said = f"used up: {second.removeprefix('bedrock/')} is asked instead"
    assert Step("budget", "regional", said) in found.trail


def test_the_other_models_own_budget_applies_and_then_the_no_is_final(capped: Running) -> None:
    bob = capped.add("bobby", "both")
    answers = [ask(capped, bob, str(number)) for number in range(3)]
    assert [answer.header("x-sluiceway-route") for answer in answers[:2]] == [
        f"anthropic/{OPUS}",
        f"anthropic/{HAIKU}",
    ]
    assert (answers[2].status, answers[2].header("x-sluiceway-refused")) == (402, "budget_spent")
    assert "the budget 'both-haiku' (team both, model claude-haiku-4-5; 1 request per day)" in str(
        answers[2].json
    )


def test_a_budget_leads_around_no_route_that_denies(capped: Running) -> None:
    capped.set_rules("40-deny", DENY)
    who = capped.add("denied", "denied")
    assert ask(capped, who, "one").status == 200
    no = ask(capped, who, "two")
    assert (no.status, no.header("x-sluiceway-refused")) == (402, "budget_spent")
    assert "'denied-opus'" in str(no.json)


def test_a_key_that_is_not_the_companys_is_not_led_anywhere(capped: Running) -> None:
    """Nor capped: what it spends is not the company's."""
    bob = capped.add("bob")
    answers = [ask(capped, bob, str(number), x_api_key="sk-ant-api03-bobs-own") for number in range(3)]
    assert {answer.header("x-sluiceway-route") for answer in answers} == {f"anthropic/{OPUS}"}


def test_the_no_says_whose_budget_on_what_and_how_it_comes_back(capped: Running) -> None:
    carol = capped.add("carol", "web")
    assert ask(capped, carol, "one").status == 200
    no = ask(capped, carol, "two")
    assert (no.status, no.header("x-sluiceway-refused")) == (402, "budget_spent")
    said = no.json["error"]["message"]
    assert (
        "the budget 'web-opus' (team web, model claude-opus-*; 0.0025 USD in any 24 hours) is used up" in said
    )
    assert "What is older than 24 hours is given back every hour, next at 20" in said
    assert said.endswith("Ask dave if you need more.")
    assert ask(capped, carol, "three", HAIKU).status == 200  # another model is not of that budget


def test_a_spent_budget_refuses_before_anything_is_scanned(capped: Running) -> None:
    """The mail address would be blocked by the guard; what comes first is what costs least."""
    capped.set_rules("30-guard", GUARD)
    dave = capped.add("dave", "web")
    assert ask(capped, dave, "my mail is dave@corp.example").header("x-sluiceway-refused") == "budget_spent"
    assert (
        ask(capped, dave, "my mail is dave@corp.example", HAIKU).header("x-sluiceway-refused")
        != "budget_spent"
    )


def test_a_budget_that_warns_refuses_nothing(capped: Running) -> None:
    erin = capped.add("op", "ops")
    answers = [ask(capped, erin, str(number)) for number in range(3)]
    assert [answer.status for answer in answers] == [200] * 3
    assert answers[-1].header("x-sluiceway-budget-warning") == "ops-watch: used up"


def test_each_conversation_has_its_own_budget(capped: Running) -> None:
    talker = capped.add("talker", "talk")
    told = {"user_agent": "claude-cli/2.1.0 (external, cli)"}
    one = [
        ask(capped, talker, str(number), x_claude_code_session_id="c-1", **told).status for number in range(3)
    ]
    other = ask(capped, talker, "4", x_claude_code_session_id="c-2", **told).status
    assert (one, other) == ([200, 200, 402], 200)


def test_a_raise_holds_at_once_for_whom_it_is_and_is_on_record(capped: Running) -> None:
    short, other = capped.add("short", "short"), capped.add("shorter", "short")
    assert [ask(capped, who, "a").status for who in (short, short, other, other)] == [200, 402, 200, 402]
    until_us = 4_102_444_800_000_000
    given = {"budget": "raised", "unit": "requests", "by": 1, "to": None, "only": "short", "from_us": 0}
    given |= {"until_us": until_us, "requester": "alice", "approver": "bob", "reason": "x", "actor": "test"}
    raised = capped.on.run(capped.service.operate("budget.raise", given))
    assert [ask(capped, who, "b").status for who in (short, short, other)] == [200, 402, 402]
    capped.on.run(capped.service.operate("budget.withdraw", {"id": raised["id"], "actor": "test"}))
    assert capped.service.gateway.parts.rules.raises == ()


def test_an_agent_in_a_loop_is_stopped_until_it_says_something_else(capped: Running) -> None:
    capped.set_rules("30-guard", GUARD)
    agent = capped.add("agent", "agents")
    answers = [ask(capped, agent, "again", HAIKU) for _ in range(5)]
    assert [answer.status for answer in answers] == [200, 200, 200, 400, 400]
    assert answers[-1].header("x-sluiceway-refused") == "loop"
    assert ask(capped, agent, "something else", HAIKU).status == 200


def test_every_alert_is_in_the_file_once(capped: Running) -> None:
    alerts = capped.service._alerts
    assert alerts is not None
    for _ in range(2):
        capped.on.run(alerts.look())
    path = Path(capped.deployment.folder) / "alerts.jsonl"
    told = [json.loads(line) for line in path.read_text().splitlines()]
    found = sorted((each["kind"], each.get("budget") or each["who"]) for each in told)
    budgets = ["both-opus", "cannot", "core-opus", "denied-opus", "moved", "moved-far", "not-there"]
    budgets += ["ops-watch", "regional", "renamed"]
    assert found == [("loop", "agent"), *(("threshold", name) for name in budgets)]
    assert not any("again" in str(each).replace("again and again", "") for each in told)


def test_the_counters_equal_the_ledger(capped: Running) -> None:
    assert capped.service.store is not None
    assert capped.service.store.verify() == []
