"""Where a provider takes a request that was made to another one: of the same API, or of one that differs
only in where things stand."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sluiceway.gateway.foreign import foreign_path
from sluiceway.settings.providers import path_at
from sluiceway.types import Provider, Route
from sluiceway.wire.cousins import cousin_of


@dataclass(frozen=True, slots=True)
class Road:
    """The path there; `cousin`: the dialect there, where it is not the client's; `foreign`: the same where
    the request has to be translated; `counted`: to a question for the number of tokens, which is answered
    here, by an estimate, since each API counts in its own way."""

    path: str
    cousin: str | None = None
    foreign: str | None = None
    counted: bool = False


def road_to(provider: Provider, route: Route, path: str, model: str | None, stream: bool) -> Road | None:
    """The way of a request for `model` with this route and path. None: it is not taken there."""
    if (there := path_at(provider, route, path, model)) is not None:
        return Road(there)
    cousin = cousin_of(route, stream)
    there = None if cousin is None else path_at(provider, *cousin, model)
    if cousin is not None and there is not None:
        return Road(there, cousin[0].dialect)
    counts = route.operation == "count_tokens"
    found = foreign_path(provider, replace(route, operation="chat") if counts else route, model, stream)
    return None if found is None else Road(found[1], foreign=found[0], counted=counts)
