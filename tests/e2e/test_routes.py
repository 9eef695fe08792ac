"""Routes on the wire: denied, or served by another model, and what the ledger and the client are told."""

from __future__ import annotations

import json

import pytest

from sluiceway.errors import ConfigError
from tests.e2e.running import Running
from tests.e2e.test_front import curl

pytestmark = pytest.mark.e2e

POLICY = """\
version: 1
routes:
  - {name: no-preview, match: {model: "*-preview"}, deny: {reason: not approved yet}}
  - {name: cheap-chat, match: {model: "claude-opus-*", tools: false}, to: {model: claude-haiku-4-5}}
  - {name: grok-for-gpt, match: {model: gpt-4.1, operation: chat}, to: {provider: xai, model: grok-4}}
  - {name: cheap-grok, match: {model: gpt-5.2, operation: chat}, choose: {from: ["xai/*"], needs: [vision]}}
  - {name: nowhere, match: {model: claude-sonnet-4-5}, to: {provider: voyage, model: voyage-4}}
  - {name: small-gemini, match: {model: gemini-2.5-pro}, to: {model: gemini-2.5-flash}}
guard:
  - {name: no-mail-to-grok, match: {provider: xai}, detect: [EMAIL_ADDRESS], action: block}
"""
INJECT = "inject: [{name: for-all}]\n"
OURS, OUR_GEMINI = "sk-ant-api03-the-companys", "AIza-the-companys"
OUR_GPT, OUR_GROK = "sk-proj-the-companys", "xai-the-companys"


@pytest.fixture(scope="module")
def routed(tmp_path_factory: pytest.TempPathFactory):
    started = Running(tmp_path_factory.mktemp("routes"))
    (started.deployment.settings.rules / "policy" / "20-routes.yaml").write_text(POLICY)
    started.on.call(started.service.reload)
    started.add_key("claude", "anthropic", OURS)
    started.add_key("gemini", "google", OUR_GEMINI)
    started.add_key("gpt", "openai", OUR_GPT)
    started.add_key("grok", "xai", OUR_GROK)
    started.set_rules("30-inject", INJECT)
    yield started
    started.stop()


@pytest.fixture(scope="module")
def alice(routed: Running) -> str:
    return routed.add("alice")


def ask(routed: Running, proxy: str, url: str, body: dict[str, object], key: str = OURS) -> str:
    fields = (
        "-H",
        f"x-api-key: {key}",
        "-H",
        "anthropic-version: 2023-06-01",
        "-H",
        f"x-goog-api-key: {key}",
        "-H",
        f"authorization: Bearer {key}",
    )
    return curl(routed, "-i", url, *fields, "-d", json.dumps(body), proxy=proxy).stdout


