"""What is looked at before the work on a request begins, since it costs little: spent caps, loops."""

from __future__ import annotations

import time
from dataclasses import replace

from sluiceway.errors import Refused
from sluiceway.gateway import loops
from sluiceway.gateway.billing import FREE
from sluiceway.gateway.body import Upload
from sluiceway.gateway.exchange import Exchange
from sluiceway.gateway.parts import GatewayParts
from sluiceway.gateway.reservation import caps_of, floor_of, no_money
from sluiceway.policy.model import Loops
from sluiceway.store.alerts import Alert
from sluiceway.types import Target


def spent(exchange: Exchange, parts: GatewayParts, target: Target) -> None:
    """Refused where a cap on what goes to `target` is used up, whatever is found in the request. Where a cap
    may lead to another model, or the request goes out with another provider's key, that is seen later."""
    operation = exchange.operation
    if (
        exchange.dialect is None
        or exchange.call is None
        or operation in FREE
        or target.provider != exchange.provider.name
    ):
        return
    caps = caps_of(exchange, parts, exchange.counts_against_caps, target.model)
    if not caps or any(cap.on_exceed == "degrade" for cap in caps):
        return
    floor = floor_of(exchange, parts, replace(exchange.call, model=target.model))
    if (answer := parts.store.ledger.used_up(caps, floor)) is not None:
        parts.exhausted(answer.cap)
        raise Refused(no_money(answer, exchange, parts))


def circling(exchange: Exchange, parts: GatewayParts, upload: Upload, rule: Loops) -> None:
    """Counts the request's last message; who is in a loop is told of, once, and stopped
    where the rule says so."""
    dialect, who = exchange.dialect, exchange.principal
    assert dialect
    talk = exchange.conversation or (who.name, f"key {exchange.key_fingerprint}")
    circle = parts.loops.look(talk, dialect.segments(upload.reading), rule, time.monotonic())
    if circle is None:
        return
    if circle.new:
        parts.tell(_alert(exchange, circle.times, rule.on_loop))
    if rule.on_loop == "block":
        raise Refused(loops.refusal(circle, rule, parts.contact))


def _alert(exchange: Exchange, times: int, on_loop: str) -> Alert:
    who, call = exchange.principal, exchange.call
    detail = {
        "who": who.name,
        "team": who.team,
        "client": exchange.client.name,
        "provider": exchange.provider.name,
        "model": call.model if call else None,
        "times": times,
        "stopped": on_loop == "block",
        "request_id": exchange.request_id,
    }
    return Alert(f"loop|{exchange.request_id}", "loop", detail)
