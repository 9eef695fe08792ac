"""Routes: what a rule matches and nearly matches, which one decides, and what it leaves in the trail."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sluiceway.policy import Policy, decide
from sluiceway.policy.kinds import Route
from sluiceway.policy.match import matches
from sluiceway.types import Call, Facts, Principal, Target

ALICE = Principal(1, "alice", "employee", "core")
BOT = Principal(2, "alice", "service", "core")
CALL = Call("anthropic_messages", "chat", "claude-opus-4-5", stream=True, has_tools=True)
FACTS = Facts("anthropic", "claude-code", input_tokens=5000, may_reroute=True, contact="#ai-platform")
ELSEWHERE = {"to": {"model": "claude-haiku-4-5"}}


def policy(*rules: dict[str, object]) -> Policy:
    return Policy(
        routes=tuple(Route.model_validate({"name": f"r{n}", **rule}) for n, rule in enumerate(rules))
    )


@pytest.mark.parametrize(
    ("condition", "fits"),
    [
        ({}, True),
        ({"employee": "alice"}, True),
        ({"employee": "al*"}, True),
        ({"employee": "Alice"}, False),
        ({"service": "alice"}, False),
        ({"team": ["data", "core"]}, True),
        ({"team": "cor"}, False),
        ({"client": "claude-*"}, True),
        ({"client": "codex"}, False),
        ({"provider": "anthropic"}, True),
        ({"model": "claude-opus-*"}, True),
        ({"model": "claude-opus-?-5"}, True),
        ({"model": "opus"}, False),
        ({"model": "claude.opus.*"}, False),
        ({"operation": "chat"}, True),
        ({"operation": "embeddings"}, False),
        ({"tools": True}, True),
        ({"tools": False}, False),
        ({"stream": True}, True),
        ({"stream": False}, False),
        ({"input_tokens": {"at_least": 5000}}, True),
        ({"input_tokens": {"at_least": 5001}}, False),
        ({"input_tokens": {"at_most": 4999}}, False),
        ({"input_tokens": {"at_least": 1, "at_most": 5000}}, True),
        ({"team": "core", "stream": False}, False),
    ],
    ids=str,
)
def test_a_rule_matches_when_every_condition_holds(condition: dict[str, object], fits: bool) -> None:
    decision = decide(policy({"match": condition, **ELSEWHERE}), ALICE, CALL, FACTS)
    assert (decision.rule == "r0") is fits
    assert decision.target.model == ("claude-haiku-4-5" if fits else "claude-opus-4-5")


def test_what_cannot_be_told_matches_nothing() -> None:
    nameless = replace(FACTS, client_name=None)
    assert decide(policy({"match": {"client": "*"}, **ELSEWHERE}), ALICE, CALL, nameless).rule is None


def test_an_employee_rule_does_not_match_a_service_of_the_same_name() -> None:
    assert decide(policy({"match": {"employee": "alice"}, **ELSEWHERE}), BOT, CALL, FACTS).rule is None


def test_the_first_route_that_matches_decides() -> None:
    first = {"match": {"team": "core"}, "deny": {"reason": "not approved yet"}}
    decision = decide(policy(first, ELSEWHERE), ALICE, CALL, FACTS)
    assert decision.rule == "r0"
    assert decision.refusal is not None
    assert decision.refusal.code == "denied"
    assert decision.refusal.rule == "r0"
    assert "not approved yet" in decision.refusal.message
    assert "#ai-platform" in decision.refusal.message


def test_a_route_to_another_model_says_from_where_to_where() -> None:
    decision = decide(policy(ELSEWHERE), ALICE, CALL, FACTS)
    assert decision.target == Target("anthropic", "claude-haiku-4-5")
    assert decision.trail[0].effect == "anthropic/claude-opus-4-5 -> anthropic/claude-haiku-4-5"


def test_a_key_that_is_not_the_companys_is_never_moved_and_the_trail_says_so() -> None:
    decision = decide(policy(ELSEWHERE), ALICE, CALL, replace(FACTS, may_reroute=False))
    assert decision.target == Target("anthropic", "claude-opus-4-5")
    assert "not the company's" in decision.trail[0].effect


def test_a_deny_binds_every_key() -> None:
    deny = {"deny": {"reason": "closed"}}
    assert decide(policy(deny), ALICE, CALL, replace(FACTS, may_reroute=False)).refusal is not None


def test_a_route_that_cannot_be_applied_does_not_hide_a_later_deny() -> None:
    deny = {"deny": {"reason": "closed"}}
    decision = decide(policy(ELSEWHERE, deny), ALICE, CALL, replace(FACTS, may_reroute=False))
    assert decision.refusal is not None
    assert "not applied" in decision.trail[0].effect
    assert len(decision.trail) == 2


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"deny": {"reason": "x"}, "to": {"model": "y"}},
        {"to": {}},
        {"to": {"model": "claude-*"}},
        {"to": {"provider": "open ai"}},
        {"match": {"model": "claude-[ab]"}, **ELSEWHERE},
        {"match": {"modle": "x"}, **ELSEWHERE},
    ],
    ids=str,
)
def test_a_route_that_makes_no_sense_is_refused_at_load(rule: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        policy(rule)


def test_the_version_changes_with_a_route() -> None:
    assert policy(ELSEWHERE).version != policy().version


@given(st.text(max_size=40), st.text(alphabet="ab*?.\\(", min_size=1, max_size=40))
def test_a_pattern_means_only_its_stars_and_question_marks(text: str, glob: str) -> None:
    assert matches(glob, text) == _slowly(glob, text)


def _slowly(glob: str, text: str) -> bool:
    """The definition, letter by letter: reach[n] says whether the pattern so far eats n letters."""
    reach = [True] + [False] * len(text)
    for letter in glob:
        if letter == "*":
            reach = [any(reach[: n + 1]) for n in range(len(reach))]
        else:
            reach = [n > 0 and reach[n - 1] and letter in ("?", text[n - 1]) for n in range(len(reach))]
    return reach[-1]
