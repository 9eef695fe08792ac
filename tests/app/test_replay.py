"""`rules replay`: recorded requests under other rules, and history itself under its own."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sluiceway.app.deployment import Deployment
from sluiceway.app.init import init
from sluiceway.app.replay import Replayed, replay
from sluiceway.cli.replayed import as_values, in_words
from sluiceway.policy import load_policy
from sluiceway.types import LedgerRow

AT = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
USD = 10**9
OLD = "version: 1\nroutes: [{name: no-preview, match: {model: '*-preview'}, deny: {reason: not yet}}]\n"
MILLION = 1_000_000


def row(number: int, **fields: object) -> LedgerRow:
    """A million tokens of input and none of output at Opus 4.5: 5 USD."""
    plain = LedgerRow(
        request_id=f"q{number}",
        started_at=AT + timedelta(minutes=number),
        ended_at=AT + timedelta(minutes=number, seconds=5),
        principal="alice",
        principal_kind="employee",
        team="core",
        key_class="company",
        provider_requested="anthropic",
        provider="anthropic",
        host="api.anthropic.com",
        operation="chat",
        dialect="anthropic_messages",
        model_requested="claude-opus-4-5",
        model_routed="claude-opus-4-5",
        input_tokens=MILLION,
        output_tokens=0,
        usage_source="reported",
        cost_nusd=5 * USD,
        charged_nusd=5 * USD,
        cost_basis="list",
        outcome="ok",
        status=200,
        policy_version="before",
    )
    return replace(plain, **fields)


REFUSED = {
    "outcome": "refused",
    "cost_nusd": 0,
    "charged_nusd": 0,
    "usage_source": "none",
    "input_tokens": None,
}


@pytest.fixture
def made(tmp_path: Path) -> Deployment:
    deployment = init(tmp_path / "d", "Test").deployment
    for file in (deployment.settings.rules / "policy").glob("*.yaml"):
        file.unlink()
    return deployment


def write(deployment: Deployment, *rows: LedgerRow) -> None:
    async def all_rows() -> None:
        with deployment.store(writable=True) as store:
            for each in rows:
                await store.ledger.record(each)

    asyncio.run(all_rows())


def under(deployment: Deployment, rules: str) -> Replayed:
    (deployment.settings.rules / "policy" / "10.yaml").write_text(rules)
    return replay(deployment, AT, AT + timedelta(days=1))


def version(deployment: Deployment, rules: str) -> str:
    (deployment.settings.rules / "policy" / "10.yaml").write_text(rules)
    return load_policy(deployment.settings.rules / "policy").version


def test_history_under_its_own_rules_is_reproduced_exactly(made: Deployment) -> None:
    own = version(made, OLD)
    refused = {
        **REFUSED,
        "refusal_code": "denied",
        "refusal_rule": "no-preview",
        "model_requested": "x-preview",
    }
    moved = {"model_routed": "claude-haiku-4-5", "cost_nusd": 7, "charged_nusd": 7, "route_rule": "gone"}
    write(
        made,
        row(1, policy_version=own),
        row(2, policy_version=own, **refused),
        row(3, policy_version=own, **moved),
    )
    found = under(made, OLD)
    assert (found.requests, found.same) == (3, 3)
    assert found.cost_now_nusd == found.cost_then_nusd == 5 * USD + 7
    assert found.refused_now == found.refused_then == {"no-preview": 1}
    assert found.moved_now == found.moved_then
    assert +found.people == {}
    assert "nobody would have been treated otherwise" in in_words(found)


def test_a_move_costs_the_same_tokens_at_the_new_price(made: Deployment) -> None:
    write(
        made,
        row(1),
        row(2, model_requested="x", model_routed="x"),
        row(3, key_class="personal", charged_nusd=0),
    )
    found = under(
        made, "version: 1\nroutes: [{name: cheap, match: {model: claude-*}, to: {model: claude-haiku-5-5}}]\n"
    )
    # 0.50 USD for so long a request at Haiku 5.5; neither the other model nor the person's own key is moved
    assert (found.cost_then_nusd, found.cost_now_nusd) == (15 * USD, 10 * USD + USD // 2)
    assert found.moved_now == {("anthropic/claude-opus-4-5", "anthropic/claude-haiku-5-5"): 1}
    assert +found.people == {"alice": 1}
    assert as_values(found)["cost_now_usd"] == "10.500000000"


def test_a_deny_and_a_budget_refuse_what_was_let_through(made: Deployment) -> None:
    write(
        made, *(row(number) for number in range(1, 5)), row(5, principal="bob", model_requested="x-preview")
    )
    rules = OLD + "budgets: [{name: core-day, scope: {team: core}, limit_usd: 8, window: day}]\n"
    found = under(made, rules)
    # 5 USD, then 10: the day's 8 are spent before the third begins
    assert found.refused_now == {"core-day": 2, "no-preview": 1}
    assert found.cost_now_nusd == 10 * USD
    assert +found.people == {"alice": 2, "bob": 1}


def test_what_was_spent_before_the_period_counts_on_budgets(made: Deployment) -> None:
    write(made, row(-90), row(1))
    rules = "version: 1\nbudgets: [{name: core-day, scope: {team: core}, limit_usd: 5, window: day}]\n"
    found = under(made, rules)
    assert (found.requests, found.refused_now) == (1, {"core-day": 1})


def test_what_was_refused_by_no_rule_stays_refused_and_what_no_rule_refuses_any_more_has_no_cost(
    made: Deployment,
) -> None:
    stranger = {**REFUSED, "refusal_code": "wrong_token"}
    denied = {**REFUSED, "refusal_code": "denied", "refusal_rule": "gone"}
    write(made, row(1, **stranger), row(2, **denied))
    found = under(made, "version: 1\n")
    assert found.refused_now == {"wrong_token": 1}
    assert (found.unpriced, found.cost_now_nusd) == (1, 0)


def test_a_route_that_looks_at_what_the_ledger_does_not_keep_is_left_out_and_counted(
    made: Deployment,
) -> None:
    write(made, row(1))
    rules = "version: 1\nroutes: [{name: r, match: {tools: false, team: core}, deny: {reason: x}}]\n"
    found = under(made, rules)
    assert (found.untold, found.refused_now) == (1, {})


def test_attempts_of_one_request_are_one_request(made: Deployment) -> None:
    first = {"outcome": "upstream_error", "cost_nusd": 1 * USD, "charged_nusd": 1 * USD}
    write(
        made,
        row(1, **first),
        row(1, attempt=2, provider="openrouter", model_routed="anthropic/claude-opus-4.5"),
    )
    found = under(made, "version: 1\n")
    assert (found.requests, found.cost_then_nusd) == (1, 6 * USD)
