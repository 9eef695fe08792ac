"""Money for one attempt, by another model where a budget that is used up says so.

Only with the company's key, for what may be changed, and where no other rule is led around: the other model
must be allowed by the routes, looked at by no guard rule that did not look at the request, and its own caps
apply. Where any of this is not so, the no of the used-up budget stands.
"""

from __future__ import annotations

from sluiceway.errors import Refused
from sluiceway.gateway import auditing, injection
from sluiceway.gateway.aiming import aim_anew
from sluiceway.gateway.body import Upload
from sluiceway.gateway.exchange import Exchange
from sluiceway.gateway.parts import GatewayParts
from sluiceway.gateway.reservation import Admission, Estimate, UsedUp, reserve
from sluiceway.gateway.ways import Way
from sluiceway.policy import not_instead
from sluiceway.store.records import Granted
from sluiceway.types import KeyClass, LedgerRow


async def reserve_for(
    way: Way, parts: GatewayParts, admit: Admission | None = None
) -> tuple[LedgerRow, Granted, Estimate]:
    """The open row with the money for a way, which has what is sent then. Raises Refused."""
    exchange = way.exchange
    tried = {exchange.call.model if exchange.call else None}
    while True:
        row = exchange.row()
        try:
            granted, guess = await reserve(exchange, parts, row, admit)
        except UsedUp as used_up:
            model = used_up.degrade_to
            if model is None or model in tried or not _may_be(exchange, parts, model):
                raise
            tried.add(model)
            way.upload = _for_model(way, model, used_up, parts)
            if exchange.rules.audit is not None:
                await _considered_anew(exchange, parts, way.upload, row)
        else:
            way.judged = None
            return row, granted, guess


async def _considered_anew(exchange: Exchange, parts: GatewayParts, upload: Upload, row: LedgerRow) -> None:
    """Whether it is kept may depend on the model. What was held for the other one is let go."""
    if exchange.trail is not None:
        exchange.trail.ended(row)
        exchange.trail = None
    await auditing.consider(exchange, parts, upload)


def _may_be(exchange: Exchange, parts: GatewayParts, model: str) -> bool:
    """Whether this request may be answered by another model at all."""
    if exchange.key_class is not KeyClass.COMPANY or exchange.sealed or exchange.turn is not None:
        return False
    call, who, policy = exchange.call, exchange.principal, exchange.rules.policy
    assert call
    facts = injection.facts_of(exchange, parts)
    return not_instead(policy, who, call, facts, exchange.asked, model) is None


def _for_model(way: Way, model: str, used_up: UsedUp, parts: GatewayParts) -> Upload:
    """The request for the other model, at the same provider. Raises the no itself where it cannot be."""
    assert way.judged
    exchange = way.exchange
    try:
        upload = aim_anew(exchange, *way.judged, model, parts)
    except Refused:
        raise used_up from None
    exchange.route_rule = used_up.rule
    said = f"{used_up.rule}: used up, {model} answers"
    exchange.budget_warning = ", ".join(filter(None, (exchange.budget_warning, said)))
    return upload
