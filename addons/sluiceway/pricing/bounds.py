"""Upper bounds in USD: of counts that cannot be priced exactly, and of a call before its answer."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

from sluiceway.pricing.rates import ZERO, Rates, highest
from sluiceway.types import Usage

type CacheWrites = Literal["5m", "1h"] | None

# One use of a tool without a price: the dearest image OpenAI documents (gpt-image-1, high, 1536x1024), more
# than any search or code session costs.
UNKNOWN_TOOL_USD = Decimal("0.25")
# What comes in larger numbers, at more than anybody's list price (Veo 2: 0.50 a second; ElevenLabs: 0.30 for
# 1,000 characters).
UNKNOWN_UNITS_USD = {
    "video_seconds": Decimal("0.75"),
    "audio_seconds": Decimal("0.01"),
    "characters": Decimal("0.0003"),
}


def most_of_usage(own: Rates | None, ceiling: Rates, usage: Usage) -> Decimal:
    """The most the known counts can cost: all input at the dearest kind present, all output likewise; where
    pieces are billed, at least one. `ceiling` steps in where the model's `own` rates are not known. Unknown
    counts add nothing."""
    if own and own.by_units:
        pieces = _most_of_tools(own, ceiling, usage.tool_units)
        return max(pieces, most_of_pieces(own, max(usage.input_tokens or 0, 0)))
    u, rates = usage, own.or_else(ceiling) if own else ceiling
    read, write = u.cache_read_tokens or 0, max(u.cache_write_tokens or 0, u.cache_write_1h_tokens or 0)
    audio_in, audio_out, image = u.audio_input_tokens or 0, u.audio_output_tokens or 0, u.image_tokens or 0
    inputs = max(u.input_tokens or 0, max(read, 0) + max(write, 0), audio_in)
    outputs = max(u.output_tokens or 0, u.reasoning_tokens or 0, audio_out)
    input_rate = highest(
        (
            rates.input,
            rates.cache_read if read else None,
            rates.cache_write if write else None,
            rates.cache_write_1h if u.cache_write_1h_tokens else None,
            rates.audio_input if audio_in else None,
            rates.image_input if image else None,
        )
    )
    output_rate = highest(
        (rates.output, rates.reasoning, rates.image_output, rates.audio_output if audio_out else None)
    )
    tokens = (input_rate or ZERO) * inputs + (output_rate or ZERO) * outputs
    return tokens.scaleb(-6) + rates.per_request + _most_of_tools(rates, ceiling, u.tool_units)


def _most_of_tools(rates: Rates, ceiling: Rates, units: Mapping[str, int]) -> Decimal:
    total = ZERO
    for tool, uses in units.items():
        if (each := rates.tools.get(tool)) is None:
            each = ceiling.tools.get(tool, _most_of_a_use(tool, ceiling))
        total += each * max(uses, 0)
    return total


def _most_of_a_use(tool: str, ceiling: Rates) -> Decimal:
    """Units that are tokens of another model (Anthropic's advisor) are named for it."""
    if tool.endswith("_input_tokens"):
        return (ceiling.input or ZERO).scaleb(-6)
    if tool.endswith("_output_tokens"):
        return (ceiling.output or ZERO).scaleb(-6)
    return UNKNOWN_UNITS_USD.get(tool, UNKNOWN_TOOL_USD)


def most_of_units(own: Rates | None, ceiling: Rates, units: Mapping[str, int]) -> Decimal:
    """The most that so many pieces can cost, which a request asks for before anybody draws or speaks them."""
    return _most_of_tools(own or ceiling, ceiling, units)


def most_of_pieces(rates: Rates, input_tokens: int) -> Decimal:
    """The most a call can cost that is billed by the piece, before anybody knows how many: its input is at
    most four characters a token, and of anything else there is one, at the price of the dearest image."""
    characters = rates.tools.get("characters", ZERO) * input_tokens * 4
    return max(characters, UNKNOWN_TOOL_USD, *rates.tools.values()) + rates.per_request


def unpriced(rates: Rates, output_tokens: int, cache_writes: CacheWrites) -> bool:
    """Whether a call needs a rate that is not known."""
    needed = [rates.input]
    if output_tokens:
        needed.append(rates.output)
    if cache_writes:
        needed.append(rates.cache_write)
    if cache_writes == "1h":
        needed.append(rates.cache_write_1h)
    return any(rate is None for rate in needed)  # `in` would compare decimals with None, slowly


def most_of_call(
    rates: Rates, input_tokens: int, output_tokens: int, cache_writes: CacheWrites, unasked_writes: bool
) -> Decimal:
    """The most a call of these tokens can cost: all input at the dearest kind it may be billed at.

    `unasked_writes`: the provider writes its cache without being asked. Audio input counts for models
    that speak; for others the estimate from its bytes is several times the 32 tokens a second that it is
    billed at (Google, "Understand and count tokens"), which covers its dearer rate.
    """
    speaks = rates.audio_output is not None and rates.audio_output != rates.output
    input_rate = highest(
        (
            rates.input,
            rates.cache_read,
            rates.cache_write if cache_writes or unasked_writes else None,
            rates.cache_write_1h if cache_writes == "1h" else None,
            rates.image_input,
            rates.audio_input if speaks else None,
        )
    )
    output_rate = highest((rates.output, rates.reasoning, rates.audio_output, rates.image_output))
    tokens = (input_rate or ZERO) * input_tokens + (output_rate or ZERO) * output_tokens
    return tokens.scaleb(-6) + rates.per_request
