"""What an answer cost: the provider's own count at its price, and an estimate for what it did not say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import ceil
from typing import Any

from sluiceway.gateway.exchange import Exchange
from sluiceway.gateway.parts import GatewayParts
from sluiceway.pricing import estimate, regions
from sluiceway.pricing.estimate import PreviousInput
from sluiceway.types import (
    Answer,
    Cost,
    CostBasis,
    KeyClass,
    LedgerRow,
    Provider,
    Usage,
    UsageSource,
    to_nusd,
)

# Documented as free of charge by the providers that offer it.
FREE = frozenset({"count_tokens", "moderation", "batch_file"})
# They bill by the name that was asked for, and their answers leave that out: AWS by the inference profile
# (`global.` costs less), Hugging Face by the server behind the model's colon.
BILLED_AS_ASKED = frozenset({"aws", "huggingface"})


# The fields of a row whose provider was never asked, or answered with an error or a count it does not bill.
COSTLESS: Mapping[str, Any] = {"cost_nusd": 0, "cost_basis": CostBasis.LIST, "charged_nusd": 0}


def billed(exchange: Exchange, parts: GatewayParts, row: LedgerRow, answer: Answer) -> dict[str, Any]:
    """The fields of usage and cost. What a cut answer did not say is estimated from what was seen; once it
    has told its final count, that is the bill, even if its last event never came."""
    call = exchange.call
    assert call
    reported = answer.usage.source is UsageSource.REPORTED
    final = reported and (answer.complete or not call.fixed_output)
    if call.operation in FREE:
        free = {"cost_as_requested_nusd": 0} if moved(row) else {}
        source = answer.usage.source if final else UsageSource.NONE
        return {**COSTLESS, **free, "usage_source": source}
    usage = answer.usage if final else _completed(exchange, parts, answer)
    tier = answer.service_tier or call.service_tier
    cost = exchange.rules.prices.cost(
        provider=exchange.provider,
        model=_priced_model(exchange, row, answer),
        usage=usage,
        at=row.started_at,
        service_tier=tier,
        region=regions.of_host(exchange.host) or answer.region or call.region,
        operation=call.operation,
        dialect=call.dialect,
        key_class=exchange.key_class,
    )
    told = reported and answer.complete
    cost = as_told(exchange.provider, exchange.key_class, cost, answer) if told else cost
    return {
        **figures(answer, usage, tier, cost),
        "response_id": answer.response_id,
        "cost_as_requested_nusd": _as_requested(exchange, row, usage, tier) if moved(row) else None,
        "charged_nusd": to_nusd(cost.bound_usd) if row.spends else 0,
    }


def figures(answer: Answer, usage: Usage, tier: str | None, cost: Cost) -> dict[str, Any]:
    """The fields of a row that tell an answer's usage and cost."""
    return {
        "model_served": answer.model,
        "service_tier": tier,
        "error_type": answer.error_type,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_tokens": usage.cache_read_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "cache_write_1h_tokens": usage.cache_write_1h_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "audio_input_tokens": usage.audio_input_tokens,
        "audio_output_tokens": usage.audio_output_tokens,
        "image_tokens": usage.image_tokens,
        "tool_units": usage.tool_units,
        "usage_source": usage.source,
        "cost_nusd": None if cost.usd is None else to_nusd(cost.usd),
        "cost_basis": cost.basis,
        "price_version": cost.price_version,
    }


def as_told(provider: Provider, key_class: KeyClass, cost: Cost, answer: Answer) -> Cost:
    """The provider's own figure where its entry says that it counts. A contract's price is not overruled: no
    answer knows of it."""
    told = answer.cost_usd
    if told is None or provider.quirks.cost != "reported" or cost.basis is CostBasis.CONTRACT:
        return cost
    basis = CostBasis.NOTIONAL if key_class is KeyClass.SUBSCRIPTION else CostBasis.LIST
    return Cost(told, told, basis, f"told by {provider.name}")


