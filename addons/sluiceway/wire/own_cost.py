"""What an answer says it cost. The provider knows its fees for searches and who served; a price list may not.

OpenRouter: `usage.cost` in USD, and with a key of one's own (`is_byok`) also what its provider charges,
`cost_details.upstream_inference_cost` (OpenRouter docs, "Usage Accounting"). Perplexity:
`usage.cost.total_cost`, its request fee included (Perplexity API reference, Chat Completions). xAI:
`usage.cost_in_usd_ticks`, ten thousand million a dollar (xAI API reference, Chat and Responses).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from math import isfinite
from typing import Any

from sluiceway.wire.fields import count, mapping

MAX_USD = 100_000  # no answer costs more; what says so is no amount in USD


def own_cost(usage: Mapping[str, Any]) -> Decimal | None:
    """In USD; None where the answer does not say."""
    ticks = count(usage.get("cost_in_usd_ticks"))
    if ticks is not None:
        return _bounded(Decimal(ticks).scaleb(-10))
    told = usage.get("cost")
    if isinstance(told, dict):
        return _usd(told.get("total_cost"))
    fee = _usd(told)
    if fee is None or usage.get("is_byok") is not True:
        return fee
    upstream = _usd(mapping(usage.get("cost_details")).get("upstream_inference_cost"))
    return None if upstream is None else fee + upstream


def _usd(value: object) -> Decimal | None:
    """A JSON number as the decimal it was written as: 0.0001 is not the nearest binary fraction."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        return None
    return _bounded(Decimal(repr(value)))


def _bounded(usd: Decimal) -> Decimal | None:
    return usd if 0 <= usd < MAX_USD else None
