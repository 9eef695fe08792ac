"""The catalogue as shipped, against the price data; and as written by others."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import pytest
from genai_prices.data import providers as PRICED  # noqa: N812 - a constant, whatever its owner calls it

from sluiceway.content import folder
from sluiceway.errors import ConfigError
from sluiceway.pricing.book import PriceBook
from sluiceway.settings.models import Models
from sluiceway.settings.providers import Providers
from sluiceway.types import Target
from sluiceway.wire import DIALECTS

RULES = folder("rules")
SHIPPED = Models.load(RULES / "models.yaml")
PROVIDERS = Providers.load(RULES / "providers.yaml").by_name
BOOK = PriceBook.load(RULES / "prices.yaml", PROVIDERS.values())
NOW = datetime(2026, 11, 28, tzinfo=UTC)
ONE = """\
version: 1
regions: {mistral: [eu]}
dialects: {bedrock: {claude: [bedrock_converse]}}
models:
  - name: claude-sonnet-4-5
    family: claude
    tier: medium
    can: [tools, streaming]
    context_tokens: 200000
    at:
      anthropic: claude-sonnet-4-5-20250929
      bedrock: {eu: eu.claude-4-5, global: global.claude-4-5}
    aliases: [claude-sonnet-4-5-latest]
  - {name: small, family: mistral, tier: small, context_tokens: 9000, at: {mistral: mistral-small-2603}}
"""


def written(tmp_path: Path, text: str = ONE) -> Models:
    path = tmp_path / "models.yaml"
    path.write_text(text)
    return Models.load(path)


def test_there_are_more_than_sixty_models_and_everyone_of_them_can_stream():
    assert len({offer.model.name for offer in SHIPPED.offers}) > 60
    assert all("streaming" in offer.model.can for offer in SHIPPED.offers)


def test_every_offer_is_at_a_provider_that_there_is_in_dialects_that_there_are():
    assert {offer.target.provider for offer in SHIPPED.offers} <= set(PROVIDERS)
    assert SHIPPED.dialects <= {dialect.name for dialect in DIALECTS}


def price(target):
    return BOOK.token_price(PROVIDERS[target.provider], target.model, NOW)


def test_every_offer_has_a_price():
    found = {offer.target: price(offer.target) for offer in SHIPPED.offers}
    assert [str(target) for target, each in found.items() if each is None or each.per_1k_usd <= 0] == []


def test_every_alias_has_the_price_of_what_it_stands_for():
    assert {alias: price(alias) for alias in SHIPPED.aliases} == {
        alias: price(offer.target) for alias, offer in SHIPPED.aliases.items()
    }


def test_context_windows_agree_with_the_price_data_where_it_gives_one():
    known = {provider.id: provider for provider in PRICED}
    windows: dict[str, set[int]] = defaultdict(set)
    for offer in SHIPPED.offers:
        data = known[PROVIDERS[offer.target.provider].price_id]
        found = data.find_model(offer.target.model.lower(), all_providers=PRICED)
        if found is not None and found.context_window is not None:
            windows[offer.model.name].add(found.context_window)
    promised = {offer.model.name: offer.model.context_tokens for offer in SHIPPED.offers}
    assert len(windows) > 60
    assert {name: min(each) for name, each in windows.items()} == {name: promised[name] for name in windows}


def test_a_model_is_found_by_its_id_by_an_alias_and_by_our_own_name(tmp_path):
    models = written(tmp_path)
    for name in ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5-latest", "claude-sonnet-4-5"):
        offer = models.get(Target("anthropic", name))
        assert offer is not None
        assert offer.model.name == "claude-sonnet-4-5"
    assert models.get(Target("openai", "claude-sonnet-4-5")) is None


@pytest.mark.parametrize(
    ("provider", "name", "meant"),
    [
        ("anthropic", "claude-sonnet-4-5", "claude-sonnet-4-5-20250929"),
        ("anthropic", "claude-sonnet-4-5-latest", "claude-sonnet-4-5-latest"),
        ("bedrock", "claude-sonnet-4-5", "global.claude-4-5"),
        ("bedrock", "eu.claude-4-5", "eu.claude-4-5"),
        ("openai", "claude-sonnet-4-5", "claude-sonnet-4-5"),
        ("anthropic", "never-heard-of", "never-heard-of"),
    ],
)
def test_our_name_becomes_the_id_that_the_provider_takes(tmp_path, provider, name, meant):
    assert written(tmp_path).named(provider, name) == Target(provider, meant)


def test_regions_and_dialects_come_from_the_id_or_from_the_provider(tmp_path):
    offers = {str(offer.target): offer for offer in written(tmp_path).offers}
    assert offers["bedrock/eu.claude-4-5"].regions == {"eu"}
    assert offers["bedrock/eu.claude-4-5"].dialects == {"bedrock_converse"}
    assert offers["mistral/mistral-small-2603"].regions == {"eu"}
    assert offers["anthropic/claude-sonnet-4-5-20250929"].regions == frozenset()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "tier: medium",
            "tier: big",
            "models.yaml:7:11: models.0.tier: must be 'small', 'medium' or 'large'",
        ),
        ("[tools, streaming]", "[tool]", "models.0.can.0: must be 'tools', 'streaming', 'vision'"),
        ("tier: medium", "teir: medium", "unknown field (did you mean 'tier'?)"),
        ("200000", "-1", "models.0.context_tokens: must be at least 1"),
        ("    context_tokens: 200000", "    context_tokens: 10\n    max_output_tokens: 11", "is more than"),
        ("name: small", "name: claude-sonnet-4-5", "'claude-sonnet-4-5' is given twice (first at "),
        ("mistral: mistral-small-2603", "bedrock: eu.claude-4-5", "'bedrock/eu.claude-4-5' is given twice"),
        ("aliases: [claude-sonnet-4-5-latest]", "aliases: [claude-sonnet-4-5-20250929]", "is given twice"),
        ("mistral: mistral-small-2603", "mistral: 'two words'", "write the name by which the provider takes"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_mistake_is_named_with_its_place_and_what_to_write(tmp_path, monkeypatch, old, new, says):
    monkeypatch.chdir(tmp_path)
    assert old in ONE
    with pytest.raises(ConfigError) as caught:
        written(tmp_path, ONE.replace(old, new, 1))
    assert str(caught.value).startswith("models.yaml:")
    assert says in str(caught.value)