def _priced_model(exchange: Exchange, row: LedgerRow, answer: Answer) -> str | None:
    """The model that answered, or that was asked for where that has the price; behind AWS's prompt router it
    is the answer that says which."""
    call, provider = exchange.call, exchange.provider
    assert call
    as_asked = provider.price_id in BILLED_AS_ASKED and exchange.rules.prices.known(
        provider, call.model, row.started_at
    )
    return call.model if as_asked else answer.model or call.model


def moved(row: LedgerRow) -> bool:
    """Whether a rule sent the request elsewhere than the client asked."""
    return row.model_routed != row.model_requested or row.provider != row.provider_requested


def _as_requested(exchange: Exchange, row: LedgerRow, usage: Usage, tier: str | None) -> int | None:
    """What the same usage costs where the client wanted it, in nano-dollars; None: no price known for it.
    Another provider knows other tiers: there the one that was asked for counts, not the answer's."""
    call = exchange.call
    assert call
    stayed = row.provider == row.provider_requested
    cost = exchange.rules.prices.cost(
        provider=exchange.attachment.provider,
        model=row.model_requested,
        usage=usage,
        at=row.started_at,
        service_tier=tier if stayed else call.service_tier,
        region=regions.of_host(exchange.attachment.host) or call.region,
        operation=call.operation,
        dialect=call.dialect,
        key_class=exchange.key_class,
    )
    return None if cost.usd is None else to_nusd(cost.usd)


def _completed(exchange: Exchange, parts: GatewayParts, answer: Answer) -> Usage:
    """The usage of an answer that was cut: reported parts stay, the rest is estimated, never zero."""
    call, seen = exchange.call, answer.usage
    assert call
    if call.fixed_output:
        return _as_announced(exchange, parts, seen)
    output = parts.learned.output_from_bytes(answer.output_bytes, call.model or "")
    if call.max_output_tokens is not None:
        output = min(output, call.max_output_tokens * call.choices)
    return replace(
        seen,
        input_tokens=likely_input(exchange, parts) if seen.input_tokens is None else seen.input_tokens,
        output_tokens=max(output, seen.output_tokens or 0),
        source=UsageSource.ESTIMATED if seen.input_tokens is None else UsageSource.PARTIAL,
    )


def _as_announced(exchange: Exchange, parts: GatewayParts, seen: Usage) -> Usage:
    """An image or a recording is made whole and billed whole, however much of it the client took: what the
    answer did not tell is what the request announced."""
    call = exchange.call
    assert call
    output = (call.max_output_tokens or 0) * call.choices
    return replace(
        seen,
        input_tokens=likely_input(exchange, parts) if seen.input_tokens is None else seen.input_tokens,
        output_tokens=output if seen.output_tokens is None else seen.output_tokens,
        tool_units=seen.tool_units or call.units,
        source=UsageSource.ESTIMATED if seen.input_tokens is None else UsageSource.PARTIAL,
    )


def likely_input(exchange: Exchange, parts: GatewayParts) -> int:
    """Input tokens before the provider says: from the conversation's last call where there is one."""
    call = exchange.call
    assert call
    previous = exchange.held_input or parts.conversations.last(exchange.conversation)
    guess = estimate.input_tokens(call, previous)
    return ceil(guess * parts.learned.input_margin(call.model or ""))


def learn(exchange: Exchange, parts: GatewayParts, answer: Answer) -> None:
    """What this answer teaches about the next one of its model, client and conversation."""
    call, conversation = exchange.call, exchange.conversation
    assert call
    if call.operation in FREE:
        return  # counting a prompt says nothing about answers to it
    previous = exchange.held_input or parts.conversations.last(conversation)
    parts.learned.observe(call.model or "", exchange.client.name or "", call, answer, previous)
    told = answer.usage.input_tokens
    if conversation is not None and answer.complete and told is not None:
        said = answer.usage.output_tokens or 0
        parts.conversations.remember(
            conversation, PreviousInput(told, call.input_bytes, call.dense_bytes, said)
        )
