"""`sluiceway rules check`: mistakes of all files, and budgets that load but do not do what they say."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sluiceway.content import folder
from sluiceway.policy import check


@pytest.fixture
def warnings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What check says about these budgets beside the shipped providers."""
    monkeypatch.chdir(tmp_path)
    Path("rules/policy").mkdir(parents=True)
    shutil.copy(folder("rules") / "providers.yaml", "rules")

    def of(*budgets: str, teams=None, employees=None) -> list[str]:
        lines = "".join(f"  - {{{budget}}}\n" for budget in budgets)
        Path("rules/policy/a.yaml").write_text(f"version: 1\nbudgets:\n{lines}" if lines else "version: 1\n")
        return check(Path("rules"), teams, employees)

    return of


CORE = "name: core, scope: {team: core}, limit_usd: 50, window: month"
ALICE = "name: alice, scope: {employee: alice}, limit_usd: 50, window: day"
EACH = 'name: each, scope: {employee: "*"}, limit_usd: 20, window: day'


def test_the_shipped_rules_are_without_fault():
    assert check(folder("rules"), known_teams=(), known_employees=()) == []


def test_the_mistakes_of_providers_and_policy_come_together(warnings):
    Path("rules/providers.yaml").write_text("version: 1\n")
    assert warnings("name: a") == [
        "rules/providers.yaml:1:1: providers: missing field; add 'providers: ...'",
        "rules/policy/a.yaml:3:5: budgets.0.scope: missing field; add 'scope: ...'",
        "rules/policy/a.yaml:3:5: budgets.0: has no window; add 'window: ...'",
    ]


def test_a_name_nobody_has_is_a_warning_with_a_guess(warnings):
    assert warnings(CORE, ALICE, teams=["cores", "web"], employees=["bob"]) == [
        "warning: rules/policy/a.yaml:3:12: core: there is no team 'core' (did you mean 'cores'?)",
        "warning: rules/policy/a.yaml:4:12: alice: there is no employee 'alice'",
    ]


def test_names_that_exist_and_stars_and_unasked_names_are_no_warning(warnings):
    assert warnings(CORE, ALICE, teams=["core"], employees=["alice"]) == []
    assert warnings(EACH, teams=[], employees=[]) == []
    assert warnings(CORE, ALICE) == []


def leading(to: str, scope: str = "company") -> str:
    return f"name: one, scope: {scope}, limit_usd: 5, window: day, on_exceed: {{degrade: {{model: {to}}}}}"


NOWHERE = [
    (
        leading("claude-haiku-45"),
        "no provider of providers.yaml offers 'claude-haiku-45' (did you mean 'claude-haiku-4-5'?)",
    ),
    (
        leading("gpt-4.1-nano", "{provider: anthropic}"),
        "anthropic does not offer 'gpt-4.1-nano'",
    ),
]


@pytest.mark.parametrize(("budget", "says"), NOWHERE, ids=["nobody offers it", "not there"])
def test_a_budget_that_leads_to_a_model_nobody_offers_is_a_mistake(warnings, budget, says):
    """No warning: it would refuse where it was meant to go on."""
    shutil.copy(folder("rules") / "models.yaml", "rules")
    assert warnings(budget) == [
        f"rules/policy/a.yaml:3:12: one: on_exceed.degrade.model: {says}; write a model that models.yaml "
        "lists there, or list it"
    ]


@pytest.mark.parametrize("to", ["claude-haiku-4-5", "anthropic/claude-haiku-4.5", "gpt-4.1-nano"])
def test_a_budget_may_lead_to_a_model_by_any_of_its_names(warnings, to):
    shutil.copy(folder("rules") / "models.yaml", "rules")
    assert warnings(leading(to)) == []


def test_a_higher_limit_behind_a_lower_one_is_a_warning(warnings):
    assert warnings(EACH, ALICE) == [
        "warning: rules/policy/a.yaml:4:12: alice: never reached, because each (20 USD a day) applies to "
        "the same spending; all budgets apply"
    ]


def test_of_two_equal_budgets_one_is_a_warning(warnings):
    [line] = warnings(ALICE, ALICE.replace("alice", "again", 1))
    assert line.startswith("warning: rules/policy/a.yaml:3:12: alice: never reached, because again (50 USD")


UNREACHED = {
    "money": ("limit_usd: 20.50, window: day", "limit_usd: 30, window: day", "20.50 USD a day"),
    "requests": (
        "limit_requests: 60, window: minute",
        "limit_requests: 90, window: minute",
        "60 requests a minute",
    ),
    "tokens": ("limit_tokens: 5, window: hour", "limit_tokens: 6, window: hour", "5 tokens an hour"),
    "open at once": ("limit_concurrent: 4", "limit_concurrent: 8", "4 at once"),
}


@pytest.mark.parametrize(("low", "high", "says"), UNREACHED.values(), ids=UNREACHED.keys())
def test_a_limit_that_is_never_reached_is_a_warning_in_its_unit(warnings, low, high, says):
    [line] = warnings(f"name: low, scope: company, {low}", f"name: high, scope: company, {high}")
    assert f": high: never reached, because low ({says}) applies to the same" in line


NO_WARNING = {
    "a lower limit for one": (EACH, ALICE.replace("50", "5")),
    "another window": (EACH, ALICE.replace("day", "week")),
    "another scope": (EACH, CORE.replace("month", "day")),
    "another unit": (EACH.replace("usd", "requests"), ALICE.replace("usd", "tokens")),
    "the same limit for one as for each": (EACH, ALICE.replace("50", "20")),
}


@pytest.mark.parametrize("budgets", NO_WARNING.values(), ids=NO_WARNING.keys())
def test_budgets_that_can_bind_are_no_warning(warnings, budgets):
    assert warnings(*budgets) == []


def test_a_policy_that_caps_nothing_is_a_warning(warnings):
    assert warnings() == ["warning: rules/policy: no budgets: nothing is capped"]
