"""Where a request could go, gathered for the rules: who takes it with a company key, and at what price."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, tzinfo

from sluiceway.gateway.parts import Rules
from sluiceway.settings.providers import path_at
from sluiceway.types import Facts, Provider, Route, Target, TokenPrice

MAX_REMEMBERED = 4096


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
    """In which dialects a request with this route and path at another provider can be sent to this one."""
    if route.dialect is None or provider.own_host is None or path_at(provider, route, path) is None:
        return frozenset()
    return frozenset({route.dialect})


def prices(rules: Rules, at: datetime) -> Callable[[Target], TokenPrice | None]:
    """What targets cost at that moment; the same source for all of a minute, so that what is worked out of it
    can be kept."""
    minute = int(at.timestamp()) // 60
    if rules.tariff is not None and rules.tariff[0] == minute:
        return rules.tariff[1]

    def price(target: Target) -> TokenPrice | None:
        provider = rules.providers.get(target.provider)
        return None if provider is None else rules.prices.token_price(provider, target.model, at)

    rules.tariff = minute, price
    return price
