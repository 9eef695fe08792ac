"""Where a provider takes a request that was made to another one: of the same API, or of one that differs
only in where things stand."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sluiceway.gateway.foreign import foreign_path
from sluiceway.settings.providers import path_at
from sluiceway.types import Provider, Route
from sluiceway.wire.cousins import MESSAGES, cousin_of
from sluiceway.wire.translation.models import claude_version

ANY_MODEL = "model"  # stands in a path for the one that will be asked
CONVERSE, OPENAIS = "bedrock_converse", ("openai_chat", "openai_responses")


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
    if _takes(provider, route, model) and (there := path_at(provider, route, path, model)) is not None:
        return Road(there)
    cousin = cousin_of(route, stream)
    there = None if cousin is None else path_at(provider, *cousin, model)
    if cousin is not None and there is not None:
        return Road(there, cousin[0].dialect)
    counts = route.operation == "count_tokens"
    found = foreign_path(provider, replace(route, operation="chat") if counts else route, model, stream)
    return None if found is None else Road(found[1], foreign=found[0], counted=counts)


def _takes(provider: Provider, route: Route, model: str | None) -> bool:
    """Whether this API at this provider is for this model. At Bedrock each vendor's own API is for its own
    models, and Converse is for all. (AWS, Bedrock user guide, "Supported APIs")"""
    if model is None or not any(each.dialect == CONVERSE for each in provider.routes):
        return True
    is_claude = claude_version(model) is not None
    if route.dialect == MESSAGES:
        return is_claude or model == ANY_MODEL
    return not (is_claude and route.dialect in OPENAIS)
