"""Where a request could go: who takes it in its own API, with a company key, and what it costs there."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.gateway.gateway_world import AT

from sluiceway.audit.keyring import CompanyKey, KeyRing
from sluiceway.content import folder
from sluiceway.gateway.outlook import prices, takers, with_outlook
from sluiceway.gateway.parts import Rules
from sluiceway.policy import Policy
from sluiceway.policy.kinds import Route as Rule
from sluiceway.pricing.book import PriceBook
from sluiceway.settings.providers import Providers, match
from sluiceway.types import Facts, Target

PROVIDERS = Providers.load(folder("rules") / "providers.yaml").by_name
BOOK = PriceBook.load(folder("rules") / "prices.yaml", PROVIDERS.values())
FAMILY = {"xai", "deepseek", "mistral", "groq", "openrouter", "google", "together", "bedrock"}


def rules(*keys: str, policy: Policy | None = None) -> Rules:
    usable = tuple(CompanyKey(f"key-{name}", name, "f" * 16, "secret") for name in keys)
    return Rules(policy or Policy(), BOOK, PROVIDERS, KeyRing(usable=usable))


def reached(asked: str, path: str, *keys: str) -> set[str]:
    route = match(PROVIDERS[asked], "POST", path)
    assert route is not None
    return set(takers(rules(*keys), asked, route, path))


def test_chat_completions_are_taken_by_the_whole_family_but_where_each_customer_has_a_host():
    found = reached("openai", "/v1/chat/completions", *PROVIDERS)
    assert found > FAMILY
    assert "azure" not in found


def test_messages_are_taken_at_bedrock_and_openrouter_as_they_are_and_translated_by_the_chat_family():
    route = match(PROVIDERS["anthropic"], "POST", "/v1/messages")
    assert route is not None
    found = takers(rules(*PROVIDERS), "anthropic", route, "/v1/messages")
    as_they_are = {name for name, ways in found.items() if ways == {route.dialect}}
    assert as_they_are >= {"anthropic", "bedrock", "openrouter"}
    assert found["groq"] == found["mistral"] == {"openai_chat"}
    assert not {"voyage", "azure"} & set(found)


def test_without_a_company_key_nobody_but_the_one_asked_is_reached():
    assert reached("openai", "/v1/chat/completions") == {"openai"}
    assert reached("openai", "/v1/chat/completions", "groq") == {"openai", "groq"}


def test_prices_are_one_source_for_all_of_half_an_hour():
    known = rules()
    source = prices(known, AT)
    assert prices(known, AT + timedelta(seconds=1799)) is source
    assert prices(known, AT + timedelta(seconds=1800)) is not source
    assert source(Target("nobody", "gpt-5.1")) is None
    assert source(Target("openai", "never-heard-of")) is None
    assert source(Target("openai", "gpt-5.1")) is not None


@pytest.mark.parametrize(
    "routes", [(), (Rule.model_validate({"name": "all", "choose": {}}),)], ids=["none", "one"]
)
def test_nobody_looks_where_no_route_would_ask(routes):
    path = "/v1/chat/completions"
    route = match(PROVIDERS["openai"], "POST", path)
    facts = with_outlook(Facts("openai"), rules(policy=Policy(routes=routes)), route, path, AT, AT.tzinfo)
    assert (facts.reachable is None) is not bool(routes)
    assert facts.at == AT
