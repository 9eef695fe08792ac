"""The lists of models, in each provider's form."""

from __future__ import annotations

import orjson

from sluiceway.demo import models
from sluiceway.demo.exchange import Asked, Json, Reply, new_id
from sluiceway.demo.headers import answer_headers
from sluiceway.demo.memory import Memory

_RELEASED = 1_760_000_000  # any date will do; clients only show it


def listed(asked: Asked, memory: Memory) -> Reply:
    """GET /v1/models, or /v1beta/models."""
    form = {"anthropic": _anthropic, "gemini": _gemini}.get(asked.provider, _openai)
    request_id = new_id("req_")
    headers = answer_headers(asked.provider, request_id, asked.now)
    return Reply(200, request_id, headers, body=orjson.dumps(form(models.LISTED[asked.provider])))


def _openai(names: tuple[str, ...]) -> Json:
    data = [{"id": name, "object": "model", "created": _RELEASED, "owned_by": "system"} for name in names]
    return {"object": "list", "data": data}


def _anthropic(names: tuple[str, ...]) -> Json:
    created = "2025-10-01T00:00:00Z"
    data = [
        {"type": "model", "id": name, "display_name": name.title(), "created_at": created} for name in names
    ]
    return {"data": data, "has_more": False, "first_id": names[0], "last_id": names[-1]}


def _gemini(names: tuple[str, ...]) -> Json:
    methods = ["generateContent", "countTokens"]
    return {
        "models": [
            {
                "name": f"models/{name}",
                "version": "001",
                "displayName": name.title(),
                "inputTokenLimit": 1_048_576,
                "outputTokenLimit": 65_536,
                "supportedGenerationMethods": methods,
            }
            for name in names
        ]
    }