def messages(model: str, **more: object) -> dict[str, object]:
    return {"model": model, "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}], **more}


def test_a_route_serves_another_model_and_says_so_everywhere(routed: Running, alice: str) -> None:
    before = len(routed.rows())
    answer = ask(routed, alice, "https://api.anthropic.com/v1/messages", messages("claude-opus-4-5"))
    assert "x-sluiceway-route: anthropic/claude-haiku-4-5" in answer
    row = routed.rows(before + 1)[-1]
    assert (row["model_requested"], row["model_routed"]) == ("claude-opus-4-5", "claude-haiku-4-5")
    assert row["model_served"].startswith("claude-haiku-4-5")
    assert row["route_rule"] == "cheap-chat"
    # 5 and 25 USD per million tokens where it is 1 and 5 now.
    assert row["cost_as_requested_nusd"] == 5 * row["cost_nusd"] > 0
    assert routed.providers.log[-1].model.startswith("claude-haiku-4-5")


def test_a_choice_from_the_catalogue_is_asked_with_the_companys_key_there(
    routed: Running, alice: str
) -> None:
    before = len(routed.rows())
    url = "https://api.openai.com/v1/chat/completions"
    answer = ask(routed, alice, url, messages("gpt-5.2"), OUR_GPT)
    assert "x-sluiceway-route: xai/grok-4-1-fast-reasoning" in answer
    row = routed.rows(before + 1)[-1]
    assert (row["provider"], row["route_rule"], row["status"]) == ("xai", "cheap-grok", 200)
    assert row["cost_as_requested_nusd"] not in (None, row["cost_nusd"])


def test_a_route_of_gemini_changes_the_path(routed: Running, alice: str) -> None:
    url = (
        "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse"
    )
    answer = ask(routed, alice, url, {"contents": [{"parts": [{"text": "hi"}]}]}, OUR_GEMINI)
    assert "HTTP/1.1 200 OK" in answer
    assert "gemini-2.5-flash:streamGenerateContent" in routed.providers.log[-1].path


def test_a_denied_request_reaches_nobody_and_names_its_rule(routed: Running, alice: str) -> None:
    before, asked = len(routed.rows()), len(routed.providers.log)
    answer = ask(
        routed, alice, "https://api.openai.com/v1/chat/completions", messages("gpt-9-preview"), "sk-x"
    )
    assert "x-sluiceway-refused: denied" in answer
    assert "not approved yet" in answer
    row = routed.rows(before + 1)[-1]
    assert (row["outcome"], row["refusal_code"], row["refusal_rule"]) == ("refused", "denied", "no-preview")
    assert len(routed.providers.log) == asked


def test_a_request_that_no_route_matches_goes_as_it_came(routed: Running, alice: str) -> None:
    before = len(routed.rows())
    tool = {"name": "t", "description": "d", "input_schema": {"type": "object"}}
    answer = ask(
        routed, alice, "https://api.anthropic.com/v1/messages", messages("claude-opus-4-5", tools=[tool])
    )
    assert "x-sluiceway-route: anthropic/claude-opus-4-5" in answer
    assert routed.rows(before + 1)[-1]["cost_as_requested_nusd"] is None


@pytest.mark.parametrize("key", ["sk-ant-oat01-a-login", "sk-ant-api03-whose"], ids=["login", "unknown key"])
def test_only_the_companys_own_requests_are_moved(routed: Running, alice: str, key: str) -> None:
    answer = ask(routed, alice, "https://api.anthropic.com/v1/messages", messages("claude-opus-4-5"), key)
    assert "x-sluiceway-route: anthropic/claude-opus-4-5" in answer


def test_a_route_may_lead_to_another_provider_of_the_same_api(routed: Running, alice: str) -> None:
    before = len(routed.rows())
    answer = ask(routed, alice, "https://api.openai.com/v1/chat/completions", messages("gpt-4.1"), OUR_GPT)
    assert "x-sluiceway-route: xai/grok-4" in answer
    row = routed.rows(before + 1)[-1]
    assert (row["provider_requested"], row["provider"], row["host"]) == ("openai", "xai", "api.x.ai")
    assert (row["model_requested"], row["model_routed"]) == ("gpt-4.1", "grok-4")
    assert routed.providers.log[-1].provider == "xai"


def test_a_route_to_a_provider_that_answers_nobody_is_refused_in_words(routed: Running, alice: str) -> None:
    asked = len(routed.providers.log)
    answer = ask(routed, alice, "https://api.anthropic.com/v1/messages", messages("claude-sonnet-4-5"))
    assert "x-sluiceway-refused: no_way" in answer
    assert "the rule 'nowhere' sends this request to 'voyage'" in answer
    assert len(routed.providers.log) == asked


def test_a_route_to_an_unknown_provider_is_found_at_load(fresh: type[Running]) -> None:
    running = fresh()
    rule = "{name: typo, to: {provider: opnai}}"
    (running.deployment.settings.rules / "policy" / "20.yaml").write_text(f"version: 1\nroutes: [{rule}]\n")
    with pytest.raises(ConfigError, match=r"20.yaml:2:17: typo: there is no provider 'opnai' \(did you mean"):
        running.deployment.content()


def test_a_guard_rule_for_where_a_route_leads_binds_what_it_leads_there(routed: Running, alice: str) -> None:
    asked = len(routed.providers.log)
    url, mail = (
        "https://api.openai.com/v1/chat/completions",
        {"role": "user", "content": "to bob@firm-mail.net"},
    )
    answer = ask(routed, alice, url, {**messages("gpt-4.1"), "messages": [mail]}, OUR_GPT)
    assert "x-sluiceway-refused: guard_blocked" in answer
    assert "'no-mail-to-grok'" in answer
    assert len(routed.providers.log) == asked
    stays = ask(routed, alice, url, {**messages("gpt-4o"), "messages": [mail]}, OUR_GPT)
    assert "x-sluiceway-route: openai/gpt-4o" in stays


def test_a_budget_that_is_used_up_to_a_step_degrades_the_next_request(routed: Running, alice: str) -> None:
    """The state comes from the counters in memory: 1 % of a very small budget is reached by one answer."""
    budget = "budgets: [{name: tiny, scope: company, limit_tokens: 1000, window: day}]\n"
    ladder = (
        "routes: [{name: saving, degrade: {budget: tiny, steps: [{at_least: 1, model: claude-haiku-5-5}]}}]\n"
    )
    routed.set_rules("10-ladder", budget + ladder)
    url = "https://api.anthropic.com/v1/messages"
    first = ask(routed, alice, url, messages("claude-sonnet-5-5"))
    assert "x-sluiceway-route: anthropic/claude-sonnet-5-5" in first
    routed.rows(len(routed.rows()))
    second = ask(routed, alice, url, messages("claude-sonnet-5-5"))
    assert "x-sluiceway-route: anthropic/claude-haiku-5-5" in second
