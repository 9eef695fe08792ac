"""The one door to genai-prices: its bundled price data as our tables. Never updated over the network.

We read its data and do the sums ourselves: its own calculation takes 79 us, raises on counts that
contradict each other, and its lookup caches keep every model name a client ever invents.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from functools import cache

from genai_prices import __version__ as genai_version
from genai_prices.data import providers as PROVIDERS  # noqa: N812 - a constant, whatever its owner calls it
from genai_prices.types import ModelInfo, ModelPrice, TieredPrices
from genai_prices.types import Provider as Catalogued

from sluiceway.pricing.rates import Rates, Table, dearest

VERSION = f"genai-prices {genai_version}"
IDS = frozenset(provider.id for provider in PROVIDERS)

# Output these models bill by a unit no Usage carries; their text rate would be far too low.
UNREAD_OUTPUT = ("output_video_mtok", "output_citation_mtok")
TOOLS = {
    "web_search": "web_searches_kcount",
    "file_search": "storage_searches_kcount",
    "x_search": "social_searches_kcount",
    "code_execution": "code_executions_kcount",
}
# What is billed by the piece, as the unit a Usage counts it in: the first of these prices that there is, and
# how many of the unit it is for.
UNITS = {
    "audio_seconds": (("input_audio_hours", "audio_hours"), 3600),
    "characters": (("input_mchars",), 1_000_000),
    "pages": (("input_document_kpages",), 1000),
    "annotated_pages": (("input_annotated_document_kpages",), 1000),
}
# The words a tier goes by in the data's request contexts.
CONTEXTS = ("service_tier", "speed", "processing")


def table(price_id: str, model: str, at: datetime, tier: str | None = None) -> Table | None:
    """The price list of `model` at that moment; None if there is none, or none for that tier."""
    own, model = _server(price_id, model)
    if own is None:
        return None
    if (info := own.find_model(model, all_providers=PROVIDERS)) is None:
        return None
    context = None
    if tier is not None and (context := _context(own, info, at, tier)) is None:
        return None
    return _table(info.get_prices(at, context))


def context_tokens(price_id: str, model: str) -> int | None:
    """The most tokens that `model` can be given; None: not known."""
    own = _provider(price_id)
    info = own.find_model(model, all_providers=PROVIDERS) if own else None
    return info.context_window if info else None


@cache
def ceiling(price_id: str | None) -> Rates:
    """The dearest rate of each kind that a provider, or for None anyone, ever had on any tier."""
    own = None if price_id is None else _provider(price_id)
    lenders = own.fallback_model_providers or [] if own else []
    return dearest(
        rates
        for provider in PROVIDERS
        if price_id in (None, provider.id) or provider.id in lenders
        for info in provider.models
        for prices in _all_prices(info)
        for _, rates in _steps(prices)
    )


def _server(price_id: str, model: str) -> tuple[Catalogued | None, str]:
    """Whose list a model is on. A router's model may name who serves it: `openai/gpt-oss-120b:groq`."""
    own = _provider(price_id)
    if own is None and ":" in model:
        model, _, server = model.rpartition(":")
        own = _provider(f"{price_id}_{server}")
    return own, model


def _provider(price_id: str) -> Catalogued | None:
    # By its exact id: the data's own lookup takes "not-anthropic" for anthropic.
    return next((provider for provider in PROVIDERS if provider.id == price_id), None)


def _context(own: Catalogued, info: ModelInfo, at: datetime, tier: str) -> dict[str, str] | None:
    if not any(info is model for model in own.models):
        return None  # borrowed from another provider, whose tiers are not this one's
    for variant in info.price_variants or ():
        active = variant.constraint is None or variant.constraint.active(at)
        if active and variant.when in [{word: tier} for word in CONTEXTS]:
            return variant.when
    return None


def _all_prices(info: ModelInfo) -> Iterator[ModelPrice]:
    if isinstance(info.prices, ModelPrice):
        yield info.prices
    else:
        yield from (conditional.prices for conditional in info.prices)
    yield from (variant.prices for variant in info.price_variants or ())


def _table(prices: ModelPrice) -> Table | None:
    """None where the data has no price: an empty list may stand for "free", and what is free is said in
    prices.yaml, not guessed from silence."""
    steps = tuple(_steps(prices))
    return Table(steps) if steps[0][1].input is not None or steps[0][1].by_units else None


def _steps(prices: ModelPrice) -> Iterator[tuple[int, Rates]]:
    tiered = [value for value in vars(prices).values() if isinstance(value, TieredPrices)]
    starts = {tier.start for value in tiered for tier in value.tiers}
    return ((start, _rates(prices, start)) for start in sorted({-1, *starts}))


def _rates(prices: ModelPrice, start: int) -> Rates:
    def rate(key: str) -> Decimal | None:
        value: Decimal | TieredPrices | None = getattr(prices, key)
        if not isinstance(value, TieredPrices):
            return value
        return next((t.price for t in reversed(value.tiers) if t.start <= start), value.base)

    def or_else(key: str, other: Decimal | None) -> Decimal | None:
        return other if (own := rate(key)) is None else own

    # In this data a kind without a price of its own is billed as plain input or output.
    plain, output = rate("input_mtok"), rate("output_mtok")
    write = rate("cache_write_mtok")
    # Anthropic, "Prompt caching": a one-hour write costs twice the base input price.
    hour = plain * 2 if plain is not None and write is not None else plain
    unread = any(rate(key) is not None for key in UNREAD_OUTPUT)
    per_request = rate("requests_kcount")
    tools = {tool: each.scaleb(-3) for tool, key in TOOLS.items() if (each := rate(key)) is not None}
    pieces: dict[str, Decimal] = {}
    for unit, (keys, number) in UNITS.items():
        if (price := next((each for key in keys if (each := rate(key)) is not None), None)) is not None:
            pieces[unit] = price / number  # to 28 digits: an hour's price is not a whole one of a second
    return Rates(
        input=plain,
        output=None if unread else output,
        cache_read=or_else("cache_read_mtok", plain),
        cache_write=plain if write is None else write,
        cache_write_1h=or_else("cache_write_1h_mtok", hour),
        audio_input=or_else("input_audio_mtok", plain),
        audio_output=or_else("output_audio_mtok", output),
        audio_cache_read=or_else("cache_audio_read_mtok", or_else("cache_read_mtok", plain)),
        image_input=rate("input_image_mtok"),
        image_output=rate("output_image_mtok"),
        reasoning=rate("output_reasoning_mtok"),
        per_request=(per_request or Decimal(0)).scaleb(-3),
        tools={**tools, **pieces},
        by_units=plain is None and output is None and bool(pieces),
    )
