"""`sluiceway rules check` on routes: what loads and is right, but never does what it says."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sluiceway.content import folder
from sluiceway.policy import check

AT = "warning: rules/policy/a.yaml:"
BUDGET = "budgets:\n  - {name: core-month, scope: {team: core}, limit_usd: 50, window: month}\n"
OPUS = "match: {model: claude-opus-5-5}"


@pytest.fixture
def warnings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What check says about these routes beside the shipped providers and models."""
    monkeypatch.chdir(tmp_path)
    Path("rules/policy").mkdir(parents=True)
    shutil.copy(folder("rules") / "providers.yaml", "rules")
    shutil.copy(folder("rules") / "models.yaml", "rules")

    def of(*routes: str) -> list[str]:
        lines = "".join(f"  - {{name: r{number}, {route}}}\n" for number, route in enumerate(routes))
        Path("rules/policy/a.yaml").write_text(f"version: 1\n{BUDGET}routes:\n{lines}")
        return check(Path("rules"), ["core"], ["alice"])

    return of


@pytest.mark.parametrize(
    "routes",
    [
        [f"{OPUS}, to: {{model: claude-haiku-5-5}}"],
        [f"{OPUS}, to: {{provider: bedrock}}", f"{OPUS}, deny: {{reason: what is left over}}"],
        [
            f"{OPUS}, failover: same_family",
            "mirror: {to: {model: gpt-5-mini}, percent: 1, budget_usd_per_day: 1}",
        ],
        ["match: {team: [core, cores]}, choose: {from: ['claude-*'], region: eu}"],
        ["degrade: {budget: core-month, steps: [{at_least: 80, model: claude-haiku-4-5}]}"],
        ["split: [{model: same, weight: 90}, {provider: openrouter, weight: 10}]"],
        ["match: {employee: 'al*', provider: anthropic}, deny: {reason: closed}"],
    ],
    ids=str,
)
def test_routes_that_do_what_they_say_are_no_warning(warnings, routes):
    assert warnings(*routes) == []


@pytest.mark.parametrize(
    ("route", "says"),
    [
        (
            "match: {team: cor}, deny: {reason: x}",
            "never matches, since there is no team 'cor' (did you mean 'core'?)",
        ),
        ("match: {employee: bob}, deny: {reason: x}", "never matches, since there is no employee 'bob'"),
        (
            "match: {provider: antropic}, deny: {reason: x}",
            "never matches, since there is no provider 'antropic' (did you mean 'anthropic'?)",
        ),
        (
            "match: {input_tokens: {at_least: 9, at_most: 8}}, deny: {reason: x}",
            "never matches, since nothing is at least and at most what its input_tokens says",
        ),
        (
            "match: {budget: {name: core-mont, used_percent: {at_least: 80}}}, deny: {reason: x}",
            "does nothing, since there is no budget 'core-mont' (did you mean 'core-month'?)",
        ),
        (
            "degrade: {budget: house, steps: [{at_least: 80, model: gpt-5-mini}]}",
            "does nothing, since there is no budget 'house'",
        ),
        (
            "to: {model: claude-haiku-9}",
            "claude-haiku-9 is not in models.yaml, so nobody checks that it can do what a request needs",
        ),
        (
            "failover: [{provider: openai, model: gpt-9}]",
            "gpt-9 at openai is not in models.yaml, so nobody checks that it can do what a request needs",
        ),
        (
            "to: {provider: azure}",
            "nothing can be sent to azure, where each customer has a host of their own",
        ),
        (
            "choose: {from: ['claude-*', mistral-larg-4]}",
            "'mistral-larg-4' fits no model of models.yaml (did you mean 'mistral-large-4'?)",
        ),
        (
            "choose: {from: [codestral], needs: [vision]}",
            "no model of models.yaml meets it: out: mistral/codestral (eu), openrouter/codestral: "
            "cannot see images",
        ),
        (
            "split: [{model: same, weight: 3}, {model: gpt-5-mini, weight: 1}]",
            "its weights add up to 4, so its shares are 75 %, 25 %",
        ),
    ],
)
def test_a_route_that_does_not_do_what_it_says_is_a_warning(warnings, route, says):
    assert warnings(route) == [f"{AT}5:12: r0: {says}"]


def test_a_route_behind_one_that_decides_on_the_same_requests_is_a_warning(warnings):
    hidden = f"{AT}6:12: r1: never reached, because r0 decides on the same requests before it"
    assert warnings("deny: {reason: x}", f"{OPUS}, deny: {{reason: y}}") == [hidden]
    assert warnings(f"{OPUS}, deny: {{reason: x}}", f"{OPUS}, to: {{model: gpt-5-mini}}") == [hidden]


def test_without_a_catalogue_a_choice_says_so_and_names_are_not_compared(warnings):
    Path("rules/models.yaml").unlink()
    assert warnings("choose: {}", "match: {team: core}, failover: [{model: whatever}]") == [
        f"{AT}5:12: r0: chooses from an empty catalogue: there is no models.yaml beside the folder policy"
    ]


def test_a_mistake_in_the_catalogue_comes_with_the_others(warnings):
    Path("rules/models.yaml").write_text("version: 1\nmodels: []\n")
    assert warnings("choose: {}", "to: {}")[0].startswith("rules/models.yaml:2:9: models: must be a list")
