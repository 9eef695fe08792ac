"""The way of a request to a provider that speaks another API: whether there is one, and the request there."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache

from sluiceway.errors import Refused, WireError
from sluiceway.gateway import refusals
from sluiceway.gateway.crossing import Crossing
from sluiceway.gateway.exchange import Exchange
from sluiceway.gateway.parts import GatewayParts
from sluiceway.settings.models import Models
from sluiceway.settings.providers import path_at
from sluiceway.types import Provider, Route
from sluiceway.types import Target as Goal
from sluiceway.wire import by_name
from sluiceway.wire.body import write
from sluiceway.wire.cousins import VERTEX
from sluiceway.wire.dialect import Reading, Target
from sluiceway.wire.translation import by_dialect, reads_clients
from sluiceway.wire.translation.fitting import fit
from sluiceway.wire.translation.losses import Losses
from sluiceway.wire.translation.models import claude_version, wants_responses
from sluiceway.wire.translation.neutral import Message, Request, Text
from sluiceway.wire.translation.passage import Translation, translated
from sluiceway.wire.translation.translator import Aim, Asked

CHATS = frozenset({"chat", "generate_content"})
RESPONSES = "openai_responses"
_NOT_AN_ANSWER = ("/compact",)  # its answer is a conversation made shorter, in OpenAI's own form
_ANY_MODEL = "model"
_HELLO = Request(_ANY_MODEL, (Message("user", (Text("Hi"),)),))


def foreign_path(provider: Provider, route: Route, model: str | None, stream: bool) -> tuple[str, str] | None:
    """The dialect and the path of a request with this route at a provider of another API; None: there is no
    translation, or the provider has no chat."""
    if route.operation not in CHATS or route.pattern.endswith(_NOT_AN_ANSWER):
        return None
    if route.dialect is None or not reads_clients(route.dialect):
        return None
    for dialect in _spoken(provider, model):
        if dialect == route.dialect or (usual := _usual_path(dialect, model or _ANY_MODEL, stream)) is None:
            continue
        for operation in CHATS:
            like = replace(route, method="POST", dialect=dialect, operation=operation)
            if (path := path_at(provider, like, usual, model)) is not None:
                return dialect, path
    return None


def _spoken(provider: Provider, model: str | None) -> list[str]:
    """The dialects of a provider's chats, its main one first; but OpenAI's newest models do not reason beside
    tools in Chat Completions, and Claude on Vertex AI has an API of its own."""
    found = dict.fromkeys(
        route.dialect for route in provider.routes if route.dialect and route.operation in CHATS
    )
    first = provider.dialect
    if RESPONSES in found and wants_responses(model or ""):
        first = RESPONSES
    if VERTEX in found and claude_version(model or "") is not None:
        return [VERTEX]  # no other publisher has it
    return sorted(found, key=lambda dialect: dialect != first)


@lru_cache(maxsize=512)
def _usual_path(dialect: str, model: str, stream: bool) -> str | None:
    """The path by the API's own reference; None: nobody translates to it."""
    translator = by_dialect(dialect)
    if translator is None:
        return None
    return translator.render_request(_HELLO, Aim(model, stream=stream), Losses()).path


def translated_for(
    reading: Reading, dialect: str, provider: Provider, models: Models, losses: Losses, request_id: str = ""
) -> tuple[Translation, str]:
    """A client's request as that dialect has it, fitted to its provider, and the query. Raises WireError
    where the request is wrong by its own API."""
    source, target = by_dialect(reading.call.dialect), by_dialect(dialect)
    assert source is not None and target is not None
    model = reading.call.model or ""
    asked = Asked(datetime.now(UTC), request_id, model)
    offer = models.get(Goal(provider.name, model))
    most = None if offer is None else offer.model.max_output_tokens
    aim = Aim(model, stream=reading.call.stream, most_output_tokens=most)
    made = translated(source, target, reading.document, reading.target, aim, asked, losses)
    fit(made.rendered.document, dialect, provider.quirks, losses)
    if reading.call.usage_added:  # it is we who asked
        made = replace(made, asked=replace(made.asked, include_usage=False))
    return made, made.rendered.query


def across(exchange: Exchange, reading: Reading, dialect: str, parts: GatewayParts) -> Reading:
    """The request translated, and the exchange with its two sides. Refused where it would mean something else
    there. The exchange has been moved to the provider already."""
    provider, losses = exchange.provider, Losses()
    client = exchange.dialect
    assert client is not None
    try:
        models = exchange.rules.policy.models
        made, query = translated_for(reading, dialect, provider, models, losses, exchange.request_id)
        parts.metrics.translated(client.name, dialect, losses.counts())
        if losses.essential:
            rule = exchange.route_rule
            raise Refused(refusals.not_carried(rule, provider.name, losses.essential, parts.contact))
        spoken = by_name(dialect)
        at = Target("POST", exchange.upstream_path or "", query)
        there = spoken.read(at, {}, write(made.rendered.document), add_usage=False)
    except WireError as error:
        raise Refused(refusals.unreadable(error)) from None
    call = replace(there.call, conversation_id=reading.call.conversation_id)
    exchange.crossing = Crossing(made, client, reading.call, losses.all())
    exchange.dialect, exchange.upstream_dialect, exchange.upstream_query = spoken, dialect, query
    return replace(there, call=call)
