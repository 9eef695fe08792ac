"""How many tokens a request has, where a route would send it to a provider of another API.

Clients ask this before they ask for an answer (Claude Code, to know when to compact). Each API counts in its
own way, most not at all, so the number is our own estimate, which leans high; a header says so.
"""

from __future__ import annotations

import orjson

from sluiceway.gateway.billing import likely_input
from sluiceway.gateway.exchange import Exchange
from sluiceway.gateway.parts import GatewayParts
from sluiceway.gateway.roads import road_to
from sluiceway.types import ErrorAnswer, Target
from sluiceway.wire.translation import by_dialect

ESTIMATED = ("x-sluiceway-estimated", "input_tokens")


def counted(exchange: Exchange, target: Target, parts: GatewayParts) -> ErrorAnswer | None:
    """The answer; None where the request is none, or goes to somebody who counts in its own API."""
    if exchange.operation != "count_tokens" or target.provider == exchange.provider.name:
        return None
    provider = exchange.rules.providers.get(target.provider)
    translator = by_dialect(exchange.dialect.name) if exchange.dialect else None
    if provider is None or translator is None or exchange.route is None:
        return None
    road = road_to(provider, exchange.route, exchange.path, target.model, stream=False)
    if road is None or not road.counted:
        return None
    body = orjson.dumps(translator.render_count(likely_input(exchange, parts)))
    return ErrorAnswer(200, (("content-type", "application/json"), ESTIMATED), body)
