"""What of one request could not be told to another provider, so that routes leave that one out: told before
anything is decided, by the functions that write the request when it is sent.

Worked out only for targets that come into question, and once for each provider.
"""

from __future__ import annotations

from dataclasses import replace

from sluiceway.errors import WireError
from sluiceway.gateway.foreign import translated_for
from sluiceway.gateway.parts import Rules
from sluiceway.gateway.roads import Road, road_to
from sluiceway.types import Provider, Route, Target
from sluiceway.wire.dialect import Reading
from sluiceway.wire.quirks import unfit
from sluiceway.wire.translation import by_dialect
from sluiceway.wire.translation.losses import Losses


class Carrying:
    """One request, and what it would lose at each target. Called as `Facts.loses`."""

    def __init__(self, reading: Reading, rules: Rules, route: Route, path: str) -> None:
        self._reading, self._rules, self._route, self._path = reading, rules, route, path
        self._by_road: dict[tuple[str, str | None], str | None] = {}
        self._by_itself: str | None = None  # what no other API has, whichever it is

    def __call__(self, target: Target) -> str | None:
        """The fields, by the client's names for them; None: all arrives that has to."""
        provider = self._rules.providers.get(target.provider)
        if provider is None:
            return None
        stream = self._reading.call.stream
        road = road_to(provider, self._route, self._path, target.model, stream)
        if road is None or road.counted or road.cousin is not None:
            return None
        place = provider.name, road.foreign
        if place not in self._by_road:
            self._by_road[place] = self._lost(provider, target.model, road)
        return self._by_road[place]

    def _lost(self, provider: Provider, model: str, road: Road) -> str | None:
        if road.foreign is None:
            return unfit(self._reading, provider.quirks)
        if self._by_itself is not None:
            return self._by_itself
        losses = Losses()
        aimed = replace(self._reading, call=replace(self._reading.call, model=model))
        try:
            translated_for(aimed, road.foreign, provider, self._rules.policy.models, losses)
        except WireError:
            return None  # it is wrong by its own API, and whoever is asked says so
        if losses.essential:
            self._by_itself = self._lost_anywhere()
        return _named(losses)

    def _lost_anywhere(self) -> str | None:
        """What is lost as it is read: looked for once something is, so that others need not be tried."""
        losses, source = Losses(), by_dialect(self._reading.call.dialect)
        if source is not None:
            source.parse_request(self._reading.document, self._reading.target, losses)
        return _named(losses)


def _named(losses: Losses) -> str | None:
    return ", ".join(loss.field for loss in losses.essential) or None
