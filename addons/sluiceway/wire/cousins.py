"""APIs that are the same but for where some of a request stands: Anthropic's Messages at Anthropic's own
host, and on Vertex AI, where the model is in the path and the version in the body.

An answer is the same, event by event. Facts from Anthropic's documents ("Claude on Vertex AI").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sluiceway.errors import WireError
from sluiceway.types import Route
from sluiceway.wire.dialect import Reading

MESSAGES, VERTEX = "anthropic_messages", "anthropic_vertex"
VERTEX_VERSION, MESSAGES_VERSION = "vertex-2023-10-16", "2023-06-01"
# What only Anthropic's own API does. (Anthropic docs, "Claude on Vertex AI": feature support)
_ONLY_THERE = ("container", "mcp_servers")


def cousin_of(route: Route, stream: bool) -> tuple[Route, str] | None:
    """A route of the cousin of this one's API, and a path like those there, of which only the verb counts.
    None: it has no cousin, or the cousin cannot do it."""
    if route.operation != "chat":
        return None
    if route.dialect == MESSAGES:
        return replace(route, dialect=VERTEX), ":streamRawPredict" if stream else ":rawPredict"
    if route.dialect == VERTEX:
        return replace(route, dialect=MESSAGES), "/v1/messages"
    return None


def as_cousin(reading: Reading, dialect: str) -> Reading:
    """The request as the cousin `dialect` takes it. Raises WireError naming what would be lost."""
    document, call = reading.document, reading.call
    if dialect == VERTEX:
        for name in _ONLY_THERE:
            if document.get(name) is not None:
                raise WireError(f"{name}: not taken there")
        body = {name: value for name, value in document.items() if name != "model"}
        return reading.rewritten(call, {**body, "anthropic_version": VERTEX_VERSION})
    body = {name: value for name, value in document.items() if name != "anthropic_version"}
    return reading.rewritten(call, {"model": call.model, **body, "stream": call.stream})


def headers_of(dialect: str | None) -> Mapping[str, str]:
    """Fields that the cousin wants besides, unless the client has sent them."""
    return {"anthropic-version": MESSAGES_VERSION} if dialect == MESSAGES else {}
