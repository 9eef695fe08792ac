"""The audit on the way of a request: kept by which rule, or answered with the notice, or left alone.

Without a clear yes (`audit/permit.py`) nothing is kept. Where only the person's acknowledgement is missing
the rule says what happens: the request is refused with the notice, or sent without being kept. A notice goes
out as a refusal, not as an answer in the assistant's place (docs/decisions/0010-the-notice-is-a-refusal.md).
"""

from __future__ import annotations

from sluiceway.audit.gate import Gate
from sluiceway.audit.notice import Notice
from sluiceway.audit.parts import Part, parts_of
from sluiceway.audit.subject import Subject
from sluiceway.errors import Refused, StoreError
from sluiceway.gateway.body import Upload
from sluiceway.gateway.exchange import Exchange
from sluiceway.gateway.injection import facts_of
from sluiceway.gateway.parts import GatewayParts
from sluiceway.gateway.refusals import NO_AUDIT
from sluiceway.gateway.trail import Trail
from sluiceway.policy.kinds.audit import Audit


async def consider(exchange: Exchange, parts: GatewayParts, upload: Upload) -> None:
    """Gives the request its trail where it is audited. Raises Refused with the notice, or for a sick disk."""
    gate = exchange.rules.audit
    assert gate and exchange.call
    who, began_at = exchange.principal, exchange.started_at
    rule = gate.rule_for(who, exchange.call, facts_of(exchange, parts), began_at)
    if rule is None:
        return
    try:
        permit, told = await gate.permit(rule, who, exchange.key_class, began_at)
        if permit.notice_due:
            await _tell(exchange, gate, rule)
    except StoreError:
        raise Refused(NO_AUDIT) from None
    if permit.state == "off" or told is None:
        return
    subject = Subject.of(
        rule,
        told,
        zone=gate.zone,
        request_id=exchange.request_id,
        attempt=exchange.turn or exchange.attempt,  # the turns of a socket share its request id, too
        started_at=began_at,
        person=who.name,
        team=who.team,
        key_class=exchange.key_class,
        provider=exchange.provider.name,
        model=exchange.call.model,
        client_name=exchange.client.name,
    )
    exchange.trail = Trail(gate.recorder, subject, _text(exchange, upload, rule))


async def begin(trail: Trail) -> None:
    """Just before the request is sent: the trace that a crash would otherwise erase. Refused without it."""
    try:
        await trail.begin()
    except StoreError:
        raise Refused(NO_AUDIT) from None


def _text(exchange: Exchange, upload: Upload, rule: Audit) -> tuple[Part, ...]:
    """The request's text as it is sent, after whatever the guard took out."""
    if rule.mode == "metadata" or exchange.dialect is None:
        return ()
    return parts_of(exchange.dialect.segments(upload.reading))


async def _tell(exchange: Exchange, gate: Gate, rule: Audit) -> None:
    given: Notice = gate.notices[rule.name]
    who = exchange.principal
    if rule.until_acknowledged == "send_unaudited":
        exchange.notice_link = given.link(gate.portal_url)
        return
    if who.kind == "service":
        raise Refused(given.refusal_of_service(who.name))  # nobody reads it, so nobody was told
    await gate.show(who.name, given, f"wire: {exchange.voice.name}")
    raise Refused(given.refusal(gate.portal_url))
