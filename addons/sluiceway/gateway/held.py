"""Input that is not in the request: what the provider remembers of earlier turns is billed as input, too.

By the ledger's figures of the answer that is continued, else the most the model can be given.
"""

from __future__ import annotations

import asyncio
import sqlite3

from sluiceway.gateway.exchange import Exchange
from sluiceway.gateway.parts import GatewayParts
from sluiceway.pricing.estimate import PreviousInput


async def held_input(exchange: Exchange, parts: GatewayParts) -> PreviousInput | None:
    """The input that comes before the request's own bytes; None where there is none, or where the
    conversation's last call tells it."""
    call = exchange.call
    if call is None or not call.held_input:
        return None
    if call.previous_response_id is not None:
        known = await _of_answer(parts, call.previous_response_id)
        if known is not None:
            read, said = known
            return PreviousInput(read, 0, 0, said)
    if parts.conversations.last(exchange.conversation) is not None:
        return None
    most = exchange.rules.prices.context_tokens(exchange.provider, call.model)
    return PreviousInput(most * call.choices if call.operation == "batch" else most, 0, 0, 0)


async def _of_answer(parts: GatewayParts, response_id: str) -> tuple[int, int] | None:
    try:
        return await asyncio.to_thread(parts.store.deferred.last_usage, response_id)
    except sqlite3.Error:
        return None
