"""Guard rules: which are asked, and what is done about each type, whose key the request carries."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sluiceway.policy import Policy, asked, judge
from sluiceway.policy.kinds import Guard
from sluiceway.types import Call, Facts, KeyClass, Principal, Target

ALICE = Principal(1, "alice", "employee", "core")
CALL = Call("anthropic_messages", "chat", "claude-haiku-4-5")
COMPANY = Facts("anthropic", key_class=KeyClass.COMPANY, may_reroute=True)


def rule(name: str, action: str, *types: str, **more: Any) -> Guard:
    return Guard.model_validate({"name": name, "action": action, "detect": types or ("*",), **more})


BLOCK = rule("no-secrets", "block", "SECRET", advice="Use the vault")
MASK = rule("mask-mail", "mask", "EMAIL_ADDRESS")
DETECT = rule("look", "detect")


def done(rules: list[Guard], types: set[str], facts: Facts = COMPANY) -> dict[str, tuple[str, str]]:
    return {
        name: (ruling.action.name, ruling.rule.name) for name, ruling in judge(rules, types, facts).items()
    }


BLOCKED, MASKED, SEEN = ("BLOCK", "no-secrets"), ("MASK", "mask-mail"), ("DETECT", "look")
STRICTEST = {
    "each type by its own rule": (
        [DETECT, MASK, BLOCK],
        {"SECRET": BLOCKED, "EMAIL_ADDRESS": MASKED, "IP_ADDRESS": SEEN},
    ),
    "whatever their order": (
        [BLOCK, DETECT],
        {"SECRET": BLOCKED, "EMAIL_ADDRESS": SEEN, "IP_ADDRESS": SEEN},
    ),
    "the first of equally strict ones": (
        [rule("one", "mask"), rule("two", "mask")],
        dict.fromkeys(("SECRET", "EMAIL_ADDRESS", "IP_ADDRESS"), ("MASK", "one")),
    ),
    "a type that is nobody's business is not named": ([MASK], {"EMAIL_ADDRESS": ("MASK", "mask-mail")}),
    "no rule": ([], {}),
}


@pytest.mark.parametrize(("rules", "wanted"), STRICTEST.values(), ids=STRICTEST)
def test_the_strictest_rule_decides_about_each_type(rules: list[Guard], wanted: dict[str, Any]) -> None:
    assert done(rules, {"SECRET", "EMAIL_ADDRESS", "IP_ADDRESS"}) == wanted


KEYS = {
    "company": (COMPANY, "MASK"),
    "personal": (Facts("anthropic", key_class=KeyClass.PERSONAL), "MASK"),
    "subscription": (Facts("anthropic", key_class=KeyClass.SUBSCRIPTION), "MASK"),
    "unknown that counts as the company's": (Facts("anthropic", company_money=True), "MASK"),
    "unknown": (Facts("anthropic"), "BLOCK"),
    "signed by its client": (replace(COMPANY, signed=True), "BLOCK"),
}


@pytest.mark.parametrize(("facts", "action"), KEYS.values(), ids=KEYS)
def test_a_mask_is_a_block_where_the_request_may_not_be_changed(facts: Facts, action: str) -> None:
    (ruling,) = judge([MASK], {"EMAIL_ADDRESS"}, facts).values()
    assert ruling.action.name == action
    assert (ruling.because is None) == (action == "MASK")
    assert ruling.step.rule == "mask-mail"


def test_what_is_only_detected_stays_so_whatever_the_key() -> None:
    assert done([DETECT], {"SECRET"}, Facts("anthropic", signed=True)) == {"SECRET": ("DETECT", "look")}


def test_the_trail_says_what_was_done_and_why() -> None:
    masked, blocked = (
        judge([MASK], {"EMAIL_ADDRESS"}, facts)["EMAIL_ADDRESS"].step for facts in (COMPANY, Facts("x"))
    )
    assert masked.effect == "EMAIL_ADDRESS: masked"
    assert blocked.effect == "EMAIL_ADDRESS: blocked (its key is not known, so nothing in it may be masked)"


MATCHES = {
    "everything": ({}, True),
    "team": ({"team": "core"}, True),
    "another model": ({"model": "gpt-*"}, False),
    "key": ({"key": "company"}, True),
    "one of two keys": ({"key": ["personal", "company"]}, True),
    "another key": ({"key": "subscription"}, False),
}


@pytest.mark.parametrize(("match", "is_asked"), MATCHES.values(), ids=MATCHES)
def test_only_rules_that_match_are_asked(match: dict[str, Any], is_asked: bool) -> None:
    policy = Policy(guard=(rule("r", "block", match=match),))
    assert bool(asked(policy, ALICE, CALL, COMPANY)) is is_asked


ROUTED = {
    "a rule for where it goes": ({"provider": "xai"}, True),
    "a rule for what it becomes": ({"model": "grok-*"}, True),
    "both": ({"provider": "xai", "model": "grok-*"}, True),
    "a rule for what was asked": ({"provider": "anthropic", "model": "claude-*"}, True),
    "a mixture that is neither": ({"provider": "xai", "model": "claude-*"}, False),
}


@pytest.mark.parametrize(("match", "is_asked"), ROUTED.values(), ids=ROUTED)
def test_no_route_leads_around_a_rule(match: dict[str, Any], is_asked: bool) -> None:
    policy = Policy(guard=(rule("r", "block", match=match),))
    assert bool(asked(policy, ALICE, CALL, COMPANY, Target("xai", "grok-4"))) is is_asked
