"""Where a request could go, gathered for the rules: who takes it with a company key, and at what price."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, tzinfo

from sluiceway.gateway.parts import Rules
from sluiceway.gateway.roads import ANY_MODEL, road_to
from sluiceway.types import Facts, Provider, Route, Target, TokenPrice

MAX_REMEMBERED = 4096
HALF_HOUR_S = 1800


def with_outlook(
    facts: Facts, rules: Rules, route: Route | None, path: str, at: datetime, zone: tzinfo
) -> Facts:
    """The facts with all that routes may look at. Where there are no routes, nobody asks who takes it."""
    if not rules.policy.routes or route is None:
        return replace(facts, at=at, zone=zone)
    price = prices(rules, at)
    return replace(facts, at=at, zone=zone, reachable=takers(rules, facts.provider, route, path), price=price)


def takers(rules: Rules, asked: str, route: Route, path: str) -> Mapping[str, frozenset[str]]:
    """The providers that can take a request with this route and path at `asked`, with the dialects in which;
    others than that one only where the company has a key."""
    known = rules.roads.get((asked, route, path))
    if known is None:
        if len(rules.roads) >= MAX_REMEMBERED:
            rules.roads.clear()
        ways = {
            name: dialects_at(provider, route, path)
            for name, provider in rules.providers.items()
            if name == asked or rules.keys.key_for(name) is not None
        }
        known = rules.roads[asked, route, path] = {name: way for name, way in ways.items() if way}
    return known


def dialects_at(provider: Provider, route: Route, path: str) -> frozenset[str]:
    """In which dialects a request with this route and path at another provider can be sent to this one: its
    own where that is taken, else one that it is translated to."""
    road = road_to(provider, route, path, ANY_MODEL, stream=True)
    if route.dialect is None or provider.own_host is None or road is None:
        return frozenset()
    return frozenset({road.foreign or road.cousin or route.dialect})


def prices(rules: Rules, at: datetime) -> Callable[[Target], TokenPrice | None]:
    """What targets cost at that moment, to compare them: the same source for half an hour, so that what is
    worked out of it can be kept. Prices change at midnight, and DeepSeek's on the half hour."""
    half_hour = int(at.timestamp()) // HALF_HOUR_S
    if rules.tariff is not None and rules.tariff[0] == half_hour:
        return rules.tariff[1]

    def price(target: Target) -> TokenPrice | None:
        provider = rules.providers.get(target.provider)
        return None if provider is None else rules.prices.token_price(provider, target.model, at)

    rules.tariff = half_hour, price
    return price
