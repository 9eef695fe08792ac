"""Google's Code Assist: Gemini's answers in an envelope, and what Gemini CLI asks besides after a login."""

from __future__ import annotations

import re
from dataclasses import replace

import orjson

from sluiceway.demo.dialects import gemini
from sluiceway.demo.exchange import Asked, Json, Rejected, Reply, body_of
from sluiceway.demo.headers import answer_headers
from sluiceway.demo.memory import Memory

_METHOD = re.compile(r"/v1internal:(\w+)")
_ASIDE: dict[str, Json] = {
    "loadCodeAssist": {"currentTier": {"id": "standard-tier"}, "cloudaicompanionProject": "demo-project"},
    "onboardUser": {"done": True},
    "retrieveUserQuota": {"buckets": [{"modelId": "gemini-2.5-pro", "remainingFraction": 0.8}]},
    "recordCodeAssistMetrics": {},
    "listExperiments": {"experimentIds": []},
    "countTokens": {"totalTokens": 5},
}


def call(asked: Asked, memory: Memory) -> Reply:
    """POST /v1internal:{method}."""
    found = _METHOD.fullmatch(asked.path)
    method = found[1] if found else ""
    if method in _ASIDE:
        headers = answer_headers(asked.provider, "", asked.now)
        return Reply(200, "", headers, body=orjson.dumps(_ASIDE[method]))
    if method not in ("generateContent", "streamGenerateContent"):
        raise Rejected(404, f"Invalid URL ({asked.method} {asked.path})")
    body = body_of(asked)
    inside = replace(
        asked,
        path=f"/v1beta/models/{body['model']}:{method}",
        raw=orjson.dumps(body["request"]),
        query={**asked.query, "alt": "sse"},
    )
    return _enveloped(gemini.call(inside, memory))


def _enveloped(reply: Reply) -> Reply:
    if reply.events is None:
        return replace(reply, body=b'{"response":' + reply.body + b',"traceId":"demo"}')
    events = [_event(event) for event in reply.events]
    return replace(reply, events=events)


def _event(event: bytes) -> bytes:
    piece = event.removeprefix(b"data: ").rstrip()
    return b'data: {"response":' + piece + b',"traceId":"demo"}\r\n\r\n'
