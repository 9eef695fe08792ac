"""A judged request written for one target: its model, its provider's words, host and path, and the company's
keys for exactly there.

Each try starts from the request as it was judged, on a copy, so that nothing of one target, its key least of
all, is left when the next is written.
"""

from __future__ import annotations

from copy import copy
from dataclasses import replace

from sluiceway.errors import Refused, WireError
from sluiceway.gateway import injection, refusals
from sluiceway.gateway.body import Upload
from sluiceway.gateway.exchange import Exchange
from sluiceway.gateway.foreign import across
from sluiceway.gateway.parts import GatewayParts
from sluiceway.gateway.roads import road_to
from sluiceway.types import KeyClass, Target
from sluiceway.wire.anthropic_loop import without_lost_thoughts
from sluiceway.wire.cousins import as_cousin
from sluiceway.wire.dialect import Reading
from sluiceway.wire.quirks import fitted


def aim(judged: Exchange, upload: Upload, target: Target, parts: GatewayParts) -> tuple[Exchange, Upload]:
    """The exchange and the body for this target. Refused where it cannot go there as it is."""
    exchange, reading = copy(judged), upload.reading
    assert exchange.dialect and exchange.route
    path = exchange.path
    if target.model != (reading.call.model or ""):
        try:
            reading, path = exchange.dialect.with_model(reading, target.model)
        except WireError as error:
            if target.provider == exchange.provider.name:
                raise Refused(refusals.unreadable(error)) from None
            # A name that its own API could not have asked for; another one may.
            reading = replace(reading, call=replace(reading.call, model=target.model))
        exchange.upstream_path = path
    if target.provider != exchange.provider.name:
        reading = _at_another(exchange, reading, target, path, parts)
    exchange.call = reading.call
    if exchange.moved:
        injection.equip_elsewhere(exchange, parts)
    if exchange.key_class is KeyClass.COMPANY:
        reading = without_lost_thoughts(reading)
    if exchange.sealed and exchange.upstream_path not in (None, exchange.path):
        raise Refused(replace(refusals.SIGNED_ROUTE, rule=exchange.route_rule))
    return exchange, upload.limited(reading)


def aim_anew(exchange: Exchange, judged: Exchange, upload: Upload, model: str, parts: GatewayParts) -> Upload:
    """The exchange of an attempt led to another model of the provider that it is for, and the body for that.
    Its key and its place stay. Refused where the request cannot go there as it is; then nothing has
    changed."""
    there, aimed = aim(judged, upload, Target(exchange.provider.name, model), parts)
    exchange.call, exchange.dialect, exchange.crossing = there.call, there.dialect, there.crossing
    exchange.upstream_path, exchange.upstream_query = there.upstream_path, there.upstream_query
    exchange.upstream_dialect = there.upstream_dialect
    return aimed


def _at_another(
    exchange: Exchange, reading: Reading, target: Target, path: str, parts: GatewayParts
) -> Reading:
    """The request in the words of another provider, and the exchange led there."""
    contact = parts.contact
    provider = exchange.rules.providers.get(target.provider)
    rule = exchange.route_rule
    assert exchange.route
    call = reading.call
    if call.background:
        raise Refused(refusals.background_moved(rule, contact))
    there = None if provider is None else road_to(provider, exchange.route, path, call.model, call.stream)
    if provider is None or there is None or there.counted or provider.own_host is None:
        raise Refused(refusals.no_way(rule, target.provider, contact))
    exchange.move(provider, provider.own_host, there.path)
    if there.foreign is not None:
        return across(exchange, reading, there.foreign, parts)
    try:
        if there.cousin is not None:
            exchange.upstream_dialect, exchange.upstream_query = there.cousin, ""
            reading = as_cousin(reading, there.cousin)
        return fitted(reading, provider.quirks)
    except WireError as error:
        raise Refused(refusals.no_fit(rule, provider.name, error, contact)) from None
