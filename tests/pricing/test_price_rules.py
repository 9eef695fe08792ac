"""rules/prices.yaml: entries take effect by date, the closest entry wins, mistakes say where they are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from pricing_world import (
    ANTHROPIC,
    BEDROCK,
    DEEPSEEK,
    NOWHERE,
    OPENAI,
    PROVIDERS,
    SHIPPED,
    TODAY,
    provider,
    used,
)

from sluiceway.errors import ConfigError
from sluiceway.pricing import catalogue, regions
from sluiceway.pricing.book import PriceBook
from sluiceway.types import Cost, CostBasis, KeyClass, Provider

MILLION = used(1_000_000, 0)


def book(folder: Path, text: str, providers: tuple[Provider, ...] = PROVIDERS) -> PriceBook:
    path = folder / "prices.yaml"
    path.write_text("version: 1\n" + text, encoding="utf-8")
    return PriceBook.load(path, providers)


def million(
    prices: PriceBook, of: Provider, model: str, at: datetime = TODAY, tier: str | None = None
) -> Decimal | None:
    """What a million input tokens cost."""
    return prices.cost(provider=of, model=model, usage=MILLION, at=at, service_tier=tier).usd


DATED = """
prices:
  - {provider: openai, model: gpt-4o, from: 2026-03-01, to: 2026-04-01, input_per_mtok: 7.5}
"""


@pytest.mark.parametrize(
    ("at", "usd"),
    [
        pytest.param(datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC), "2.5", id="the second before"),
        pytest.param(datetime(2026, 3, 1, tzinfo=UTC), "7.5", id="the first second"),
        pytest.param(datetime(2026, 3, 31, 23, 59, 59, tzinfo=UTC), "7.5", id="the last second"),
        pytest.param(datetime(2026, 4, 1, tzinfo=UTC), "2.5", id="the second after"),
        pytest.param(
            datetime(2026, 3, 1, 1, 0, tzinfo=timezone(timedelta(hours=2))), "2.5", id="still February in UTC"
        ),
    ],
)
def test_an_override_holds_from_its_first_day_until_its_end(tmp_path: Path, at: datetime, usd: str) -> None:
    assert million(book(tmp_path, DATED), OPENAI, "gpt-4o", at) == Decimal(usd)


def test_a_contract_price_says_so_and_names_its_file(tmp_path: Path) -> None:
    text = """
prices:
  - {provider: anthropic, model: "claude-sonnet-4-5*", from: 2026-01-01, basis: contract, source: annex B,
     input_per_mtok: 2.7, output_per_mtok: 13.5, cache_read_per_mtok: 0.27, cache_write_per_mtok: 3.375,
     cache_write_1h_per_mtok: 5.4}
"""
    usage = used(10_000, 1000, cache_read_tokens=5000, cache_write_tokens=3000, cache_write_1h_tokens=1000)
    cost = book(tmp_path, text).cost(
        provider=ANTHROPIC, model="claude-sonnet-4-5-20250929", usage=usage, at=TODAY
    )
    # 2000*2.7 + 5000*0.27 + 2000*3.375 + 1000*5.4 + 1000*13.5 = 5400 + 1350 + 6750 + 5400 + 13500
    assert cost.usd == Decimal("0.0324")
    assert cost.basis is CostBasis.CONTRACT
    assert cost.price_version.startswith("prices.yaml sha256:")
    assert len(cost.price_version) == len("prices.yaml sha256:") + 8


def test_a_subscription_is_notional_whatever_the_price_rests_on(tmp_path: Path) -> None:
    cost = book(tmp_path, DATED).cost(
        provider=OPENAI, model="gpt-4o", usage=MILLION, at=TODAY, key_class=KeyClass.SUBSCRIPTION
    )
    assert (cost.usd, cost.basis) == (Decimal("2.5"), CostBasis.NOTIONAL)


CLOSEST = """
prices:
  - {provider: openai, model: "gpt-*", from: 2026-01-01, input_per_mtok: 1}
  - {provider: openai, model: "gpt-4o-*", from: 2026-01-01, input_per_mtok: 2}
  - {provider: openai, model: GPT-4o-mini, from: 2026-01-01, input_per_mtok: 3}
  - {provider: eu, model: "gpt-*", from: 2026-01-01, input_per_mtok: 4}
