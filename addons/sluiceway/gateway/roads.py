"""Where a provider takes a request that was made to another one: of the same API, or of one that differs
only in where things stand."""

from __future__ import annotations

from dataclasses import dataclass

from sluiceway.settings.providers import path_at
from sluiceway.types import Provider, Route
from sluiceway.wire.cousins import cousin_of


@dataclass(frozen=True, slots=True)
class Road:
    """The path there; `cousin`: the dialect there, where it is not the client's."""

    path: str
    cousin: str | None = None


def road_to(provider: Provider, route: Route, path: str, model: str | None, stream: bool) -> Road | None:
    """The way of a request for `model` with this route and path. None: it is not taken there."""
    if (there := path_at(provider, route, path, model)) is not None:
        return Road(there)
    cousin = cousin_of(route, stream)
    there = None if cousin is None else path_at(provider, *cousin, model)
    return None if cousin is None or there is None else Road(there, cousin[0].dialect)
