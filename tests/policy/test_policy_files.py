"""rules/policy/*.yaml: how the files join, when the version changes, and what each mistake says."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from sluiceway.content import folder
from sluiceway.errors import ConfigError
from sluiceway.policy import Policy, load_policy
from sluiceway.policy.model import Budget
from sluiceway.policy.scope import Scope

COMPANY = "  - {name: company-month, scope: company, limit_usd: 100, window: month}\n"
HEAD = '  - {name: per-head-day, scope: {employee: "*"}, limit_usd: 20, window: day}\n'


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Load a policy folder with these files."""
    monkeypatch.chdir(tmp_path)

    def from_files(**files: str) -> Policy:
        where = Path("policy")
        where.mkdir(exist_ok=True)
        for name, text in files.items():
            (where / f"{name}.yaml").write_text("version: 1\n" + text)
        return load_policy(where)

    return from_files


def complaint(load, **files: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(**files)
    return str(caught.value)


def test_the_starter_policy_loads():
    policy = load_policy(folder("rules") / "policy")
    assert [budget.name for budget in policy.budgets] == ["company-month", "per-head-day"]
    assert policy.unknown_keys is None


def test_lists_are_joined_in_the_order_of_the_file_names(load):
    policy = load(b="budgets:\n" + HEAD, a="budgets:\n" + COMPANY, c="keys: {unknown: personal}\n")
    assert [budget.name for budget in policy.budgets] == ["company-month", "per-head-day"]
    assert policy.unknown_keys == "personal"
    assert policy.places["per-head-day"] == "policy/b.yaml:3:12"


def test_every_field_of_a_budget_is_read(load):
    text = """\
budgets:
  - name: core-week
    scope: {team: core}
    limit_usd: 12.345678901
    window: week
    alert_at: [50, 100]
    contact: "#core"
"""
    policy = load(a=text)
    assert policy.budgets == (
        Budget(
            name="core-week",
            scope=Scope(team="core"),
            limit_usd=Decimal("12.345678901"),
            window="week",
            alert_at=(50, 100),
            contact="#core",
        ),
    )
    assert policy.contact("core-week") == "#core"
    assert policy.contact("another") is None


def test_an_amount_is_read_as_written_and_not_as_a_binary_float(load):
    [budget] = load(a="budgets: [{name: a, scope: company, limit_usd: 0.1, window: day}]").budgets
    assert budget.limit_usd == Decimal("0.1")
    assert budget.limit_usd != Decimal.from_float(0.1)


def test_files_of_editors_and_folders_of_mounts_are_passed_over(load):
    load(a="budgets:\n" + COMPANY)
    for name in (".a.yaml.swp", ".#a.yaml", "a.yaml~", "README.md"):
        Path("policy", name).write_text("not ours")
    Path("policy", "..data").mkdir()
    assert len(load(a="budgets:\n" + COMPANY).budgets) == 1


def test_a_file_under_a_wrong_ending_is_not_passed_over(load):
    load(a="budgets:\n" + COMPANY)
    Path("policy", "b.yml").write_text("version: 1")
    assert complaint(load) == "policy/b.yml: is not read; rename it to b.yaml"


def test_a_folder_without_rules_is_refused(load):
    assert complaint(load) == "policy: holds no .yaml file; write one that starts with 'version: 1'"


def test_a_missing_folder_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"^policy: cannot be read: No such file or directory$"):
        load_policy(Path("policy"))


def test_a_name_used_twice_names_both_places(load):
    assert complaint(load, a="budgets:\n" + COMPANY, b="budgets:\n" + HEAD + COMPANY) == (
        "policy/b.yaml:4:12: budgets.1.name: 'company-month' is used twice "
        "(first at policy/a.yaml:3:12); names are unique in all files"
    )


def test_keys_given_in_two_files_name_both_places(load):
    assert complaint(load, a="keys: {unknown: company}", b="keys: {unknown: company}") == (
        "policy/b.yaml:2:1: keys: is given twice (first at policy/a.yaml:2:7); keep one"
    )


