"""Every refusal says what, by which rule, until when (or that waiting does not help), whom to ask."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import pytest
from tests.gateway.gateway_world import ALICE, Ledger, call, exchange, parts

from sluiceway.audit.notice import Notice
from sluiceway.errors import TooLarge, WireError
from sluiceway.gateway import coaching, loops, refusals, upstream
from sluiceway.gateway.loops import Circle
from sluiceway.gateway.reservation import _does_not_fit, no_money
from sluiceway.gateway.telling import FAULTS, told
from sluiceway.policy import Policy, Ruling, decide
from sluiceway.policy.kinds import Guard, Route
from sluiceway.policy.kinds.guard import Action
from sluiceway.policy.model import Loops
from sluiceway.store.records import Busy, Spent
from sluiceway.types import Cap, Facts, Refusal, RefusalKind
from sluiceway.wire.parts import Segment
from sluiceway.wire.translation.losses import Loss

WHOM = "#ai-platform"
# What the arguments of the functions may be. A function with another one is not forgotten: it fails below.
GIVEN: Mapping[str, Any] = {
    "contact": WHOM,
    "rule": "cheap-chat",
    "provider": "openai",
    "reason": "expired",
    "user": "alice",
    "name": "x-own",
    "disagrees": "the Host header",
    "host": "api.openai.com",
    "method": "POST",
    "kind": "session.update",
    "what": "alice's own key",
    "label": "main",
    "wait_s": 3.2,
    "error": WireError("the body is not JSON"),
    "losses": (Loss("n", 1, "there is one answer alone", essential=True),),
}
CAP = Cap("core-day", (("team", "core"),), "day", datetime(2026, 11, 21, tzinfo=UTC), None, 10**9)
ENDING = Cap(CAP.rule, CAP.scope, "day", CAP.starts_at, datetime(2026, 11, 22, tzinfo=UTC), CAP.limit)
RATE = Cap("core-rate", CAP.scope, "minute", CAP.starts_at, ENDING.ends_at, 5, "requests")
GUARD = Guard.model_validate({"name": "no-mail", "detect": ["EMAIL_ADDRESS"], "action": "block"})
DENY = Route.model_validate({"name": "no-preview", "deny": {"reason": "not approved yet"}})


def made_by(module: ModuleType) -> Iterator[Refusal]:
    """Every refusal of a module: its constants, and what each of its functions says."""
    yield from (value for value in vars(module).values() if isinstance(value, Refusal))
    for name, make in vars(module).items():
        if not inspect.isfunction(make) or make.__module__ != module.__name__ or name == "of_upgrade":
            continue
        wanted = inspect.signature(make).parameters.values()
        yield make(**{each.name: GIVEN[each.name] for each in wanted if each.default is each.empty})


def elsewhere() -> Iterator[Refusal]:
    """What is said outside gateway/refusals.py."""
    told_to = parts(Ledger())
    asked = exchange(told_to, call())
    yield refusals.unreadable(TooLarge("the body is larger than 1 MB"))
    yield no_money(Spent(CAP, 10**9, None), asked, told_to)
    yield no_money(Spent(ENDING, 10**9, ENDING.ends_at), asked, told_to)
    yield no_money(Busy(ENDING, 5), asked, told_to)
    yield no_money(Busy(RATE, 5, ENDING.ends_at), asked, told_to)
    guess = type("Guess", (), {"most_tokens": 9, "input_tokens": 1, "cost": lambda self, tokens: 10**9})()
    yield _does_not_fit(call(), guess, ENDING, asked, told_to)
    ruling = Ruling("EMAIL_ADDRESS", Action.BLOCK, GUARD)
    yield coaching.blocked([(ruling, [Segment(("a",), "x", "user", "text")])], WHOM)
    yield coaching.failed("deadline", "no-mail", WHOM)
    yield coaching.unwritable([ruling], WHOM)
    yield loops.refusal(Circle(3, new=True), Loops(repeats=3), WHOM)
    denied = decide(Policy(routes=(DENY,)), ALICE, call(), Facts("anthropic", contact=WHOM)).refusal
    assert denied
    yield denied
    yield Notice("pilot", "v1", "You are told of the rule 'pilot'.").refusal("http://sluiceway.internal")
    yield upstream._no_answer("connect_error", "api.openai.com could not be reached").refusal


ALL = [*made_by(refusals), *elsewhere()]


def happened(said: str, refusal: Refusal) -> bool:
    return said.startswith("Sluiceway") and said.startswith(refusal.message)


def by_which_rule(said: str, refusal: Refusal) -> bool:
    """A rule or a setting by its name; what is fixed, in words; of a fault that it is one."""
    if refusal.rule is not None:
        return refusal.rule in said
    if refusal.kind in FAULTS:
        return re.search(r"fault|cannot|provider|restarting|company's key would", said) is not None
    return "This is a fixed rule: " in said


def until_when(said: str, refusal: Refusal) -> bool:
    if refusal.retry_after_s is not None:
        return "ry again" in said
    if refusal.resets_at is not None:
        return "resets at 20" in said
    return re.search(r"[Tt]ry again|does not help|To acknowledge|another message to go on", said) is not None


def whom(said: str, refusal: Refusal) -> bool:
    return re.search(rf"\b[Aa]sk {WHOM}", said) is not None and said.count(WHOM) == 1


@pytest.mark.parametrize("refusal", ALL, ids=lambda refusal: f"{refusal.code}: {refusal.message[11:50]}")
@pytest.mark.parametrize("question", [happened, by_which_rule, until_when, whom], ids=lambda q: q.__name__)
def test_every_refusal_says_what_rule_until_when_or_that_waiting_does_not_help_and_whom(
    refusal: Refusal, question: Any
) -> None:
    said = told(refusal, WHOM).message
    assert question(said, refusal), said


def test_nothing_is_said_twice() -> None:
    once = [told(refusal, WHOM) for refusal in ALL]
    for refusal in once:
        assert refusal.message.count("does not help") <= 1, refusal.message
        assert refusal.message.lower().count("try again") <= 1, refusal.message


@pytest.mark.parametrize("rule", ["a", "send", "core", "core-day"])
def test_a_rule_is_named_though_its_letters_are_in_the_message(rule: str) -> None:
    refusal = Refusal(RefusalKind.POLICY, "x", "Sluiceway: a-send core-days.", rule=rule)
    assert f"Rule: {rule}." in told(refusal, WHOM).message
    assert (
        "Rule:" not in told(Refusal(RefusalKind.POLICY, "x", f"'{rule}' says no.", rule=rule), WHOM).message
    )


def test_who_is_asked_of_a_budget_is_whom_it_names() -> None:
    refusal = Refusal(RefusalKind.BUDGET, "x", "Sluiceway: 'b' is used up. Ask dave.", "b", contact="dave")
    assert told(refusal, WHOM).message == f"{refusal.message} Trying again unchanged does not help."