"""
EU = provider("eu", "openai", "openai_chat")


@pytest.mark.parametrize(
    ("of", "model", "usd"),
    [
        pytest.param(OPENAI, "gpt-5.1", "1", id="any pattern beats the list"),
        pytest.param(OPENAI, "gpt-4o-2024-11-20", "2", id="the longer pattern"),
        pytest.param(OPENAI, "gpt-4o-mini", "3", id="the exact name, whatever its case"),
        pytest.param(EU, "gpt-4o-mini", "4", id="the provider's name beats its price data"),
        pytest.param(OPENAI, "o4-mini", "1.1", id="near miss: no pattern matches, the list holds"),
    ],
)
def test_the_closest_entry_wins(tmp_path: Path, of: Provider, model: str, usd: str) -> None:
    assert million(book(tmp_path, CLOSEST, (*PROVIDERS, EU)), of, model) == Decimal(usd)


def test_an_alias_is_billed_as_the_model_it_names(tmp_path: Path) -> None:
    text = """
aliases:
  - {provider: openai, model: "house-*", price_as: gpt-4o}
  - {provider: inhouse, model: llama, price_as: llama-priced}
prices:
  - {provider: inhouse, model: llama-priced, from: 2026-01-01, input_per_mtok: 0.4}
"""
    prices = book(tmp_path, text)
    assert million(prices, OPENAI, "house-7b") == Decimal("2.5")
    assert million(prices, OPENAI, "house-7b", tier="priority") == Decimal("4.25")
    assert million(prices, NOWHERE, "llama") == Decimal("0.4")
    assert million(prices, OPENAI, "mouse-7b") is None
    assert prices.known(OPENAI, "house-7b", TODAY)


def test_a_negotiated_price_has_only_the_tiers_that_were_negotiated(tmp_path: Path) -> None:
    text = """
tiers:
  - {provider: openai, model: "gpt-4o*", tier: flex, factor: 0.6, from: 2026-01-01}
prices:
  - {provider: openai, model: gpt-4o, from: 2026-01-01, input_per_mtok: 2}
  - {provider: openai, model: gpt-4o, tier: priority, from: 2026-01-01, input_per_mtok: 3}
"""
    prices = book(tmp_path, text)
    assert million(prices, OPENAI, "gpt-4o") == 2
    assert million(prices, OPENAI, "gpt-4o", tier="PRIORITY") == 3
    assert million(prices, OPENAI, "gpt-4o", tier="flex") == Decimal("1.2")
    assert million(prices, OPENAI, "gpt-4o", tier="fast") is None


STEPS = """
prices:
  - {provider: inhouse, model: big, from: 2026-01-01, input_per_mtok: 1, output_per_mtok: 2,
     per_request: 0.001, tool_units: {web_search: 0.02},
     above: [{input_tokens: 1000, input_per_mtok: 3, output_per_mtok: 4}]}
"""


@pytest.mark.parametrize(
    ("usage", "usd"),
    [
        # 1000*1 + 10*2 millionths + 0.001
        pytest.param(used(1000, 10), "0.00202", id="at the step"),
        # 1001*3 + 10*4 millionths + 0.001
        pytest.param(used(1001, 10), "0.004043", id="above the step"),
        # 0 + 0.001 + 2*0.02
        pytest.param(used(0, 0, tool_units={"web_search": 2}), "0.041", id="tools and the request itself"),
        # cached input without a price costs plain input: 1000*1
        pytest.param(used(1000, 0, cache_read_tokens=900), "0.002", id="no discount is known"),
        pytest.param(used(1000, 0, cache_write_tokens=900), None, id="a write has no price"),
        pytest.param(used(1000, 0, audio_input_tokens=900), None, id="audio has no price"),
        pytest.param(used(1000, 0, tool_units={"magic": 1}), None, id="a tool has no price"),
    ],
)
def test_an_entry_prices_what_it_says_and_nothing_else(
    tmp_path: Path, usage: object, usd: str | None
) -> None:
    cost: Cost = book(tmp_path, STEPS).cost(provider=NOWHERE, model="big", usage=usage, at=TODAY)  # type: ignore[arg-type]
    assert cost.usd == (None if usd is None else Decimal(usd))
    assert cost.bound_usd >= Decimal("0.002")


def test_reasoning_is_apart_from_output_only_where_it_has_a_price(tmp_path: Path) -> None:
    text = """
prices:
  - {provider: inhouse, model: deep, from: 2026-01-01, input_per_mtok: 0, output_per_mtok: 2,
     reasoning_per_mtok: 5}
"""
    cost = book(tmp_path, text).cost(
        provider=NOWHERE, model="deep", usage=used(0, 100, reasoning_tokens=60), at=TODAY
    )
    assert cost.usd == Decimal("0.00038")  # 40*2 + 60*5 millionths


def test_image_tokens_have_a_contract_price_of_their_own(tmp_path: Path) -> None:
    text = """