def test_the_mistakes_of_all_files_are_reported_together(load):
    said = complaint(load, a="budgets: 5", b="budgets:\n" + HEAD, c="keys: {unknown: nobody}")
    assert [line.split(": ")[0] for line in said.splitlines()] == ["policy/a.yaml:2:10", "policy/c.yaml:2:17"]


ONE_LIMIT = (
    "write exactly one of limit_usd, limit_requests, limit_tokens and limit_concurrent; "
    "a further limit is a further budget"
)
MISTAKES = {
    "name": (
        "name: Core",
        "2:18: budgets.0.name: a name is made of a-z, 0-9 and '-', and starts with a letter or a digit",
    ),
    "name starts with a dash": (
        "name: '-a'",
        "2:18: budgets.0.name: a name is made of a-z, 0-9 and '-', and starts with a letter or a digit",
    ),
    "name is empty": (
        "name: ''",
        "2:18: budgets.0.name: a name is made of a-z, 0-9 and '-', and starts with a letter or a digit",
    ),
    "name too long": (f"name: {'a' * 65}", "2:18: budgets.0.name: a name has at most 64 characters"),
    "scope": (
        "scope: everyone",
        "2:19: budgets.0.scope: must be 'company' or {employee: ..., service: ..., team: ...}",
    ),
    "scope of nobody": (
        "scope: {}",
        "2:19: budgets.0.scope: write 'company', or what to keep it by, such as {team: core}",
    ),
    "scope of two kinds of people": (
        "scope: {employee: alice, service: build}",
        "2:19: budgets.0.scope: nobody is an employee and a service; write one of them",
    ),
    "scope by something unknown": (
        "scope: {modle: opus}",
        "2:20: budgets.0.scope.modle: unknown field (did you mean 'model'?)",
    ),
    "scope of one conversation": (
        "scope: {conversation: abc}",
        "2:34: budgets.0.scope.conversation: must be '*'",
    ),
    "scope with a pattern": (
        "scope: {team: 'core-*'}",
        "2:26: budgets.0.scope.team: write one name, or '*' for each of them their own budget",
    ),
    "scope that would break a counter's key": (
        "scope: {team: 'a|b'}",
        "2:26: budgets.0.scope.team: write one name, or '*' for each of them their own budget",
    ),
    "no limit": ("limit_usd: 0", "2:23: budgets.0.limit_usd: must be more than 0"),
    "a negative limit": ("limit_usd: -5", "2:23: budgets.0.limit_usd: must be more than 0"),
    "an endless limit": ("limit_usd: 'Infinity'", "2:23: budgets.0.limit_usd: must be a finite number"),
    "true as a limit": ("limit_usd: true", "2:23: budgets.0.limit_usd: must be a number"),
    "a currency sign": ("limit_usd: $5", "2:23: budgets.0.limit_usd: must be a number"),
    "more than the store can hold": (
        "limit_usd: 1000000001",
        "2:23: budgets.0.limit_usd: must be at most 1000000000",
    ),
    "finer than the store can hold": (
        "limit_usd: 0.0000000001",
        "2:23: budgets.0.limit_usd: must have at most 9 decimal places",
    ),
    "finer than any number": (
        "limit_usd: '1e-999999'",
        "2:23: budgets.0.limit_usd: must have at most 9 decimal places",
    ),
    "window": (
        "window: year",
        "2:20: budgets.0.window: must be 'minute', 'hour', 'day', 'week', 'month' or 'lifetime', "
        "{rolling: ...} or {fiscal_month_starts: ...}",
    ),
    "a rolling window of no length": (
        "window: {rolling: soon}",
        "2:30: budgets.0.window.rolling: write a length such as 90m, 24h or 7d, from 10m to 31d",
    ),
    "a rolling window longer than the ledger": (
        "window: {rolling: 32d}",
        "2:30: budgets.0.window.rolling: write a length such as 90m, 24h or 7d, from 10m to 31d",
    ),
    "a fiscal month that February has not": (
        "window: {fiscal_month_starts: 29}",
        "2:42: budgets.0.window.fiscal_month_starts: must be at most 28",
    ),
    "until before from": (
        "until: 2026-11-01, from: 2026-12-01",
        "2:19: budgets.0.until: is before 'from'; write the last day on which it is in force",
    ),
    "another way to exceed": (
        "on_exceed: degrade",
        "2:23: budgets.0.on_exceed: must be 'block' or 'warn' or {degrade: ...}",
    ),
    "degrade to a pattern": (
        "on_exceed: {degrade: {model: 'haiku-*'}}",
        "2:41: budgets.0.on_exceed.degrade.model: write one model's full name: a request goes to exactly one",
    ),
    "alert as text": ("alert_at: [50%]", "2:23: budgets.0.alert_at.0: must be a whole number"),
    "alert after the limit": ("alert_at: [101]", "2:23: budgets.0.alert_at.0: must be at most 100"),
    "a limit of another name": (
        "limit_request: 60",
        "2:12: budgets.0.limit_request: unknown field (did you mean 'limit_requests'?)",
    ),
    "two limits": ("limit_requests: 60", f"2:11: budgets.0: {ONE_LIMIT}"),
}


