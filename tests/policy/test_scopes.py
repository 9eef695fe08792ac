"""What a budget may be kept by: each dimension, each combination, and what is not known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from sluiceway.content import folder
from sluiceway.policy import Policy, caps, stands
from sluiceway.policy.model import Budget
from sluiceway.policy.scope import in_words
from sluiceway.policy.words import per, until
from sluiceway.settings.models import Models
from sluiceway.types import Principal, Raise, Spender

AT = datetime(2026, 11, 21, 9, 36, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
ALICE = Principal(1, "alice", "employee", "core", project="apollo", cost_center="cc-7")
ALICES = Spender(ALICE, "anthropic", "claude-opus-4-1", "f00d", "core-key", "claude-code", "c-1")
BUILD = Spender(Principal(2, "build", "service", "web"), "openai", "gpt-5.1")


def budget(scope: object, **changes: Any) -> Budget:
    told = {"name": "a", "scope": scope, "limit_usd": 10, "window": "month"}
    return Budget.model_validate({name: value for name, value in {**told, **changes}.items() if value})


def counted(spender: Spender, scope: object) -> str | None:
    """The scope's part of the counter's key."""
    found = caps(Policy(budgets=(budget(scope),)), spender, AT, UTC)
    return found[0].counter.partition("|")[0] if found else None


SCOPES = {
    "company": ("company", "company"),
    "a project": ({"project": "apollo"}, "project=apollo"),
    "another project": ({"project": "gemini"}, None),
    "each cost center": ({"cost_center": "*"}, "cost_center=cc-7"),
    "no service": ({"service": "*"}, None),
    "a key by its name": ({"key": "core-key"}, "key=f00d"),
    "a key by its fingerprint": ({"key": "f00d"}, "key=f00d"),
    "each key": ({"key": "*"}, "key=f00d"),
    "another key": ({"key": "web-key"}, None),
    "a provider": ({"provider": "anthropic"}, "provider=anthropic"),
    "another provider": ({"provider": "openai"}, None),
    "one model": ({"model": "claude-opus-4-1"}, "models=claude-opus-4-1"),
    "models that fit a pattern, together": ({"model": "claude-opus-*"}, "models=claude-opus-*"),
    "a pattern with a place": ({"model": "claude-opus-?-1"}, "models=claude-opus-?-1"),
    "a pattern that ends too soon": ({"model": "claude-opus-?"}, None),
    "models of another kind": ({"model": "*haiku*"}, None),
    "whatever its case": ({"model": "Claude-*"}, "models=claude-*"),
    "each model": ({"model": "*"}, "model=claude-opus-4-1"),
    "a client": ({"client": "claude-code"}, "client=claude-code"),
    "each conversation is somebody's": ({"conversation": "*"}, "conversation=c-1,employee=alice"),
    "all at once": (
        {"model": "claude-opus-*", "provider": "anthropic", "team": "core"},
        "team=core,provider=anthropic,models=claude-opus-*",
    ),
    "one does not fit": ({"team": "core", "model": "gpt-*"}, None),
    "each of a team": ({"employee": "*", "team": "core"}, "employee=alice,team=core"),
}


@pytest.mark.parametrize(("scope", "counter"), SCOPES.values(), ids=SCOPES.keys())
def test_a_scope_counts_what_fits_all_of_it(scope: object, counter: str | None) -> None:
    assert counted(ALICES, scope) == counter


@pytest.mark.parametrize("dimension", ["project", "cost_center", "key", "client", "conversation", "employee"])
def test_what_is_not_known_is_in_no_budget_by_it(dimension: str) -> None:
    assert counted(BUILD, {dimension: "*"}) is None


def test_the_order_in_which_a_scope_is_written_does_not_matter() -> None:
    one, other = {"team": "core", "model": "claude-*"}, {"model": "claude-*", "team": "core"}
    assert counted(ALICES, one) == counted(ALICES, other)


HOSTILE = {
    "a pattern for a name": ("claude-opus-*", "model=claude-opus-*"),
    "capitals": ("Claude-OPUS-4-1", "model=claude-opus-4-1"),
    "separators": ("x|day,team=core%", "model=x%7Cday%2Cteam%3Dcore%25"),
    "an endless name": ("m" * 129, f"model=%{'5' * 0}"),
}


@pytest.mark.parametrize(("model", "counter"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_name_that_a_client_chose_breaks_no_key_and_is_no_pattern(model: str, counter: str) -> None:
    """A model may be called as a pattern is; it counts as that one model all the same."""
    found = counted(replace(ALICES, model=model), {"model": "*"}) or ""
    assert found == counter if len(model) < 129 else (found.startswith(counter) and len(found) == 71)
    assert not budget({"model": "claude-opus-*"}).scope.holds((("model", model),))  # type: ignore[union-attr]


@pytest.mark.parametrize(("scope", "counter"), SCOPES.values(), ids=SCOPES.keys())
def test_a_budget_knows_the_counters_that_are_its_own(scope: object, counter: str | None) -> None:
    policy = Policy(budgets=(budget(scope),))
    [cap] = caps(policy, ALICES, AT, UTC) or [None]
    if cap is None:
        return
    keys = {"core-key": "f00d"}
    assert [found for _, found in stands(policy, cap.scope, AT, UTC, (), keys)] == [cap]
    assert stands(policy, (*cap.scope, ("service", "x")), AT, UTC, (), keys) == ()


EFFECTIVE = {
    "before": ("2026-11-22", None, False),
    "on the first day": ("2026-11-21", None, True),
    "on the last day": (None, "2026-11-21", True),
    "after": (None, "2026-11-20", False),
    "in between": ("2026-11-01", "2026-11-30", True),
}


@pytest.mark.parametrize(("begins", "ends", "binds"), EFFECTIVE.values(), ids=EFFECTIVE.keys())
def test_a_budget_binds_from_its_first_day_to_the_end_of_its_last(
    begins: str | None, ends: str | None, binds: bool
) -> None:
    policy = Policy(budgets=(budget("company", **{"from": begins, "until": ends}),))
    for at in (AT, datetime(2026, 11, 20, 23, tzinfo=UTC), datetime(2026, 11, 21, 22, 59, 59, tzinfo=UTC)):
        assert bool(caps(policy, ALICES, at, BERLIN)) == binds  # all are the 21st in Berlin


def test_who_asks_for_the_cheaper_model_is_not_led_on_by_the_budget_that_leads_there() -> None:
    policy = Policy(budgets=(budget({"team": "core"}, on_exceed={"degrade": {"model": "claude-haiku-4-5"}}),))
    [dear] = caps(policy, ALICES, AT, UTC)
    [cheap] = caps(policy, replace(ALICES, model="claude-haiku-4-5"), AT, UTC)
    assert (dear.on_exceed, dear.degrade_to, dear.holds) == ("degrade", "claude-haiku-4-5", True)
    assert (cheap.on_exceed, cheap.holds, cheap.counter) == ("warn", False, dear.counter)


LEADS = [
    # at, for, is led to by its name there; None: nowhere, and why
    ("anthropic", "claude-opus-5-5", "claude-haiku-4-5-20251001", "degrade"),
    ("openrouter", "anthropic/claude-opus-5.5", "anthropic/claude-haiku-4.5", "degrade"),
    ("bedrock", "eu.some-opus", "global.anthropic.claude-haiku-4-5-20251001-v1:0", "degrade"),
    ("anthropic", "claude-haiku-4-5", None, "warn"),  # the same by another name
    ("openrouter", "anthropic/claude-haiku-4.5", None, "warn"),
    ("openai", "gpt-5.1", None, "block"),  # it is not offered there
]


@pytest.mark.parametrize("written", ["claude-haiku-4-5-20251001", "anthropic/claude-haiku-4.5"])
@pytest.mark.parametrize(("provider", "model", "to", "does"), LEADS)
def test_a_budget_leads_to_a_model_by_the_name_it_has_where_it_is_asked(
    written: str, provider: str, model: str, to: str | None, does: str
) -> None:
    one = budget("company", on_exceed={"degrade": {"model": written}})
    policy = Policy(budgets=(one,), models=Models.load(folder("rules") / "models.yaml"))
    [cap] = caps(policy, replace(ALICES, provider=provider, model=model), AT, UTC)
    assert (cap.degrade_to, cap.on_exceed) == (to, does)


def test_a_model_that_no_catalogue_knows_is_taken_at_its_word() -> None:
    one = budget("company", on_exceed={"degrade": {"model": "ours-7b"}})
    policy = Policy(budgets=(one,), models=Models.load(folder("rules") / "models.yaml"))
    assert caps(policy, ALICES, AT, UTC)[0].degrade_to == "ours-7b"


def test_a_budget_that_warns_does_not_hide_one_that_blocks() -> None:
    policy = Policy(
        budgets=(
            budget("company", name="early", limit_usd=5, on_exceed="warn"),
            budget("company", name="hard", limit_usd=10),
            budget("company", name="loose", limit_usd=20),
        )
    )
    assert [cap.rule for cap in caps(policy, ALICES, AT, UTC)] == ["early", "hard"]


SOON = AT + timedelta(hours=1)
RAISES = {
    "by": ([Raise("a", AT, SOON, by=5)], 15),
    "to": ([Raise("a", AT, SOON, to=40)], 40),
    "to less than there is": ([Raise("a", AT, SOON, to=4)], 10),
    "two of them": ([Raise("a", AT, SOON, by=5), Raise("a", AT, SOON, by=2)], 17),
    "for somebody else": ([Raise("a", AT, SOON, by=5, only="bob")], 10),
    "for alice alone": ([Raise("a", AT, SOON, by=5, only="alice")], 15),
    "of another budget": ([Raise("b", AT, SOON, by=5)], 10),
    "not yet": ([Raise("a", SOON, SOON + timedelta(1), by=5)], 10),
    "no more": ([Raise("a", AT - timedelta(1), AT, by=5)], 10),
}


@pytest.mark.parametrize(("raises", "limit"), RAISES.values(), ids=RAISES.keys())
def test_a_raise_lifts_a_limit_for_its_time(raises: list[Raise], limit: int) -> None:
    policy = Policy(budgets=(budget({"employee": "*"}, limit_usd=None, limit_requests=10),))
    [cap] = caps(policy, ALICES, AT, UTC, raises)
    assert cap.limit == limit


WORDS = {
    "month": ("month", "a month", "It resets at"),
    "hour": ("hour", "an hour", "It resets at"),
    "fiscal": ({"fiscal_month_starts": 22}, "a month from the 22nd", "It resets at"),
    "a day, rolling": (
        {"rolling": "1d"},
        "in any 24 hours",
        "What is older than 24 hours is given back every hour, next at",
    ),
    "a week, rolling": (
        {"rolling": "168h"},
        "in any 7 days",
        "What is older than 7 days is given back every 6 hours, next at",
    ),
    "short, rolling": (
        {"rolling": "90m"},
        "in any 90 minutes",
        "What is older than 90 minutes is given back every minute, next at",
    ),
    "for ever": ("lifetime", "in all", ""),
}


@pytest.mark.parametrize(("window", "words", "back"), WORDS.values(), ids=WORDS.keys())
def test_windows_in_words(window: object, words: str, back: str) -> None:
    [cap] = caps(Policy(budgets=(budget("company", window=window),)), ALICES, AT, UTC)
    assert (per(cap.window), until(cap)) == (words, back)


def test_a_scope_in_words() -> None:
    [cap] = caps(Policy(budgets=(budget({"team": "*", "model": "claude-*", "key": "*"}),)), ALICES, AT, UTC)
    assert in_words(cap.scope, {"f00d": "core-key"}.get) == "team core, key core-key, model claude-*"
    assert in_words(()) == "the whole company"
