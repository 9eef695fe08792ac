"""What the providers' own price lists make of their own count, apart from the ledger and its prices."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from sluiceway.demo.exchange import Served
from sluiceway.demo.scenes.counting import tokens_billed

# USD for a million tokens of input and of output: Anthropic, Pricing; OpenAI, Pricing (November 2026).
LIST = {
    "claude-sonnet-4-6": (Decimal(3), Decimal(15)),
    "claude-haiku-4-5-20251001": (Decimal(1), Decimal(5)),
    "gpt-5.1-2025-11-13": (Decimal("1.25"), Decimal(10)),
}
MILLION = 10**6


def listed_usd(model: str, input_tokens: int, output_tokens: int) -> Decimal:
    """No cache is read or written in what this is asked for."""
    put_in, out = LIST[model]
    return (put_in * input_tokens + out * output_tokens) / MILLION


def billed_usd(served: Iterable[Served]) -> Decimal:
    """What a provider would write on its invoice."""
    return sum(
        (listed_usd(each.model or "", *tokens_billed(each.usage)) for each in served if each.usage),
        Decimal(0),
    )
