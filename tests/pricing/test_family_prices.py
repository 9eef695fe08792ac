"""Golden prices of the OpenAI-compatible family and its neighbours: every sum is worked by hand in its
comment, in USD, from the provider's own price list; nothing is rounded before a nano-dollar."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from pricing_world import SHIPPED as PRICES
from pricing_world import TODAY, used

from sluiceway.content import folder
from sluiceway.pricing.book import PriceBook
from sluiceway.settings.providers import Providers
from sluiceway.types import CostBasis, Usage

FAMILY = Providers.load(folder("rules") / "providers.yaml").by_name
BOOK = PriceBook.load(PRICES, FAMILY.values())


def case(
    name: str,
    provider: str,
    model: str,
    usage: Usage,
    usd: str,
    at: datetime = TODAY,
    operation: str = "chat",
) -> Any:
    return pytest.param(provider, model, usage, usd, at, operation, id=name)


def november(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, 21, hour, minute, tzinfo=UTC)


CASES = [
    # 1000*0.5 + 200*1.5 = 500 + 300 millionths
    case("mistral large", "mistral", "mistral-large-2512", used(1000, 200), "0.0008"),
    # 8*0.3 + 91*0.9 = 2.4 + 81.9
    case(
        "codestral fills in", "mistral", "codestral-2508", used(8, 91), "0.0000843", operation="completions"
    ),
    # 12345*0.1 = 1234.5
    case("mistral embed", "mistral", "mistral-embed", used(12345, None), "0.0012345", operation="embeddings"),
    # 1234*0.59 + 567*0.79 = 728.06 + 447.93
    case("groq llama", "groq", "llama-3.3-70b-versatile", used(1234, 567), "0.00117599"),
    # 70 = 6 plain + 64 read: 6*0.15 + 64*0.075 + 12*0.60 = 0.9 + 4.8 + 7.2
    case("groq cached", "groq", "openai/gpt-oss-120b", used(70, 12, cache_read_tokens=64), "0.0000129"),
    # 100*2.5 + 20*10 = 250 + 200
    case("cohere command a", "cohere", "command-a-03-2025", used(100, 20), "0.00045"),
    # 7*0.0375 + 3*0.15 = 0.2625 + 0.45
    case(
        "cohere command r7b, to a part of a nano-dollar",
        "cohere",
        "command-r7b-12-2024",
        used(7, 3),
        "0.0000007125",
    ),
    # 3 searches at 2 USD for 1,000
    case(
        "cohere searches",
        "cohere",
        "rerank-v3.5",
        used(0, 0, tool_units={"search_units": 3}),
        "0.006",
        operation="rerank",
    ),
    # 1*0.12 + 258*0.47 = 0.12 + 121.26
    case(
        "cohere embeds an image",
        "cohere",
        "embed-v4.0",
        used(1, 0, tool_units={"image_input_tokens": 258}),
        "0.00012138",
        operation="embeddings",
    ),
    # 1000*0.1
    case("cohere embed 3", "cohere", "embed-english-v3.0", used(1000, 0), "0.0001", operation="embeddings"),
    # 10*0.06
    case("voyage embeds", "voyage", "voyage-3.5", used(10, 0), "0.0000006", operation="embeddings"),
    # 26*0.05
    case("voyage ranks", "voyage", "rerank-2.5", used(26, 0), "0.0000013", operation="rerank"),
    # 36*0.88 + 3*0.88 = 31.68 + 2.64
    case("together", "together", "meta-llama/Llama-3.3-70B-Instruct-Turbo", used(36, 3), "0.00003432"),
    # 21 = 1 plain + 20 read: 1*1.4 + 20*0.14 + 3*4.4 = 1.4 + 2.8 + 13.2
    case(
        "fireworks by its long name",
        "fireworks",
        "accounts/fireworks/models/glm-5p2",
        used(21, 3, cache_read_tokens=20),
        "0.0000174",
    ),
    # 72*0.35 + 38*0.75 = 25.2 + 28.5
    case("cerebras", "cerebras", "gpt-oss-120b", used(72, 38), "0.0000537"),
    # 14 = 11 plain + 3 read: 11*0.6 + 3*0.11 + 21*2.2 = 6.6 + 0.33 + 46.2
    case("z.ai cached", "zai", "glm-4.6", used(14, 21, cache_read_tokens=3), "0.00005313"),
    # 19 = 3 plain + 16 read: 3*0.6 + 16*0.1 + 13*3 = 1.8 + 1.6 + 39
    case("kimi cached", "moonshot", "kimi-k2.5", used(19, 13, cache_read_tokens=16), "0.0000424"),
    # 50*0.3 + 10*1.2 = 15 + 12
    case("minimax", "minimax", "MiniMax-M2", used(50, 10), "0.000027"),
    # 9*2.5 + 2*10 = 22.5 + 20: OpenAI's prices, by the model that Azure's answer names
    case("azure by the model served", "azure", "gpt-4o-2024-08-06", used(9, 2), "0.0000425"),
    # 5 fine tokens of a search model: 1*1 + 1*1, and 12 USD for 1,000 requests: the list's dearest context
    case("sonar without its own figure", "perplexity", "sonar", used(1, 1), "0.012002"),
    # DeepSeek's day: from 01:00 UTC twice the night's price. 1000*0.15 + 100*0.6 = 150 + 60
    case("deepseek by night", "deepseek", "deepseek-v4-flash", used(1000, 100), "0.00021", november(0, 59)),
    # 1000*0.3 + 100*1.2 = 300 + 120
    case("deepseek by day", "deepseek", "deepseek-v4-flash", used(1000, 100), "0.00042", november(1)),
    # cached: 176*0.3 + 1024*0.006 + 5*1.2 = 52.8 + 6.144 + 6
    case(
        "deepseek by day, cached",
        "deepseek",
        "deepseek-v4-flash",
        used(1200, 5, cache_read_tokens=1024),
        "0.000064944",
        november(7),
    ),
    # 9*0.15 + 2*0.75, at the server that the model's name names
    case("a router to groq", "huggingface", "openai/gpt-oss-120b:groq", used(9, 2), "0.00000285"),
]


@pytest.mark.parametrize(("provider", "model", "usage", "usd", "at", "operation"), CASES)
def test_the_sum_worked_by_hand(
    provider: str, model: str, usage: Usage, usd: str, at: datetime, operation: str
) -> None:
    cost = BOOK.cost(provider=FAMILY[provider], model=model, usage=usage, at=at, operation=operation)
    assert cost.usd == Decimal(usd)
    assert (cost.bound_usd, cost.basis) == (Decimal(usd), CostBasis.LIST)


UNKNOWN = [
    pytest.param("azure", "house-assistant", used(9, 2), id="a deployment whose model nobody named"),
    pytest.param("huggingface", "openai/gpt-oss-120b", used(9, 2), id="the router chose who serves"),
    pytest.param("huggingface", "openai/gpt-oss-120b:nobody", used(9, 2), id="a server nobody knows"),
    pytest.param("sambanova", "Meta-Llama-3.3-70B-Instruct", used(9, 2), id="no price data"),
    pytest.param("cohere", "rerank-v4.0-pro", used(0, 0, tool_units={"search_units": 1}), id="no price yet"),
    pytest.param("cohere", "embed-english-v3.0", used(0, 0, tool_units={"images": 1}), id="a piece unpriced"),
    pytest.param("perplexity", "sonar", used(1, 1, tool_units={"web_search": 3}), id="searches unpriced"),
]


@pytest.mark.parametrize(("provider", "model", "usage"), UNKNOWN)
def test_what_has_no_price_is_unknown_and_bounded_never_free(provider: str, model: str, usage: Usage) -> None:
    cost = BOOK.cost(provider=FAMILY[provider], model=model, usage=usage, at=TODAY)
    assert (cost.usd, cost.basis) == (None, CostBasis.UNKNOWN)
    assert cost.bound_usd > 0
