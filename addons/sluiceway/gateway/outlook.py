"""Where a request could go, gathered for the rules: who takes it with a company key, and at what price."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, tzinfo

from sluiceway.gateway.parts import Rules
from sluiceway.gateway.roads import road_to
from sluiceway.types import Facts, Provider, Route, Target, TokenPrice

MAX_REMEMBERED = 4096
ANY_MODEL = "model"  # stands in a path for the one that will be asked


def with_outlook(
    facts: Facts, rules: Rules, route: Route | None, path: str, at: datetime, zone: tzinfo
) -> Facts:
    """The facts with all that routes may look at. Where there are no routes, nobody asks who takes it."""
    if not rules.policy.routes or route is None:
        return replace(facts, at=at, zone=zone)
    price = prices(rules, at)
    return replace(facts, at=at, zone=zone, reachable=takers(rules, facts.provider, route, path), price=price)


def takers(rules: Rules, asked: str, route: Route, path: str) -> frozenset[str]:
    """The providers that can take a request with this route and path at `asked`; others than that one only
    where the company has a key."""
    known = rules.roads.get((asked, route, path))
    if known is None:
        if len(rules.roads) >= MAX_REMEMBERED:
            rules.roads.clear()
        known = rules.roads[asked, route, path] = frozenset(
            name
            for name, provider in rules.providers.items()
            if name == asked or (rules.keys.key_for(name) is not None and takes(provider, route, path))
        )
    return known


def takes(provider: Provider, route: Route, path: str) -> bool:
    """Whether a provider can take a request that has this route and path at another one, as it is."""
    return provider.own_host is not None and road_to(provider, route, path, ANY_MODEL, True) is not None


def prices(rules: Rules, at: datetime) -> Callable[[Target], TokenPrice | None]:
    """What targets cost at that moment."""

    def price(target: Target) -> TokenPrice | None:
        provider = rules.providers.get(target.provider)
        return None if provider is None else rules.prices.token_price(provider, target.model, at)

    return price