prices:
  - {provider: inhouse, model: draws, from: 2026-01-01, basis: contract, input_per_mtok: 1,
     output_per_mtok: 2, image_input_per_mtok: 3, image_output_per_mtok: 30}
"""
    usage = used(100, 60, image_tokens=50, image_input_tokens=40)
    cost = book(tmp_path, text).cost(provider=NOWHERE, model="draws", usage=usage, at=TODAY)
    assert cost.usd == Decimal("0.0017")  # 60*1 + 40*3 + 10*2 + 50*30 millionths
    assert cost.basis is CostBasis.CONTRACT


def test_a_free_model_does_not_make_unknown_ones_free(tmp_path: Path) -> None:
    text = """
prices:
  - {provider: inhouse, model: own, from: 2026-01-01, input_per_mtok: 0, output_per_mtok: 0}
"""
    prices = book(tmp_path, text)
    own = prices.cost(provider=NOWHERE, model="own", usage=used(10, 10), at=TODAY)
    assert (own.usd, own.bound_usd) == (0, 0)
    other = prices.cost(provider=NOWHERE, model="other", usage=used(10, 10), at=TODAY)
    assert other.usd is None
    assert other.bound_usd == Decimal("0.0075")  # 10*150 + 10*600, the dearest known at all


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        pytest.param(
            "prices:\n  - {provider: opnai, model: a, from: 2026-01-01, input_per_mtok: 1}\n",
            ":3:16: prices.0.provider",
            "did you mean 'openai'?",
            id="a misspelt provider",
        ),
        pytest.param(
            "prices:\n  - {provider: openai, model: a, from: 2026-01-01, input_per_mtok: 1}\n"
            "  - {provider: openai, model: A, from: 2026-05-01, input_per_mtok: 2}\n",
            ":4:40: prices.1.from",
            "overlaps prices.0",
            id="an open entry is never ended",
        ),
        pytest.param(
            "prices:\n  - {provider: openai, model: a, from: 2026-01-01, to: 2026-05-02, input_per_mtok: 1}\n"
            "  - {provider: openai, model: a, from: 2026-05-01, input_per_mtok: 2}\n",
            ":4:40: prices.1.from",
            "overlaps prices.0",
            id="one day of overlap",
        ),
        pytest.param(
            "tiers:\n  - {provider: openai, model: a, tier: flex, factor: 1, from: 2026-01-01}\n"
            "  - {provider: openai, model: a, tier: flex, factor: 2, from: 2025-01-01}\n",
            "tiers.1.from",
            "overlaps tiers.0",
            id="tiers overlap too",
        ),
        pytest.param(
            "aliases:\n  - {provider: openai, model: a, price_as: b}\n"
            "  - {provider: openai, model: a, price_as: c}\n",
            ":4:",
            "already has an alias",
            id="two aliases",
        ),
        pytest.param(
            "prices:\n  - provider: openai\n    model: a\n    input_per_mtok: 1\n"
            "    from: 2026-05-01\n    to: 2026-05-01\n",
            ":3:5: prices.0",
            "must be after 'from'",
            id="no day at all",
        ),
        pytest.param(
            "prices:\n  - {provider: openai, model: a, from: 2026-05-01, input_per_mtok: -1}\n",
            "prices.0.input_per_mtok",
            "at least 0",
            id="a negative price",
        ),
        pytest.param(
            "prices:\n  - {provider: openai, model: a, from: 2026-05-01, input_per_mtk: 1}\n",
            "prices.0.input_per_mtk",
            "did you mean 'input_per_mtok'?",
            id="a misspelt field",
        ),
        pytest.param(
            "prices:\n  - {provider: openai, model: a, from: 2026-05-01, input_per_mtok: 1,\n"
            "     output_per_mtok: 1, above: [{input_tokens: 10, input_per_mtok: 2}]}\n",
            "prices.0",
            "say output_per_mtok too",
            id="a step that forgets a kind",
        ),
        pytest.param(
            "tiers:\n  - {provider: openai, model: a, tier: default, factor: 2, from: 2026-05-01}\n",
            "tiers.0.tier",
            "is the standard price",
            id="the standard tier is not a tier",
        ),
    ],
)
def test_a_mistake_says_where_and_what_to_write(tmp_path: Path, text: str, where: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        book(tmp_path, text)
    message = str(caught.value)
    assert "prices.yaml:" in message
    assert where in message
    assert says in message


def test_entries_that_meet_at_midnight_do_not_overlap(tmp_path: Path) -> None:
    text = """
