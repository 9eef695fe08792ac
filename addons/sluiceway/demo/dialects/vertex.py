"""Claude on Vertex AI: Anthropic's Messages with the model in the path."""

from __future__ import annotations

import re

from sluiceway.demo.dialects import anthropic
from sluiceway.demo.exchange import Asked, Rejected, Reply, body_of
from sluiceway.demo.memory import Memory

_PATH = re.compile(
    r"/v1/projects/[^/]+/locations/[^/]+/publishers/anthropic/models/([^/:]+):(rawPredict|streamRawPredict)"
)


def call(asked: Asked, memory: Memory) -> Reply:
    """POST .../publishers/anthropic/models/{model}:rawPredict."""
    found, body = _PATH.fullmatch(asked.path), body_of(asked)
    if found is None:
        raise Rejected(404, "Publisher model was not found.")
    if "anthropic_version" not in body:
        raise Rejected(400, "anthropic_version: Field required")
    if found[1] == "count-tokens":
        return anthropic.counted(asked, body)
    message, usage = anthropic.message_for(asked, memory, {**body, "model": found[1]})
    return anthropic.reply(asked, message, usage, stream=body.get("stream") is True)
