"""A company key that is a service account gets its token just before a request leaves; without one nothing
does."""

from __future__ import annotations

from sluiceway.audit.keyring import CompanyKey
from sluiceway.gateway import refusals
from sluiceway.gateway.exchange import Exchange
from sluiceway.gateway.minting import NotMinted
from sluiceway.gateway.parts import GatewayParts
from sluiceway.gateway.tokens import WAIT_S
from sluiceway.gateway.upstream import Failed

UNAUTHORIZED = 401


async def fill(exchange: Exchange, parts: GatewayParts, within_s: float | None = None) -> None:
    """Has the exchange's key say what is sent. Raises Failed where no token can be had in time."""
    key = exchange.company_key
    if key is None or key.account is None:
        return
    try:
        exchange.company_key = await parts.tokens.filled(key, WAIT_S if within_s is None else within_s)
    except NotMinted as error:
        raise _failed(exchange, key, error.why) from None


async def refill(exchange: Exchange, parts: GatewayParts) -> bool:
    """After a 401: whether the key has another token now, so that it is worth asking again. Raises Failed
    where the token was given up and no other can be had."""
    key = exchange.company_key
    if key is None or key.account is None:
        return False
    try:
        fresh = await parts.tokens.refilled(key)
    except NotMinted as error:
        raise _failed(exchange, key, error.why) from None
    exchange.company_key = fresh or key
    return fresh is not None


def _failed(exchange: Exchange, key: CompanyKey, why: str) -> Failed:
    lent_by = (each.rule for each in exchange.pool if each.key.fingerprint == key.fingerprint)
    refusal = refusals.no_token(exchange.provider.name, why, next(lent_by, None))
    return Failed(refusal, sent=False)