prices:
  - {provider: openai, model: a, from: 2026-05-01, input_per_mtok: 2}
  - {provider: openai, model: a, from: 2026-01-01, to: 2026-05-01, input_per_mtok: 1}
  - {provider: openai, model: a, tier: flex, from: 2026-01-01, input_per_mtok: 0.5}
  - {provider: openai, model: "a*", from: 2026-01-01, input_per_mtok: 9}
"""
    prices = book(tmp_path, text)
    assert million(prices, OPENAI, "a", datetime(2026, 4, 30, 23, 59, tzinfo=UTC)) == 1
    assert million(prices, OPENAI, "a", datetime(2026, 5, 1, tzinfo=UTC)) == 2


def test_the_shipped_file_adds_nothing_the_price_data_contradicts() -> None:
    shipped = PriceBook.load(SHIPPED, PROVIDERS)
    bare = PriceBook.load(None, PROVIDERS)
    for model in ("gpt-5.1", "o3", "gpt-6-astra", "gpt-5-nano"):
        assert million(shipped, OPENAI, model, tier="flex") == million(bare, OPENAI, model, tier="flex")
        flex, plain = million(bare, OPENAI, model, tier="flex"), million(bare, OPENAI, model)
        assert flex is not None
        assert plain == 2 * flex
    for model in ("claude-sonnet-4-5", "claude-haiku-5-5", "claude-opus-5"):
        batch, plain = million(bare, ANTHROPIC, model, tier="batch"), million(bare, ANTHROPIC, model)
        assert batch is not None
        assert plain == 2 * batch


def test_without_a_file_the_list_prices_hold() -> None:
    prices = PriceBook.load(None, PROVIDERS)
    cost = prices.cost(provider=DEEPSEEK, model="deepseek-chat", usage=MILLION, at=TODAY)
    assert cost.usd is not None
    assert cost.price_version == catalogue.VERSION


REGIONS = """
regions:
  - {provider: inhouse, model: "*", region: "eu*", factor: 1.5, from: 2026-01-01}
prices:
  - {provider: inhouse, model: m, from: 2026-01-01, input_per_mtok: 2}
  - {provider: inhouse, model: m, region: eu-west-1, from: 2026-01-01, input_per_mtok: 7}
  - {provider: inhouse, model: m, region: "eu-*", from: 2026-01-01, input_per_mtok: 5}
  - {provider: inhouse, model: agreed, from: 2026-01-01, input_per_mtok: 2, basis: contract}
  - {provider: bedrock, model: "anthropic.house-*", from: 2026-01-01, input_per_mtok: 1}
  - {provider: bedrock, model: "anthropic.house-*", region: eu, from: 2026-01-01, input_per_mtok: 3}
"""


@pytest.mark.parametrize(
    ("of", "model", "region", "usd"),
    [
        pytest.param(NOWHERE, "m", None, "2", id="nowhere said"),
        pytest.param(NOWHERE, "m", "us-east-1", "2", id="a region nobody prices"),
        pytest.param(NOWHERE, "m", "eu", "3", id="the factor of the region"),
        pytest.param(NOWHERE, "m", "eu-north-1", "5", id="a price for a pattern of regions"),
        pytest.param(NOWHERE, "m", "eu-west-1", "7", id="a price for this region"),
        pytest.param(NOWHERE, "agreed", "eu", "2", id="a contract price is what was agreed"),
        pytest.param(BEDROCK, "anthropic.house-1", None, "1", id="no profile"),
        pytest.param(BEDROCK, "eu.anthropic.house-1", "us-east-1", "3", id="the profile, not the host"),
        pytest.param(BEDROCK, "us.anthropic.house-1", None, "1", id="another profile"),
    ],
)
def test_a_region_has_its_price(
    tmp_path: Path, of: Provider, model: str, region: str | None, usd: str
) -> None:
    cost = book(tmp_path, REGIONS).cost(provider=of, model=model, usage=MILLION, at=TODAY, region=region)
    assert cost.usd == Decimal(usd)
    bound, known = book(tmp_path, REGIONS).bound(
        provider=of, model=model, input_tokens=1_000_000, output_tokens=0, at=TODAY, cache_writes=None,
        region=region, dialect="anthropic_messages",
    )  # fmt: skip
    assert (bound, known) == (Decimal(usd), True)


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("bedrock-runtime.eu-west-1.amazonaws.com", "eu-west-1"),
        ("bedrock-runtime-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("europe-west1-aiplatform.googleapis.com", "europe-west1"),
        ("aiplatform.googleapis.com", "global"),
        ("aiplatform.eu.rep.googleapis.com", "eu"),
        ("eu.api.openai.com", "eu"),
        ("us-east-1.api.x.ai", "us-east-1"),
        ("us-api.together.ai", "us"),
        ("api.together.ai", None),
        ("api.openai.com", None),
        ("api.anthropic.com", None),
        ("eu.api.openai.com.example.com", None),
    ],
)
def test_a_host_names_its_region(host: str, region: str | None) -> None:
    assert regions.of_host(host) == region


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("eu.anthropic.claude-x", ("eu", "anthropic.claude-x")),
        ("us-gov.amazon.nova", ("us-gov", "amazon.nova")),
        ("global.anthropic.claude-x", ("global", "anthropic.claude-x")),
        ("anthropic.claude-x", (None, "anthropic.claude-x")),
        ("us.one", (None, "us.one")),
        ("europe.anthropic.claude-x", (None, "europe.anthropic.claude-x")),
    ],
)
def test_an_inference_profile_is_a_prefix(name: str, found: tuple[str | None, str]) -> None:
    assert regions.profile(name) == found


NIGHT = """
prices:
  - {provider: inhouse, model: m, from: 2026-01-01, input_per_mtok: 4}
  - {provider: inhouse, model: m, from: 2026-01-01, input_per_mtok: 1, hours: {from: "16:30", to: "00:30"}}
  - {provider: inhouse, model: m, from: 2026-01-01, input_per_mtok: 2, hours: {from: "00:30", to: "08:00"}}
