"""The providers, the day and the counts that pricing tests share."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sluiceway.pricing.book import PriceBook
from sluiceway.types import Provider, Usage, UsageSource


def provider(name: str, price_id: str, dialect: str) -> Provider:
    return Provider(name=name, hosts=(), routes=(), price_id=price_id, dialect=dialect)


ANTHROPIC = provider("anthropic", "anthropic", "anthropic_messages")
OPENAI = provider("openai", "openai", "openai_chat")
GOOGLE = provider("google", "google", "gemini")
XAI = provider("xai", "x-ai", "openai_chat")
DEEPSEEK = provider("deepseek", "deepseek", "openai_chat")
AWS = provider("bedrock", "aws", "bedrock_converse")
VERTEX = provider("vertex", "google", "anthropic_vertex")
NOWHERE = provider("inhouse", "no-such-price-list", "openai_chat")
BEDROCK = AWS
MISTRAL = provider("mistral", "mistral", "openai_chat")
COHERE = provider("cohere", "cohere", "cohere_chat")
VOYAGE = provider("voyage", "voyageai", "rerank")
GROQ = provider("groq", "groq", "openai_chat")
PROVIDERS = (ANTHROPIC, OPENAI, GOOGLE, XAI, DEEPSEEK, AWS, VERTEX, MISTRAL, COHERE, VOYAGE, GROQ, NOWHERE)

# After every price change these tests rely on; those that are about a date say so.
TODAY = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

SHIPPED = Path(__file__).parents[2] / "rules" / "prices.yaml"
BOOK = PriceBook.load(SHIPPED, PROVIDERS)


def used(input_tokens: int | None, output_tokens: int | None, **kinds: Any) -> Usage:
    kinds.setdefault("source", UsageSource.REPORTED)
    return Usage(input_tokens=input_tokens, output_tokens=output_tokens, **kinds)
