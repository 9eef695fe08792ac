"""Money for one attempt, by another model where a budget that is used up says so.

Only with the company's key, for what may be changed, and where no other rule is led around: the other model
must be allowed by the routes, looked at by no guard rule that did not look at the request, and its own caps
apply. Where any of this is not so, the no of the used-up budget stands.
"""

from __future__ import annotations

from dataclasses import replace

from sluiceway.errors import WireError
from sluiceway.gateway import auditing, injection
from sluiceway.gateway.body import Upload
from sluiceway.gateway.exchange import Exchange
from sluiceway.gateway.parts import GatewayParts
from sluiceway.gateway.reservation import Admission, Estimate, UsedUp, reserve
from sluiceway.policy import asked, decide, kept_out
from sluiceway.settings.providers import path_at
from sluiceway.store.records import Granted
from sluiceway.types import KeyClass, LedgerRow, Target


async def reserve_for(
    exchange: Exchange, parts: GatewayParts, upload: Upload, admit: Admission | None = None
) -> tuple[Upload, LedgerRow, Granted, Estimate]:
    """What is sent, and its open row with the money. Raises Refused."""
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
            upload = _for_model(exchange, upload, model, used_up)
            if exchange.rules.audit is not None:
                await _considered_anew(exchange, parts, upload, row)
        else:
            return upload, row, granted, guess


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
    if not (policy.routes or policy.guard):
        return True
    facts, other = injection.facts_of(exchange, parts), replace(call, model=model)
    named, there = exchange.asked, Target(exchange.provider.name, model)
    as_asked = replace(call, model=named.model), replace(facts, provider=named.provider)
    if kept_out(policy, who, *as_asked, there) is not None:
        return False
    if decide(policy, who, other, facts).refusal is not None:
        return False
    return set(asked(policy, who, other, facts)) <= set(asked(policy, who, call, facts))


def _for_model(exchange: Exchange, upload: Upload, model: str, used_up: UsedUp) -> Upload:
    """The request for the other model, at the same provider. Raises the no itself where it cannot be."""
    assert exchange.dialect and exchange.route
    try:
        reading, path = exchange.dialect.with_model(upload.reading, model)
    except WireError:
        raise used_up from None
    there = path_at(exchange.provider, exchange.route, path) if exchange.moved else path
    if there is None:
        raise used_up
    if there != (exchange.upstream_path or exchange.path):
        exchange.upstream_path = there
    exchange.call, exchange.route_rule = reading.call, used_up.rule
    said = f"{used_up.rule}: used up, {model} answers"
    exchange.budget_warning = ", ".join(filter(None, (exchange.budget_warning, said)))
    return upload.limited(reading)