"""


@pytest.mark.parametrize(
    ("hour", "minute", "usd"),
    [(0, 0, 1), (0, 29, 1), (0, 30, 2), (7, 59, 2), (8, 0, 4), (16, 29, 4), (16, 30, 1), (23, 59, 1)],
)
def test_a_price_may_hold_in_some_hours_only(tmp_path: Path, hour: int, minute: int, usd: int) -> None:
    at = datetime(2026, 5, 2, hour, minute, tzinfo=UTC)
    assert million(book(tmp_path, NIGHT), NOWHERE, "m", at) == usd


PIECES = """
prices:
  - {provider: inhouse, model: painter, from: 2026-01-01, tool_units: {images: 0.04, image_hd: 0.08}}
"""


@pytest.mark.parametrize(
    ("usage", "usd"),
    [
        pytest.param(used(None, None, tool_units={"images": 3}), "0.12", id="by the piece"),
        pytest.param(
            used(900, 0, tool_units={"images": 1, "image_hd": 1}), "0.12", id="tokens are not billed"
        ),
        pytest.param(used(900, 0), None, id="no piece was told"),
        pytest.param(
            used(None, None, tool_units={"images": 1, "video_seconds": 1}), None, id="one has no price"
        ),
    ],
)
def test_a_model_may_be_billed_by_the_piece_alone(tmp_path: Path, usage: object, usd: str | None) -> None:
    cost: Cost = book(tmp_path, PIECES).cost(provider=NOWHERE, model="painter", usage=usage, at=TODAY)  # type: ignore[arg-type]
    assert cost.usd == (None if usd is None else Decimal(usd))
    assert cost.bound_usd > 0


def test_many_pieces_without_a_price_are_bounded_by_their_kind() -> None:
    prices = PriceBook.load(SHIPPED, PROVIDERS)
    usage = used(None, None, tool_units={"characters": 10_000})
    cost = prices.cost(provider=NOWHERE, model="speaker", usage=usage, at=TODAY)
    assert cost.usd is None
    assert Decimal("0.3") <= cost.bound_usd < 10


def test_what_is_billed_by_the_piece_reserves_one_before_it_is_known(tmp_path: Path) -> None:
    bound = book(tmp_path, PIECES).bound(
        provider=NOWHERE, model="painter", input_tokens=10, output_tokens=0, at=TODAY, cache_writes=None
    )
    assert bound == (Decimal("0.25"), True)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(
            "{provider: openai, model: a, from: 2026-05-01}", "say input_per_mtok, or", id="no price"
        ),
        pytest.param(
            "{provider: openai, model: a, from: 2026-05-01, output_per_mtok: 1, tool_units: {images: 1}}",
            "say input_per_mtok too, beside output_per_mtok",
            id="half a token price",
        ),
        pytest.param(
            "{provider: openai, model: a, from: 2026-05-01, input_per_mtok: 1,"
            ' hours: {from: "08:00", to: "08:00"}}',
            "two different times",
            id="no hour at all",
        ),
    ],
)
def test_an_entry_without_a_price_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        book(tmp_path, f"prices:\n  - {text}\n")
    assert says in str(caught.value)


def test_hours_that_meet_overlap(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"overlaps prices\.1"):
        book(tmp_path, NIGHT.replace("08:00", "17:00"))
