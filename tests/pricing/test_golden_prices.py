"""Golden prices: every sum is worked by hand in its comment, in USD, from the provider's own price list."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from pricing_world import (
    ANTHROPIC,
    AWS,
    BEDROCK,
    BOOK,
    COHERE,
    DEEPSEEK,
    GOOGLE,
    GROQ,
    MISTRAL,
    OPENAI,
    TODAY,
    VERTEX,
    VOYAGE,
    XAI,
    used,
)  # fmt: skip

from sluiceway.types import CostBasis, Provider, Usage, to_nusd


def case(
    name: str, provider: Provider, model: str, usage: Usage, usd: str, at: datetime = TODAY, **asked: Any
) -> Any:
    return pytest.param(provider, model, usage, usd, at, asked, id=name)


def day(year: int, month: int, dayofmonth: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, dayofmonth, hour, minute, tzinfo=UTC)


ANTHROPIC_CASES = [
    # 1000*3 + 500*15 = 3000 + 7500 = 10500 millionths
    case("sonnet plain", ANTHROPIC, "claude-sonnet-4-5", used(1000, 500), "0.0105"),
    # a dated name is the same model; 1*3 + 1*15 = 18 millionths
    case("sonnet dated, one token each", ANTHROPIC, "claude-sonnet-4-5-20250929", used(1, 1), "0.000018"),
    # 10000 input of which 8000 read: 2000*3 + 8000*0.30 + 200*15 = 6000 + 2400 + 3000
    case(
        "sonnet cache read",
        ANTHROPIC,
        "claude-sonnet-4-5",
        used(10000, 200, cache_read_tokens=8000),
        "0.0114",
    ),
    # 5m write at 1.25x: 1000*3 + 4000*3.75 + 100*15 = 3000 + 15000 + 1500
    case(
        "sonnet 5m write", ANTHROPIC, "claude-sonnet-4-5", used(5000, 100, cache_write_tokens=4000), "0.0195"
    ),
    # 1h write at 2x: 1000*3 + 4000*6 + 100*15 = 3000 + 24000 + 1500
    case(
        "sonnet 1h write",
        ANTHROPIC,
        "claude-sonnet-4-5",
        used(5000, 100, cache_write_tokens=4000, cache_write_1h_tokens=4000),
        "0.0285",
    ),
    # 10000 = 1000 plain + 8000 read + 800 5m + 200 1h: 3000 + 2400 + 3000 + 1200; output 500*15 = 7500
    case(
        "sonnet every kind at once",
        ANTHROPIC,
        "claude-sonnet-4-5",
        used(10000, 500, cache_read_tokens=8000, cache_write_tokens=1000, cache_write_1h_tokens=200),
        "0.0171",
    ),
    # at 200000 still the base: 200000*3 + 1000*15 = 600000 + 15000
    case("sonnet at 200k", ANTHROPIC, "claude-sonnet-4-5", used(200_000, 1000), "0.615"),
    # one more token and all of it costs more: 200001*6 + 1000*22.5 = 1200006 + 22500
    case("sonnet above 200k", ANTHROPIC, "claude-sonnet-4-5", used(200_001, 1000), "1.222506"),
    # the step counts cached input too: 100001*6 + 100000*0.60 + 10*22.5 = 600006 + 60000 + 225
    case(
        "sonnet above 200k by its cache",
        ANTHROPIC,
        "claude-sonnet-4-5",
        used(200_001, 10, cache_read_tokens=100_000),
        "0.660231",
    ),
    # 300000 = 100000 plain*6 + 100000 5m*7.5 + 100000 1h*12 = 600000 + 750000 + 1200000; 100*22.5 = 2250
    case(
        "sonnet above 200k writing both lifetimes",
        ANTHROPIC,
        "claude-sonnet-4-5",
        used(300_000, 100, cache_write_tokens=200_000, cache_write_1h_tokens=100_000),
        "2.55225",
    ),
    # 2345*1 + 678*5 = 2345 + 3390
    case("haiku 4.5", ANTHROPIC, "claude-haiku-4-5-20251001", used(2345, 678), "0.005735"),
    # 100000*0.10 + 1000*0.50 = 10000 + 500
    case("haiku 5.5 at 100k", ANTHROPIC, "claude-haiku-5-5", used(100_000, 1000), "0.0105"),
    # five times dearer above: 100001*0.50 + 1000*2.50 = 50000.5 + 2500
    case("haiku 5.5 above 100k", ANTHROPIC, "claude-haiku-5-5", used(100_001, 1000), "0.0525005"),
    # 7*0.25 + 3*1.25 = 1.75 + 3.75 = 5.5 millionths
    case("haiku 3, fractions of a millionth", ANTHROPIC, "claude-3-haiku-20240307", used(7, 3), "0.0000055"),
    # 3*0.03 (read) + 4*0.25 + 1*1.25 = 0.09 + 1 + 1.25 = 2.34 millionths
    case(
        "haiku 3, nano-dollars",
        ANTHROPIC,
        "claude-3-haiku-20240307",
        used(7, 1, cache_read_tokens=3),
        "0.00000234",
    ),
    # 100000*15 + 10000*75 = 1500000 + 750000
    case("opus 4.1", ANTHROPIC, "claude-opus-4-1-20250805", used(100_000, 10_000), "2.25"),
    # before 2026-03-13 long context cost double: 300000*10 + 1000*37.5 = 3000000 + 37500
    case(
        "opus 4.6 the day before",
        ANTHROPIC,
        "claude-opus-4-6",
        used(300_000, 1000),
        "3.0375",
        day(2026, 3, 12),
    ),
    # from then on flat: 300000*5 + 1000*25 = 1500000 + 25000
    case(
        "opus 4.6 the day itself",
        ANTHROPIC,
        "claude-opus-4-6",
        used(300_000, 1000),
        "1.525",
        day(2026, 3, 13),
    ),
    # thinking is output: 1000*5 + 5000*25, the 4000 thought among the 5000
    case("opus 4.5 thinking", ANTHROPIC, "claude-opus-4-5", used(1000, 5000, reasoning_tokens=4000), "0.13"),
    # 1000*3 + 100*15 = 4500 millionths, and 3 searches at 0.01
    case(
        "sonnet web search",
        ANTHROPIC,
        "claude-sonnet-4-5",
        used(1000, 100, tool_units={"web_search": 3}),
        "0.0345",
    ),
    # web fetch costs its tokens only: 1000*3 + 100*15
    case(
        "sonnet web fetch",
        ANTHROPIC,
        "claude-sonnet-4-5",
        used(1000, 100, tool_units={"web_fetch": 3}),
        "0.0045",
    ),
    # batch is half: (1000*3 + 500*15) / 2 = 5250
    case("sonnet batch", ANTHROPIC, "claude-sonnet-4-5", used(1000, 500), "0.00525", service_tier="batch"),
    # opus 4.1 has no batch price of its own: half of 1000*15 + 100*75 = 22500
    case("opus 4.1 batch", ANTHROPIC, "claude-opus-4-1", used(1000, 100), "0.01125", service_tier="batch"),
    # fast mode: 1000*16 + 100*80
    case("fable 5.2 fast", ANTHROPIC, "claude-fable-5-2", used(1000, 100), "0.024", service_tier="fast"),
]

OPENAI_CASES = [
    # 1000*1.25 + 500*10 = 1250 + 5000
    case("gpt-5.1", OPENAI, "gpt-5.1", used(1000, 500), "0.00625"),
    # 2048 of 3000 cached: 952*1.25 + 2048*0.125 + 100*10 = 1190 + 256 + 1000
    case("gpt-5.1 cached", OPENAI, "gpt-5.1-2025-11-13", used(3000, 100, cache_read_tokens=2048), "0.002446"),
    # reasoning is inside output: 100*1.25 + 2000*10
    case("gpt-5.1 reasoning", OPENAI, "gpt-5.1", used(100, 2000, reasoning_tokens=1900), "0.020125"),
    # 333*0.25 + 77*2 = 83.25 + 154
    case("gpt-5-mini", OPENAI, "gpt-5-mini", used(333, 77), "0.00023725"),
    # 19*0.05 + 1*0.4 = 0.95 + 0.4 = 1.35 millionths
    case("gpt-5-nano", OPENAI, "gpt-5-nano", used(19, 1), "0.00000135"),
    # 1024*1.25 + 976*2.5 + 10*10 = 1280 + 2440 + 100
    case("gpt-4o cached", OPENAI, "gpt-4o", used(2000, 10, cache_read_tokens=1024), "0.00382"),
    # 1000*0.15 + 1000*0.60
    case("gpt-4o-mini", OPENAI, "gpt-4o-mini-2024-07-18", used(1000, 1000), "0.00075"),
    # o3 cost 10/40 until 2025-06-09: 100*10 + 100*40
    case("o3 the day before", OPENAI, "o3", used(100, 100), "0.005", day(2025, 6, 9, 23, 59)),
    # and 2/8 from 2025-06-10: 100*2 + 100*8
    case("o3 the day itself", OPENAI, "o3", used(100, 100), "0.001", day(2025, 6, 10)),
    # 10*150 + 10*600
    case("o1-pro", OPENAI, "o1-pro", used(10, 10), "0.0075"),
    # 272000*2 + 100*10 = 544000 + 1000
    case("gpt-6.1 at 272k", OPENAI, "gpt-6.1-sol", used(272_000, 100), "0.545"),
    # 272001*4 + 100*15 = 1088004 + 1500
    case("gpt-6.1 above 272k", OPENAI, "gpt-6.1-sol", used(272_001, 100), "1.089504"),
    # it bills its cache writes: 500*2 + 1000*2.5 + 500*0.1 + 10*10 = 1000 + 2500 + 50 + 100
    case(
        "gpt-6.1 writes and reads",
        OPENAI,
        "gpt-6.1-sol",
        used(2000, 10, cache_write_tokens=1000, cache_read_tokens=500),
        "0.00365",
    ),
    # flex is half: 1000*0.625 + 500*5 = 625 + 2500
    case("gpt-5.1 flex", OPENAI, "gpt-5.1", used(1000, 500), "0.003125", service_tier="flex"),
    # half by the documented factor, before the data knew flex: (1000*1.25 + 500*10) / 2
    case(
        "gpt-5.1 flex in 2025",
        OPENAI,
        "gpt-5.1",
        used(1000, 500),
        "0.003125",
        day(2025, 12, 1),
        service_tier="flex",
    ),
    # priority: 1000*4.25 + 100*17
    case("gpt-4o priority", OPENAI, "gpt-4o", used(1000, 100), "0.00595", service_tier="priority"),
    # "auto" and "default" are the standard price: 1000*2.5 + 100*10
    case("gpt-4o auto", OPENAI, "gpt-4o", used(1000, 100), "0.0035", service_tier="auto"),
    case("gpt-4o default", OPENAI, "gpt-4o", used(1000, 100), "0.0035", service_tier="Default"),
    # audio: 100 text*2.5 + 900 audio*32; 50 text*10 + 250 audio*64 = 250 + 28800 + 500 + 16000
    case(
        "gpt-audio",
        OPENAI,
        "gpt-audio",
        used(1000, 300, audio_input_tokens=900, audio_output_tokens=250),
        "0.04555",
    ),
    # 1000*0.02 = 20 millionths; embeddings report no output
    case(
        "embedding small",
        OPENAI,
        "text-embedding-3-small",
        used(1000, None),
        "0.00002",
        operation="embeddings",
    ),
    # 7*0.13 = 0.91 millionths
    case(
        "embedding large", OPENAI, "text-embedding-3-large", used(7, 0), "0.00000091", operation="embeddings"
    ),
    # a tuned model costs twice its base: 1000*0.30 + 100*1.20; cached at 0.15: 400*0.15 + 600*0.30
    case("tuned gpt-4o-mini", OPENAI, "ft:gpt-4o-mini-2024-07-18:org::id", used(1000, 100), "0.00042"),
    case(
        "tuned gpt-4o-mini cached",
        OPENAI,
        "ft:gpt-4o-mini-2024-07-18:org::id",
        used(1000, 0, cache_read_tokens=400),
        "0.00024",
    ),
    # 1000*3 + 100*12
    case("tuned gpt-4.1", OPENAI, "ft:gpt-4.1-2025-04-14:org:name:id", used(1000, 100), "0.0042"),
    # the data prices no searches for o1: 1000*15 + 10*60, and 2 searches at 0.0025
    case("o1 file search", OPENAI, "o1", used(1000, 10, tool_units={"file_search": 2}), "0.0206"),
]

GOOGLE_CASES = [
    # 200000*1.25 + 1000*10 = 250000 + 10000
    case("2.5 pro at 200k", GOOGLE, "gemini-2.5-pro", used(200_000, 1000), "0.26"),
    # 200001*2.5 + 1000*15 = 500002.5 + 15000
    case("2.5 pro above 200k", GOOGLE, "gemini-2.5-pro", used(200_001, 1000), "0.5150025"),
    # 300000 of which 250000 cached: 50000*2.5 + 250000*0.25 + 10*15 = 125000 + 62500 + 150
    case(
        "2.5 pro above 200k cached",
        GOOGLE,
        "gemini-2.5-pro",
        used(300_000, 10, cache_read_tokens=250_000),
        "0.18765",
    ),
    # Gemini's own path in front of the name: 1000*1.25 + 100*10
    case("models/ in front", GOOGLE, "models/gemini-2.5-pro", used(1000, 100), "0.00225"),
    # Vertex spells it longer
    case("a Vertex path", GOOGLE, "publishers/google/models/gemini-2.5-pro", used(1000, 100), "0.00225"),
    # thoughts are output: 1000*0.30 + 900*2.5
    case("2.5 flash thinking", GOOGLE, "gemini-2.5-flash", used(1000, 900, reasoning_tokens=800), "0.00255"),
    # 400 text*0.30 + 600 audio*1.00 + 10*2.5
    case("2.5 flash audio", GOOGLE, "gemini-2.5-flash", used(1000, 10, audio_input_tokens=600), "0.000745"),
    # 990*0.1 + 10*0.01 + 5*0.4 = 99 + 0.1 + 2
    case(
        "flash lite cached", GOOGLE, "gemini-2.5-flash-lite", used(1000, 5, cache_read_tokens=10), "0.0001011"
    ),
    # a drawn image is 1290 tokens at 30: 100*0.30 + 10*2.5 + 1290*30 = 30 + 25 + 38700
    case("flash image", GOOGLE, "gemini-2.5-flash-image", used(100, 1300, image_tokens=1290), "0.038755"),
    # 1000*0.15
    case("embedding", GOOGLE, "gemini-embedding-001", used(1000, None), "0.00015", operation="embeddings"),
    # 1000*1.25 + 100*10, and one grounded prompt at 0.035
    case("grounding", GOOGLE, "gemini-2.5-pro", used(1000, 100, tool_units={"web_search": 1}), "0.03725"),
    # Claude on Vertex costs what Claude costs: 1000*3 + 100*15
    case("claude on vertex", GOOGLE, "claude-sonnet-4-5@20250929", used(1000, 100), "0.0045"),
]

OTHER_CASES = [
    # 1000*3 + 100*15
    case("grok-4", XAI, "grok-4", used(1000, 100), "0.0045"),
    # 1000*0.75 + 1000*3 + 10*15
    case("grok-4 cached", XAI, "grok-4-0709", used(2000, 10, cache_read_tokens=1000), "0.0039"),
    # xAI's step begins at 200000 itself: 199999*2 + 10*6 = 399998 + 60
    case("grok-4.5 below 200k", XAI, "grok-4.5", used(199_999, 10), "0.400058"),
    # 200000*4 + 10*12
    case("grok-4.5 at 200k", XAI, "grok-4.5", used(200_000, 10), "0.80012"),
    # 11*0.3 + 3*0.5 = 3.3 + 1.5 = 4.8 millionths
    case("grok-3-mini", XAI, "grok-3-mini", used(11, 3), "0.0000048"),
    # 100*0.2 + 100*1.5
    case("grok code", XAI, "grok-code-fast-1", used(100, 100), "0.00017"),
    # grok-4.20 fell on 2026-04-30: 1000*2 + 100*6, then 1000*1.25 + 100*2.5
    case("grok-4.20 the day before", XAI, "grok-4.20", used(1000, 100), "0.0026", day(2026, 4, 29)),
    case("grok-4.20 the day itself", XAI, "grok-4.20", used(1000, 100), "0.0015", day(2026, 4, 30)),
    # DeepSeek's hours: 1000*0.135 + 100*0.55 at night, 1000*0.27 + 100*1.10 from 00:30 UTC
    case("deepseek at night", DEEPSEEK, "deepseek-chat", used(1000, 100), "0.00019", day(2025, 3, 1, 0, 29)),
    case("deepseek by day", DEEPSEEK, "deepseek-chat", used(1000, 100), "0.00038", day(2025, 3, 1, 0, 30)),
]


SONNET = "anthropic.claude-sonnet-4-5-20250929-v1:0"

TIER_CASES = [
    # half of it all, caches included: (1000*3 + 4000*0.30 + 5000*3.75 + 100*15) / 2
    # = (3000 + 1200 + 18750 + 1500) / 2 = 12225
    case(
        "sonnet batch with caches",
        ANTHROPIC,
        "claude-sonnet-4-5",
        used(10_000, 100, cache_read_tokens=4000, cache_write_tokens=5000),
        "0.012225",
        service_tier="batch",
    ),
    # batch halves the long-context price: (300000*6 + 1000*22.5) / 2 = (1800000 + 22500) / 2
    case(
        "sonnet batch above 200k",
        ANTHROPIC,
        "claude-sonnet-4-5",
        used(300_000, 1000),
        "0.91125",
        service_tier="batch",
    ),
    # searches are not halved: (1000*3 + 100*15) / 2 = 2250, and 2 at 0.01
    case(
        "sonnet batch web search",
        ANTHROPIC,
        "claude-sonnet-4-5",
        used(1000, 100, tool_units={"web_search": 2}),
        "0.02225",
        service_tier="batch",
    ),
    # priority: 1000*0.45 + 100*3.6
    case("gpt-5-mini priority", OPENAI, "gpt-5-mini", used(1000, 100), "0.00081", service_tier="priority"),
    # batch: 1000*0.125 + 100*1
    case("gpt-5-mini batch", OPENAI, "gpt-5-mini", used(1000, 100), "0.000225", service_tier="batch"),
    # flex, half cached: 500*1 + 500*0.25 + 100*4 = 500 + 125 + 400
    case(
        "o3 flex cached",
        OPENAI,
        "o3",
        used(1000, 100, cache_read_tokens=500),
        "0.001025",
        service_tier="flex",
    ),
    # flex above the step: 272001*2.5 + 100*11.25 = 680002.5 + 1125
    case("gpt-5.4 flex above 272k", OPENAI, "gpt-5.4", used(272_001, 100), "0.6811275", service_tier="flex"),
    # 10 searches at 0.01, 1 file search at 0.0025, 1 container at 0.03: 0.1325; 1000*2.5 + 100*15 = 4000
    case(
        "gpt-5.4 with every tool",
        OPENAI,
        "gpt-5.4",
        used(1000, 100, tool_units={"web_search": 10, "file_search": 1, "container": 1}),
        "0.1365",
    ),
    # batch: 200001*1.25 + 1000*7.5 = 250001.25 + 7500
    case(
        "2.5 pro batch above 200k",
        GOOGLE,
        "gemini-2.5-pro",
        used(200_001, 1000),
        "0.25750125",
        service_tier="batch",
    ),
    # 3 queries at 0.014: 0.042; 1000*2 + 100*12 = 3200
    case(
        "gemini 3 grounding",
        GOOGLE,
        "gemini-3-pro-preview",
        used(1000, 100, tool_units={"web_search": 3}),
        "0.0452",
    ),
]

REGION_CASES = [
    # regional inference costs a tenth more: 1000*3.3 + 100*16.5
    case("bedrock in Europe", BEDROCK, f"eu.{SONNET}", used(1000, 100), "0.00495"),
    # 1000*3 + 100*15
    case("bedrock anywhere", BEDROCK, f"global.{SONNET}", used(1000, 100), "0.0045"),
    # without a profile it stays in the host's region: 1000*3.3 + 100*16.5
    case("bedrock by its host", BEDROCK, SONNET, used(1000, 100), "0.00495", region="eu-west-1"),
    # 200 plain*3.3 + 800 read*0.33 + 10*16.5 = 660 + 264 + 165
    case(
        "bedrock in Europe cached", BEDROCK, f"eu.{SONNET}", used(1000, 10, cache_read_tokens=800), "0.001089"
    ),
    # 100 5m*4.125 + 900 1h*6.6 = 412.5 + 5940
    case(
        "bedrock in Europe writes",
        BEDROCK,
        f"eu.{SONNET}",
        used(1000, 0, cache_write_tokens=1000, cache_write_1h_tokens=900),
        "0.0063525",
    ),
    # 1000*0.8 + 100*3.2
    case("nova pro", BEDROCK, "us.amazon.nova-pro-v1:0", used(1000, 100), "0.00112"),
    # Vertex, regional: (1000*3 + 100*15) * 1.1
    case(
        "vertex in a region",
        GOOGLE,
        "claude-sonnet-4-5@20250929",
        used(1000, 100),
        "0.00495",
        region="europe-west1",
    ),
    case("vertex anywhere", GOOGLE, "claude-sonnet-4-5@20250929", used(1000, 100), "0.0045", region="global"),
    # older models cost the same everywhere: 1000*15 + 100*75
    case(
        "an older model in a region",
        GOOGLE,
        "claude-opus-4-1@20250805",
        used(1000, 100),
        "0.0225",
        region="europe-west1",
    ),
    # (1000*2.5 + 100*15) * 1.1 = 4000 * 1.1
    case("gpt-5.4 in Europe", OPENAI, "gpt-5.4", used(1000, 100), "0.0044", region="eu"),
    # flex and region: (1000*1.25 + 100*7.5) * 1.1 = 2000 * 1.1
    case(
        "gpt-5.4 flex in Europe",
        OPENAI,
        "gpt-5.4",
        used(1000, 100),
        "0.0022",
        service_tier="flex",
        region="eu",
    ),
    # before gpt-5.4 no uplift: 1000*1.25 + 100*10
    case("gpt-5.1 in Europe", OPENAI, "gpt-5.1", used(1000, 100), "0.00225", region="eu"),
]

PIECE_CASES = [
    # 0.36 an hour is 0.0001 a second; 61 seconds
    case("whisper", OPENAI, "whisper-1", used(None, None, tool_units={"audio_seconds": 61}), "0.0061"),
    # 0.18 an hour is 0.00005 a second; 1 second
    case(
        "voxtral", MISTRAL, "voxtral-mini-2602", used(None, None, tool_units={"audio_seconds": 1}), "0.00005"
    ),
    # 15 a million characters
    case("tts-1", OPENAI, "tts-1", used(None, None, tool_units={"characters": 1234}), "0.01851"),
    case("tts-1-hd", OPENAI, "tts-1-hd", used(None, None, tool_units={"characters": 1}), "0.00003"),
    # 4 for a thousand pages since OCR 4
    case("ocr", MISTRAL, "mistral-ocr-4-0", used(None, None, tool_units={"pages": 3}), "0.012"),
    # 3 pages at 0.004 and 2 annotated ones at 0.005
    case(
        "ocr annotated",
        MISTRAL,
        "mistral-ocr-4-0",
        used(None, None, tool_units={"pages": 3, "annotated_pages": 2}),
        "0.022",
    ),
    # 2 at 0.08
    case("dall-e-3 hd", OPENAI, "dall-e-3", used(None, None, tool_units={"image_hd_1024x1024": 2}), "0.16"),
    case("dall-e-2", OPENAI, "dall-e-2", used(None, None, tool_units={"image_standard_512x512": 3}), "0.054"),
    # 8 seconds at 0.10
    case("sora", OPENAI, "sora-2", used(None, None, tool_units={"video_seconds": 8}), "0.8"),
    # 4 at 0.04; its tokens are not billed
    case("imagen", GOOGLE, "imagen-4.0-generate-001", used(12, 0, tool_units={"images": 4}), "0.16"),
    # 8 seconds at 0.40
    case("veo", GOOGLE, "veo-3.0-generate-001", used(None, None, tool_units={"video_seconds": 8}), "3.2"),
    # 20 text*2.5 + 480 audio*6 + 100*10 = 50 + 2880 + 1000
    case("gpt-4o-transcribe", OPENAI, "gpt-4o-transcribe", used(500, 100, audio_input_tokens=480), "0.00393"),
    # 1000 = 200 text*4 + 200 cached text*0.4 + 300 audio*32 + 300 cached audio*0.4;
    # 50*16 + 150 audio*64: 800 + 80 + 9600 + 120 + 800 + 9600 = 21000
    case(
        "realtime, both kinds cached",
        OPENAI,
        "gpt-realtime",
        used(
            1000,
            200,
            audio_input_tokens=600,
            audio_output_tokens=150,
            cache_read_tokens=500,
            audio_cache_read_tokens=300,
        ),
        "0.021",
    ),
]

ARN = "arn:aws:bedrock:{}:{}"
CLOUD_CASES = [
    # In one Region, and in the profile of a geography: 1000*3.30 + 500*16.50 = 3300 + 8250
    case("bedrock sonnet in a region", AWS, SONNET, used(1000, 500), "0.01155"),
    case("bedrock sonnet in europe", AWS, f"eu.{SONNET}", used(1000, 500), "0.01155"),
    case("bedrock sonnet in japan", AWS, f"jp.{SONNET}", used(1000, 500), "0.01155"),
    # The global profile costs what Anthropic asks: 1000*3 + 500*15 = 3000 + 7500
    case("bedrock sonnet anywhere", AWS, f"global.{SONNET}", used(1000, 500), "0.0105"),
    # 10000 = 1000 plain + 8000 read + 800 5m + 200 1h: 3300 + 2640 + 3300 + 1320; output 500*16.50 = 8250
    case(
        "bedrock sonnet in the us, every kind at once",
        AWS,
        f"us.{SONNET}",
        used(10000, 500, cache_read_tokens=8000, cache_write_tokens=1000, cache_write_1h_tokens=200),
        "0.01881",
    ),
    # A profile's ARN is the profile; a model's ARN is the model in its Region.
    case(
        "bedrock profile by arn",
        AWS,
        ARN.format("eu-west-1", f"123456789012:inference-profile/global.{SONNET}"),
        used(1000, 500),
        "0.0105",
    ),
    case(
        "bedrock model by arn",
        AWS,
        ARN.format("eu-west-1", f":foundation-model/{SONNET}"),
        used(2, 1),
        "0.0000231",
    ),
    # 3 and 15 also in a geography, before Sonnet 4.5: 100*3 + 10*15 = 450
    case(
        "bedrock sonnet 4 in asia",
        AWS,
        "apac.anthropic.claude-sonnet-4-20250514-v1:0",
        used(100, 10),
        "0.00045",
    ),
    # 1000*5.50 + 100*27.50 = 5500 + 2750
    case("bedrock opus 4.6", AWS, "us.anthropic.claude-opus-4-6-v1", used(1000, 100), "0.00825"),
    # 10000*0.06 + 5000*0.015 + 100*0.24 = 600 + 75 + 24
    case(
        "bedrock nova lite",
        AWS,
        "us.amazon.nova-lite-v1:0",
        used(15000, 100, cache_read_tokens=5000),
        "0.000699",
    ),
    # 7*0.72 + 3*0.72 = 7.2 millionths
    case("bedrock llama", AWS, "us.meta.llama3-3-70b-instruct-v1:0", used(7, 3), "0.0000072"),
    # 1000*0.02
    case(
        "bedrock titan embedding",
        AWS,
        "amazon.titan-embed-text-v2:0",
        used(1000, None),
        "0.00002",
        operation="embeddings",
    ),
    # 1000*0.15 + 100*0.60, by the name that bedrock-mantle has for it
    case("bedrock gpt-oss", AWS, "openai.gpt-oss-120b", used(1000, 100), "0.00021"),
    # Ten per cent more than in `global`: 1000*3.30 + 500*16.50
    case(
        "vertex sonnet in a region",
        VERTEX,
        "claude-sonnet-4-5@20250929",
        used(1000, 500),
        "0.01155",
        region="us-east5",
    ),
    # 1000*1.10 + 1000*0.11 + 10*5.50 = 1100 + 110 + 55
    case(
        "vertex haiku in a region, cached",
        VERTEX,
        "claude-haiku-4-5@20251001",
        used(2000, 10, cache_read_tokens=1000),
        "0.001265",
        region="us-east5",
    ),
    # No premium before Sonnet 4.5: 1000*15 + 100*75
    case(
        "vertex opus 4.1 in a region",
        VERTEX,
        "claude-opus-4-1@20250805",
        used(1000, 100),
        "0.0225",
        region="us-east5",
    ),
]


CACHED_TWO_WAYS = used(4004, 9, cache_read_tokens=1000, cache_write_tokens=3000, cache_write_1h_tokens=2000)
HEARD_AGAIN = used(1000, 2, cache_read_tokens=600, audio_input_tokens=800, audio_cache_read_tokens=500)

ATTACK_CASES = [
    # (1000*5 + 100*25) * 1.1
    case("opus kept in the US", ANTHROPIC, "claude-opus-4-6", used(1000, 100), "0.00825", region="us"),
    # anywhere: 1000*5 + 100*25
    case("opus anywhere", ANTHROPIC, "claude-opus-4-6", used(1000, 100), "0.0075", region="global"),
    # the one before it knows no such price: 1000*5 + 100*25
    case("opus 4.5 in the US", ANTHROPIC, "claude-opus-4-5-20251101", used(1000, 100), "0.0075", region="us"),
    # (4*5 + 1000*0.5 + 1000*6.25 + 2000*10 + 9*25) * 1.1 = (20 + 500 + 6250 + 20000 + 225) * 1.1
    case("opus in the US, cached", ANTHROPIC, "claude-opus-4-6", CACHED_TWO_WAYS, "0.0296945", region="us"),
    # fast and in the US: (1000*8 + 100*40) * 1.1
    case(
        "opus fast in the US",
        ANTHROPIC,
        "claude-opus-5-5",
        used(1000, 100),
        "0.0132",
        service_tier="fast",
        region="us",
    ),
    # above 100,000 tokens all at the higher price: 1*0.5 + 100000*0.05 + 10*2.5 = 0.5 + 5000 + 25
    case(
        "haiku above 100k by its cache",
        ANTHROPIC,
        "claude-haiku-5-5",
        used(100_001, 10, cache_read_tokens=100_000),
        "0.0050255",
    ),
    # 1000*0.15 + 100*1.25
    case("gemini flex", GOOGLE, "gemini-2.5-flash", used(1000, 100), "0.000275", service_tier="flex"),
    # text 100*0.3 and from the cache 100*0.03; audio 300*1 and from the cache 500*0.1; 2*2.5
    case("gemini audio from the cache", GOOGLE, "gemini-2.5-flash", HEARD_AGAIN, "0.000388"),
    # 10*0.3 + 2*2.5, and one grounded answer at 35 USD a thousand
    case(
        "gemini grounded once",
        GOOGLE,
        "gemini-2.5-flash",
        used(10, 2, tool_units={"web_search": 1}),
        "0.035008",
    ),
    # 10*1.5 + 2*9, and two searches at 14 USD a thousand
    case(
        "gemini 3 grounded by two searches",
        GOOGLE,
        "gemini-3.5-flash",
        used(10, 2, tool_units={"web_search": 2}),
        "0.028033",
    ),
    # camera frames: 100*0.75 + 258*1 + 50*4.5 = 75 + 258 + 225
    case("gemini live sees", GOOGLE, "gemini-3.8-live", used(358, 50, image_input_tokens=258), "0.000558"),
    # flex costs the same: 1000*0.59 + 100*0.79
    case("groq flex", GROQ, "llama-3.3-70b-versatile", used(1000, 100), "0.000669", service_tier="flex"),
    # 30*3 + 204*15 = 90 + 3060, and seven sources at 0.025
    case(
        "grok with its sources",
        XAI,
        "grok-4",
        used(30, 204, reasoning_tokens=200, tool_units={"live_search_sources": 7}),
        "0.17815",
    ),
    # three searches at 2 USD a thousand, no tokens
    case("cohere ranks", COHERE, "rerank-v3.5", used(0, 0, tool_units={"search_units": 3}), "0.006"),
    # 1200*0.05
    case("voyage ranks", VOYAGE, "rerank-2.5", used(1200, 0), "0.00006"),
    # priority: 800*5 + 200*0.5 + 60*30 = 4000 + 100 + 1800
    case(
        "gpt priority cached",
        OPENAI,
        "gpt-5.4",
        used(1000, 60, cache_read_tokens=200, reasoning_tokens=40),
        "0.0059",
        service_tier="priority",
    ),
    # above 272,000: 100001*4 + 172000*0.4 + 10*15 = 400004 + 68800 + 150
    case(
        "gpt long and cached",
        OPENAI,
        "gpt-6-sol",
        used(272_001, 10, cache_read_tokens=172_000),
        "0.468954",
    ),
]


@pytest.mark.parametrize(
    ("provider", "model", "usage", "usd", "at", "asked"),
    [
        *ATTACK_CASES,
        *ANTHROPIC_CASES,
        *OPENAI_CASES,
        *GOOGLE_CASES,
        *OTHER_CASES,
        *TIER_CASES,
        *REGION_CASES,
        *PIECE_CASES,
        *CLOUD_CASES,
    ],
)
def test_the_cost_is_exact_to_the_nano_dollar(
    provider: Provider, model: str, usage: Usage, usd: str, at: datetime, asked: dict[str, str]
) -> None:
    cost = BOOK.cost(provider=provider, model=model, usage=usage, at=at, **asked)
    assert cost.usd == Decimal(usd)
    assert cost.bound_usd == cost.usd
    assert cost.basis is CostBasis.LIST
    assert to_nusd(cost.usd) == Decimal(usd).scaleb(9)


@pytest.mark.parametrize(
    "model",
    ["application-inference-profile/a1b2", "provisioned-model/claude-sonnet-4-5", "imported-model/llama"],
)
def test_what_a_companys_own_arn_costs_is_unknown_and_never_free(model: str) -> None:
    arn = ARN.format("eu-west-1", f"123456789012:{model}")
    cost = BOOK.cost(provider=AWS, model=arn, usage=used(1000, 100), at=TODAY)
    assert cost.usd is None
    assert cost.bound_usd > 0


def test_counting_tokens_is_free() -> None:
    cost = BOOK.cost(
        provider=ANTHROPIC,
        model="claude-opus-4-1",
        usage=used(9000, None),
        at=TODAY,
        operation="count_tokens",
    )
    assert cost.usd == 0


def test_moderation_is_free_by_an_entry_not_by_silence() -> None:
    free = BOOK.cost(
        provider=OPENAI,
        model="omni-moderation-latest",
        usage=used(9000, 0),
        at=TODAY,
        operation="moderations",
    )
    assert free.usd == 0
    posing = BOOK.cost(provider=OPENAI, model="ft:gpt-99:moderation::id", usage=used(9000, 9), at=TODAY)
    assert posing.usd is None
    assert posing.bound_usd > 0


@pytest.mark.parametrize(
    ("model", "usage", "usd"),
    [
        # 12 of text at 5 USD a million, 323 of an image at 8, 1,056 drawn at 30: 60 + 2,584 + 31,680.
        pytest.param(
            "gpt-image-2",
            used(335, 1056, image_tokens=1056, image_input_tokens=323),
            "0.034324",
            id="an edited image",
        ),
        # 5 of text at 5, 1,584 drawn at 32, 116 written at 10: 25 + 50,688 + 1,160.
        pytest.param(
            "gpt-image-1.5",
            used(5, 1700, image_tokens=1584, image_input_tokens=0),
            "0.051873",
            id="an image with text",
        ),
    ],
)
def test_image_tokens_on_both_sides_have_their_own_prices(model: str, usage: Usage, usd: str) -> None:
    assert BOOK.cost(provider=OPENAI, model=model, usage=usage, at=TODAY).usd == Decimal(usd)