@pytest.mark.parametrize(("field", "expected"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_in_a_budget_says_where_it_is_and_what_to_write(load, field, expected):
    rest = {"name": "a", "scope": "company", "limit_usd": "1", "window": "day"}
    others = ", ".join(f"{key}: {value}" for key, value in rest.items() if key != field.partition(":")[0])
    assert complaint(load, a=f"budgets: [{{{field}, {others}}}]") == f"policy/a.yaml:{expected}"


MISTAKEN_LIMITS = {
    "none": ("window: day", f"2:11: budgets.0: {ONE_LIMIT}"),
    "none, and no window": ("alert_at: [50]", "2:11: budgets.0: has no window; add 'window: ...'"),
    "no requests at all": (
        "limit_requests: 0, window: minute",
        "2:28: budgets.0.limit_requests: must be at least 1",
    ),
    "part of a token": (
        "limit_tokens: 1.5, window: minute",
        "2:26: budgets.0.limit_tokens: must be a whole number",
    ),
    "a rate without a window": ("limit_requests: 60", "2:11: budgets.0: has no window; add 'window: ...'"),
    "nothing open at once": (
        "limit_concurrent: 0",
        "2:30: budgets.0.limit_concurrent: must be at least 1",
    ),
    "open at once, in a window": (
        "limit_concurrent: 4, window: minute",
        "2:41: budgets.0.window: leave it out: limit_concurrent counts the requests that are open now",
    ),
    "open at once, now": (
        "limit_concurrent: 4, window: now",
        "2:41: budgets.0.window: leave it out: limit_concurrent counts the requests that are open now",
    ),
    "each conversation for ever": (
        "limit_usd: 1, window: lifetime, scope: {conversation: '*'}",
        "2:34: budgets.0.window: a budget of each conversation needs a window that ends, such as month or "
        "{rolling: 7d}",
    ),
    "a rate to look forward to": (
        "limit_requests: 4, window: minute, alert_burn_rate: true",
        "2:64: budgets.0.alert_burn_rate: needs a window of a day, a week or a month, whose end can be "
        "looked forward to",
    ),
    "two counts": ("limit_tokens: 4, limit_requests: 4, window: hour", f"2:11: budgets.0: {ONE_LIMIT}"),
}


@pytest.mark.parametrize(("fields", "expected"), MISTAKEN_LIMITS.values(), ids=MISTAKEN_LIMITS.keys())
def test_a_mistake_in_a_limit_says_what_to_write(load, fields, expected):
    scope = "" if "scope:" in fields else ", scope: company"
    said = complaint(load, a=f"budgets: [{{{fields}, name: a{scope}}}]")
    assert said == f"policy/a.yaml:{expected}"


LIMITS = {
    "money": ("limit_usd: 0.5, window: hour", "usd", 500_000_000, "hour"),
    "requests": ("limit_requests: 60, window: minute", "requests", 60, "minute"),
    "tokens": ("limit_tokens: 2_000_000, window: day", "tokens", 2_000_000, "day"),
    "open at once": ("limit_concurrent: 4", "concurrent", 4, None),
}


@pytest.mark.parametrize(("fields", "unit", "limit", "window"), LIMITS.values(), ids=LIMITS.keys())
def test_a_budget_has_one_limit_in_its_unit(load, fields, unit, limit, window):
    [budget] = load(a=f"budgets: [{{name: a, scope: company, {fields}}}]").budgets
    assert (budget.unit, budget.limit, budget.window) == (unit, limit, window)


def test_the_longest_name_is_taken(load):
    name = "0" + "-" * 62 + "z"
    assert (
        load(a=f"budgets: [{{name: {name}, scope: company, limit_usd: 1, window: day}}]").budgets[0].name
        == name
    )


def test_a_list_of_rules_that_does_not_exist_is_refused_and_not_passed_over(load):
    assert complaint(load, a="mirrors: []") == (
        "policy/a.yaml:2:1: mirrors: unknown field; "
        "known here: version, budgets, routes, guard, audit, inject, keys, loops"
    )


def test_rules_of_every_kind_share_one_space_of_names(load):
    guard = "guard: [{name: twice, detect: [SECRET], action: block}]"
    assert "'twice' is used twice" in complaint(
        load, a=guard, b="routes: [{name: twice, deny: {reason: no}}]"
    )


def test_a_masking_rule_cannot_be_told_to_let_unscanned_requests_pass(load):
    rule = "{name: lax, detect: [SECRET], action: mask, on_failure: open}"
    assert "on_failure: open is for 'action: detect' only" in complaint(load, a=f"guard: [{rule}]")


BUDGET = Budget(name="a", scope=Scope(team="core"), limit_usd=Decimal(20), window="day")
SAME = {
    "another spelling of the amount": BUDGET.model_copy(update={"limit_usd": Decimal("2.0E+1")}),
    "zeros behind the amount": BUDGET.model_copy(update={"limit_usd": Decimal("20.00")}),
}
DIFFERENT = {
    "another name": BUDGET.model_copy(update={"name": "b"}),
    "another amount": BUDGET.model_copy(update={"limit_usd": Decimal("20.000000001")}),
    "another scope": BUDGET.model_copy(update={"scope": Scope(employee="core")}),
    "another window": BUDGET.model_copy(update={"window": "week"}),
    "another alert": BUDGET.model_copy(update={"alert_at": (50,)}),
    "another contact": BUDGET.model_copy(update={"contact": "#core"}),
    "another scope beside": BUDGET.model_copy(update={"scope": Scope(team="core", model="opus-*")}),
    "a last day": BUDGET.model_copy(update={"until": date(2026, 12, 31)}),
    "another way to exceed": BUDGET.model_copy(update={"on_exceed": "warn"}),
    "another unit": BUDGET.model_copy(update={"limit_usd": None, "limit_tokens": 20}),
}


def test_the_version_changes_with_every_limit():
    limits = ({"limit_usd": 20}, {"limit_tokens": 20}, {"limit_tokens": 21}, {"limit_requests": 20})
    budgets = [
        Budget.model_validate(limit | {"name": "a", "scope": "company", "window": "day"}) for limit in limits
    ]
    assert len({Policy(budgets=(budget,)).version for budget in budgets}) == 4


@pytest.mark.parametrize("budget", SAME.values(), ids=SAME.keys())
def test_the_version_stays_when_the_meaning_stays(budget):
    assert Policy(budgets=(budget,)).version == Policy(budgets=(BUDGET,), places={"a": "b:1:1"}).version


@pytest.mark.parametrize("budget", DIFFERENT.values(), ids=DIFFERENT.keys())
def test_the_version_changes_with_every_rule(budget):
    assert Policy(budgets=(budget,)).version != Policy(budgets=(BUDGET,)).version


def test_the_version_is_short_changes_with_keys_and_not_with_comments(load):
    version = load(a="budgets:\n" + COMPANY).version
    assert len(version) == 12
    assert load(a="# a comment\nbudgets:\n\n" + COMPANY).version == version
    assert load(a="keys: {unknown: company}\nbudgets:\n" + COMPANY).version != version
