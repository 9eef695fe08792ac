"""What an employee is told when the guard turns a request away: enough to act on, and never the data."""

from __future__ import annotations

import pytest

from sluiceway.gateway import coaching
from sluiceway.policy import Ruling
from sluiceway.policy.kinds import Guard
from sluiceway.policy.kinds.guard import Action
from sluiceway.types import RefusalKind
from sluiceway.wire.parts import Kind, Role, Segment

CANARY = "canary-value"


def ruling(entity: str, name: str = "pii", advice: str | None = None, because: str | None = None) -> Ruling:
    rule = Guard(name=name, detect=("*",), action="block", advice=advice)
    return Ruling(entity, Action.BLOCK, rule, because)


def part(role: Role, kind: Kind = "text") -> Segment:
    return Segment(("messages", 0, CANARY), CANARY, role, kind)


PLACES = {
    "one": ([part("user")], "in your message"),
    "the same twice": ([part("user"), part("user")], "in your message"),
    "two": ([part("system"), part("tool", "tool_result")], "in the system prompt and a tool's result"),
    "three": (
        [part("assistant"), part("assistant", "tool_arguments"), part("system", "tool_definition")],
        "in an earlier answer, the arguments of a tool call and a tool's definition",
    ),
    "more": (
        [part("user"), part("assistant"), part("system"), part("user", "other")],
        "in your message, an earlier answer and other parts",
    ),
}


@pytest.mark.parametrize(("segments", "words"), PLACES.values(), ids=PLACES)
def test_the_parts_are_named_and_nothing_of_what_is_in_them(segments: list[Segment], words: str) -> None:
    refusal = coaching.blocked([(ruling("SECRET"), segments)], "#help")
    assert f"a password, key or token (SECRET) {words}, which the rule 'pii' blocks." in refusal.message
    assert CANARY not in repr(refusal)
    assert (refusal.kind, refusal.code, refusal.rule) == (RefusalKind.POLICY, "guard_blocked", "pii")


def test_many_kinds_are_counted_and_advice_is_given_once() -> None:
    found = [(ruling(f"TYPE_{number}", advice="Use the vault"), [part("user")]) for number in range(6)]
    message = coaching.blocked(found, "#help").message
    assert message.count("It holds data (TYPE_") == 4
    assert "And 2 further kinds of data." in message
    assert message.count("Use the vault.") == 1


def test_a_mask_that_became_a_block_says_why() -> None:
    because = "its client has signed it, so nothing in it can be masked"
    message = coaching.blocked([(ruling("EMAIL_ADDRESS", because=because), [part("user")])], "#help").message
    assert "which the rule 'pii' masks; its client has signed it" in message


@pytest.mark.parametrize("reason", ["deadline", "worker_lost", "overloaded"])
def test_a_scan_that_failed_is_our_fault_and_worth_another_try(reason: str) -> None:
    refusal = coaching.failed(reason, "pii", "#help")
    assert (refusal.kind, refusal.code, refusal.rule) == (RefusalKind.INTERNAL, "guard_failed", "pii")
    assert refusal.retry_after_s is not None and "#help" in refusal.message


def test_names_that_would_become_one_are_refused_with_the_rule() -> None:
    assert "'pii'" in coaching.unwritable([ruling("EMAIL_ADDRESS")], "#help").message
