"""What is unknown is None and bounded, never zero; a bound given before the answer holds after it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import genai_prices
import pytest
from genai_prices.data import providers as catalogued
from hypothesis import given
from hypothesis import strategies as st
from pricing_world import (
    ANTHROPIC,
    BOOK,
    COHERE,
    GOOGLE,
    MISTRAL,
    NOWHERE,
    OPENAI,
    TODAY,
    VOYAGE,
    XAI,
    provider,
    used,
)

from sluiceway.pricing import catalogue
from sluiceway.pricing.book import MAX_REMEMBERED, PriceBook
from sluiceway.types import CostBasis, Provider, Usage, UsageSource

FOUR = {"anthropic": ANTHROPIC, "openai": OPENAI, "google": GOOGLE, "x-ai": XAI}
# Model ids as the data spells them; most are names that an API accepts.
MODELS = sorted((p.id, m.id) for p in catalogued if p.id in FOUR for m in p.models)
TIERS = (None, "default", "flex", "priority", "batch", "fast", "scale", "whatever")

some_model = st.sampled_from(MODELS)
tokens = st.integers(0, 1_500_000)


@pytest.mark.parametrize(
    ("of", "model", "usage", "tier", "bound"),
    [
        # OpenAI's dearest known: 150 in, 600 out (o1-pro)
        pytest.param(OPENAI, "gpt-99", used(1000, 100), None, "0.21", id="an unknown model"),
        pytest.param(OPENAI, None, used(1000, 100), None, "0.21", id="no model named"),
        pytest.param(OPENAI, "", used(1000, 100), None, "0.21", id="an empty name"),
        pytest.param(OPENAI, "gpt-4o" + "x" * 300, used(1000, 100), None, "0.21", id="an endless name"),
        # its seconds were not told: one piece of what has no price, 0.25
        pytest.param(OPENAI, "whisper-1", used(1000, 100), None, "0.25", id="a model billed by the hour"),
        pytest.param(OPENAI, "ft:gpt-99:org::id", used(1000, 100), None, "0.21", id="tuned from the unknown"),
        # nobody's prices: the dearest known at all
        pytest.param(NOWHERE, "llama", used(1000, 100), None, "0.21", id="a provider without prices"),
        # Anthropic's dearest known: 16 in, 80 out (fast mode)
        pytest.param(ANTHROPIC, "claude-99", used(1000, 100), None, "0.024", id="an unknown Claude"),
        pytest.param(
            ANTHROPIC,
            "claude-sonnet-4-5",
            used(1000, 100),
            "priority",
            "0.0045",
            id="priority is by contract",
        ),
        pytest.param(OPENAI, "gpt-4o", used(1000, 100), "scale", "0.0035", id="a tier nobody documents"),
        # all at the known rates: 1000*3; the output count is unknown and adds nothing
        pytest.param(ANTHROPIC, "claude-sonnet-4-5", used(1000, None), None, "0.003", id="no output count"),
        # 100*15
        pytest.param(ANTHROPIC, "claude-sonnet-4-5", used(None, 100), None, "0.0015", id="no input count"),
        # 1000*3 + 100*15
        pytest.param(
            ANTHROPIC,
            "claude-sonnet-4-5",
            used(1000, 100, source=UsageSource.NONE),
            None,
            "0.0045",
            id="counts from nowhere",
        ),
        # cached audio or cached text? all input at audio's 1.00: 1000*1 + 10*2.5
        pytest.param(
            GOOGLE,
            "gemini-2.5-flash",
            used(1000, 10, audio_input_tokens=500, cache_read_tokens=500),
            None,
            "0.001025",
            id="audio and cache together",
        ),
        # how much of the output was drawn? all of it at 30: 100*0.30 + 1300*30
        pytest.param(
            GOOGLE,
            "gemini-2.5-flash-image",
            used(100, 1300),
            None,
            "0.03903",
            id="an image model that does not say",
        ),
        # 100*5 + 1000*32: gpt-image-1.5 prices images on both sides; input images at 8
        pytest.param(
            OPENAI,
            "gpt-image-1.5",
            used(100, 1000, image_tokens=900),
            None,
            "0.0328",
            id="images on either side",
        ),
        pytest.param(OPENAI, "gpt-4o", used(1000, -5), None, "0.0025", id="a negative count"),
        # 1000*3 + 100*15, and an advisor of unknown name at Anthropic's dearest: 1000*16 + 10*80
        pytest.param(
            ANTHROPIC,
            "claude-sonnet-4-5",
            used(1000, 100, tool_units={"advisor_input_tokens": 1000, "advisor_output_tokens": 10}),
            None,
            "0.0213",
            id="an advisor's tokens",
        ),
        pytest.param(
            OPENAI, "gpt-4o", used(1000, 0, tool_units={"web_search": -9}), None, "0.0025", id="negative uses"
        ),
        # 1000*2.5 + 100*10 millionths, and the tool at the dearest any is known to cost, 0.25
        pytest.param(
            OPENAI, "gpt-4o", used(1000, 100, tool_units={"magic": 1}), None, "0.2535", id="an unknown tool"
        ),
    ],
)
def test_what_is_unknown_is_none_and_bounded(
    of: Provider, model: str | None, usage: Usage, tier: str | None, bound: str
) -> None:
    cost = BOOK.cost(provider=of, model=model, usage=usage, at=TODAY, service_tier=tier)
    assert cost.usd is None
    assert cost.basis is CostBasis.UNKNOWN
    assert cost.bound_usd >= Decimal(bound)
    if tier is None:
        assert cost.bound_usd == Decimal(bound)


def test_known_says_whether_the_standard_service_has_a_price() -> None:
    assert BOOK.known(OPENAI, "gpt-4o", TODAY)
    assert not BOOK.known(OPENAI, "gpt-99", TODAY)
    assert not BOOK.known(NOWHERE, "gpt-4o", TODAY)


BOUNDS = [
    # 1000*3 + 100*15
    pytest.param(ANTHROPIC, "claude-sonnet-4-5", 1000, 100, None, None, "0.0045", True, id="plain"),
    # 1000*3.75 + 100*15
    pytest.param(ANTHROPIC, "claude-sonnet-4-5", 1000, 100, "5m", None, "0.00525", True, id="5m writes"),
    # 1000*6 + 100*15
    pytest.param(ANTHROPIC, "claude-sonnet-4-5", 1000, 100, "1h", None, "0.0075", True, id="1h writes"),
    # 200001*6 + 100*22.5
    pytest.param(
        ANTHROPIC, "claude-sonnet-4-5", 200_001, 100, None, None, "1.202256", True, id="long context"
    ),
    # flex may be answered on standard: 1000*1.25 + 100*10
    pytest.param(
        OPENAI, "gpt-5.1", 1000, 100, None, "flex", "0.00225", True, id="flex is bounded by standard"
    ),
    # 1000*2.5 + 100*20
    pytest.param(OPENAI, "gpt-5.1", 1000, 100, None, "priority", "0.0045", True, id="priority"),
    # GPT-6 writes its cache unasked: 1000*2.5 + 100*10
    pytest.param(OPENAI, "gpt-6.1-sol", 1000, 100, None, None, "0.0035", True, id="unasked cache writes"),
    # it speaks, so all may be audio: 1000*32 + 100*64
    pytest.param(OPENAI, "gpt-audio", 1000, 100, None, None, "0.0384", True, id="a model that speaks"),
    # it hears, but bytes of audio are estimated far above their tokens: 1000*0.30 + 100*2.5
    pytest.param(
        GOOGLE, "gemini-2.5-flash", 1000, 100, None, None, "0.00055", True, id="a model that only hears"
    ),
    # an embedding has no output to price: 1000*0.02
    pytest.param(OPENAI, "text-embedding-3-small", 1000, 0, None, None, "0.00002", True, id="embedding"),
    # the dearest of OpenAI: 1000*150 + 100*600
    pytest.param(
        OPENAI, "text-embedding-3-small", 1000, 100, None, None, "0.21", False, id="embedding that talks"
    ),
    pytest.param(OPENAI, "gpt-99", 1000, 100, None, None, "0.21", False, id="unknown model"),
    pytest.param(OPENAI, "gpt-4o", 1000, 100, None, "scale", "0.21", False, id="unknown tier"),
    pytest.param(NOWHERE, "llama", 1000, 100, None, None, "0.21", False, id="unknown provider"),
]


@pytest.mark.parametrize(("of", "model", "inputs", "outputs", "writes", "tier", "usd", "known"), BOUNDS)
def test_the_bound_is_the_dearest_way_to_bill_the_call(
    of: Provider,
    model: str,
    inputs: int,
    outputs: int,
    writes: object,
    tier: str | None,
    usd: str,
    known: bool,
) -> None:
    assert BOOK.bound(
        provider=of,
        model=model,
        input_tokens=inputs,
        output_tokens=outputs,
        at=TODAY,
        cache_writes=writes,  # type: ignore[arg-type]  # a table of literals
        service_tier=tier,
        dialect=of.dialect,
    ) == (Decimal(usd), known)


@st.composite
def usages(draw: st.DrawFn, dialect: str = "", writes: str | None = None) -> Usage:
    """A usage that adds up, with writes only where the call could make them."""
    total, output = draw(tokens), draw(tokens)
    read = draw(st.integers(0, total))
    may_write = writes is not None or not dialect.startswith("anthropic")
    write = draw(st.integers(0, total - read)) if may_write else 0
    hour = draw(st.integers(0, write)) if writes == "1h" else 0
    return used(
        total,
        output,
        cache_read_tokens=read,
        cache_write_tokens=write,
        cache_write_1h_tokens=hour,
        reasoning_tokens=draw(st.integers(0, output)),
        image_tokens=draw(st.sampled_from([None, 0])),
    )


@given(
    data=st.data(), chosen=some_model, tier=st.sampled_from(TIERS), writes=st.sampled_from([None, "5m", "1h"])
)
def test_no_usage_within_a_bound_costs_more_than_it(
    data: st.DataObject, chosen: tuple[str, str], tier: str | None, writes: str | None
) -> None:
    of, model = FOUR[chosen[0]], chosen[1]
    usage = data.draw(usages(of.dialect, writes))
    bound, _ = BOOK.bound(
        provider=of,
        model=model,
        input_tokens=(usage.input_tokens or 0) + data.draw(st.integers(0, 500_000)),
        output_tokens=(usage.output_tokens or 0) + data.draw(st.integers(0, 500_000)),
        at=TODAY,
        cache_writes=writes,  # type: ignore[arg-type]  # sampled from the literals
        service_tier=tier,
        dialect=of.dialect,
    )
    # A batch is billed as one whatever its answers say; every other tier may turn out to be the usual one.
    for answered_on in (tier, tier if tier == "batch" else None):
        cost = BOOK.cost(provider=of, model=model, usage=usage, at=TODAY, service_tier=answered_on)
        assert cost.bound_usd <= bound


@given(chosen=some_model, tier=st.sampled_from(TIERS), usage=usages(), more_in=tokens, more_out=tokens)
def test_more_tokens_never_cost_less(
    chosen: tuple[str, str], tier: str | None, usage: Usage, more_in: int, more_out: int
) -> None:
    of, model = FOUR[chosen[0]], chosen[1]
    more = used(
        (usage.input_tokens or 0) + more_in,
        (usage.output_tokens or 0) + more_out,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        image_tokens=usage.image_tokens,
    )
    less_cost = BOOK.cost(provider=of, model=model, usage=usage, at=TODAY, service_tier=tier)
    more_cost = BOOK.cost(provider=of, model=model, usage=more, at=TODAY, service_tier=tier)
    if less_cost.usd is not None and more_cost.usd is not None:
        assert less_cost.usd <= more_cost.usd
    assert less_cost.bound_usd <= more_cost.bound_usd


counts = st.none() | st.integers(-5, 10**9)
any_usage = st.builds(
    Usage,
    counts, counts, counts, counts, counts, counts, counts, counts, counts,
    st.dictionaries(st.sampled_from(["web_search", "file_search", "x"]), st.integers(-2, 9), max_size=2),
    st.sampled_from(UsageSource),
)  # fmt: skip


@given(
    of=st.sampled_from([*FOUR.values(), NOWHERE, provider("odd", "", "")]),
    model=st.none() | st.text(max_size=40) | st.sampled_from([name for _, name in MODELS]),
    usage=any_usage,
    tier=st.sampled_from(TIERS) | st.text(max_size=8),
    operation=st.sampled_from(["chat", "embeddings", "generate_content"]),
)
def test_no_answer_raises_or_costs_nothing(
    of: Provider, model: str | None, usage: Usage, tier: str | None, operation: str
) -> None:
    cost = BOOK.cost(provider=of, model=model, usage=usage, at=TODAY, service_tier=tier, operation=operation)
    assert cost.bound_usd >= 0
    assert cost.usd is None or cost.usd == cost.bound_usd
    free = model is not None and "moderation" in model.lower()
    if not free and ((usage.input_tokens or 0) > 0 or (usage.output_tokens or 0) > 0):
        assert cost.bound_usd > 0


BARE = PriceBook.load(None, ())


@given(
    chosen=some_model, usage=usages(writes="1h"), at=st.datetimes(datetime(2024, 1, 1), datetime(2027, 6, 1))
)
def test_our_sum_is_that_of_genai_prices(chosen: tuple[str, str], usage: Usage, at: datetime) -> None:
    price_id, model = chosen
    at = at.replace(tzinfo=UTC)
    cost = BARE.cost(provider=FOUR[price_id], model=model, usage=usage, at=at)
    if cost.usd is None:
        return
    theirs = genai_prices.calc_price(
        genai_prices.Usage(
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cache_read_tokens=usage.cache_read_tokens,
            cache_write_tokens=usage.cache_write_tokens,
            cache_write_1h_tokens=usage.cache_write_1h_tokens,
        ),
        model,
        provider_id=price_id,
        genai_request_timestamp=at,
    )
    keys = {key for key in vars(theirs.model_price) if not key.startswith("_")}
    derived = usage.cache_write_1h_tokens and "cache_write_1h_mtok" not in keys  # theirs: the 5m price
    if not derived:
        assert cost.usd == theirs.total_price


def test_every_current_text_model_has_a_price() -> None:
    """The price data may rename its keys; then this fails before any invoice differs."""
    priced = [(p, m) for p, m in MODELS if catalogue.table(p, m, TODAY) is not None]
    assert len(priced) > 0.9 * len(MODELS)


def test_what_was_looked_up_is_remembered_within_bounds() -> None:
    book = PriceBook.load(None, [ANTHROPIC])
    for number in range(MAX_REMEMBERED + 50):
        book.known(ANTHROPIC, f"claude-haiku-4-5-{number}", TODAY)
    assert len(book._remembered) <= MAX_REMEMBERED


@pytest.mark.parametrize(
    ("units", "usd"),
    [
        # No price is known of this provider: an image at the dearest one, a character and a second likewise,
        # 40 USD a million and 4.80 an hour.
        pytest.param({"image_hd_1024x1024": 2}, "0.50", id="two images"),
        pytest.param({"characters": 1000}, "0.04", id="a thousand characters"),
        pytest.param({"audio_seconds": 60}, "0.08", id="a minute"),
        pytest.param({}, "0", id="nothing"),
    ],
)
def test_pieces_without_a_price_are_bounded_by_the_dearest_list(units: dict[str, int], usd: str) -> None:
    plain, _ = bound_of(NOWHERE, "m", {})
    bound, known = bound_of(NOWHERE, "m", units)
    assert (round(bound - plain, 9), known) == (Decimal(usd), False)


def bound_of(of: Provider, model: str, units: dict[str, int]) -> tuple[Decimal, bool]:
    return BOOK.bound(
        provider=of, model=model, input_tokens=0, output_tokens=0, at=TODAY, cache_writes=None, units=units
    )


@pytest.mark.parametrize(
    ("of", "model", "units", "usd"),
    [
        pytest.param(OPENAI, "dall-e-3", {"image_hd_1024x1024": 2}, "0.16", id="two images, and no third"),
        # 30 seconds at 0.36 USD an hour
        pytest.param(OPENAI, "whisper-1", {"audio_seconds": 30}, "0.003", id="half a minute"),
        pytest.param(OPENAI, "whisper-1", {}, "0.25", id="nobody knows how much"),
        # 12 pages at 3 USD a thousand
        pytest.param(MISTRAL, "mistral-ocr-2505", {"annotated_pages": 12}, "0.036", id="twelve pages"),
        pytest.param(COHERE, "rerank-v3.5", {"search_units": 3}, "0.006", id="tokens are free, searches not"),
        pytest.param(
            VOYAGE, "rerank-2.5", {"search_units": 3}, "0", id="its tokens are billed, not its searches"
        ),
    ],
)
def test_pieces_that_a_call_announces_are_all_that_is_reserved(
    of: Provider, model: str, units: dict[str, int], usd: str
) -> None:
    bound, known = bound_of(of, model, units)
    assert (round(bound, 9), known) == (Decimal(usd), True)
