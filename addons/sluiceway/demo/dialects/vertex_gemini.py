"""Google's own models on Vertex AI: Gemini below a project and a location; embeddings, Imagen by :predict."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import replace

import orjson

from sluiceway.demo.counting import tokens
from sluiceway.demo.dialects import gemini
from sluiceway.demo.exchange import Asked, Json, Rejected, Reply, body_of, new_id
from sluiceway.demo.headers import answer_headers
from sluiceway.demo.memory import Memory
from sluiceway.demo.vectors import vector

_PATH = re.compile(
    r"/v1(?:beta1)?/(?:projects/[^/]+/locations/[^/]+/)?publishers/google/models/([^/:]+):(\w+)"
)
_GEMINI_PREDICT = re.compile(r"/v1\w*/models/([^/:]+):(predict)")
_DIMENSIONS = 768
_PIXELS = b64encode(b"\x89PNG\r\n\x1a\n" + b"demo picture" * 400).decode()


def call(asked: Asked, memory: Memory) -> Reply:
    """POST .../publishers/google/models/{model}:{method}; in all but its path Vertex AI is Gemini's API."""
    found = _PATH.fullmatch(asked.path) or _GEMINI_PREDICT.fullmatch(asked.path)
    if found is None:
        raise Rejected(404, "Publisher model was not found.")
    model, method = found.groups()
    if method == "predict":
        return _predicted(asked, model, body_of(asked))
    return gemini.call(replace(asked, path=f"/v1/models/{model}:{method}"), memory)


def _predicted(asked: Asked, model: str, body: Json) -> Reply:
    instances, parameters = body["instances"], body.get("parameters") or {}
    if model.startswith("imagen"):
        drawn = int(parameters.get("sampleCount") or 4)
        predictions = [{"mimeType": "image/png", "bytesBase64Encoded": _PIXELS} for _ in range(drawn)]
        return _reply(asked, model, {"images": drawn}, {"predictions": predictions})
    found = [_embedding(str(instance["content"])) for instance in instances]
    counted = sum(one["embeddings"]["statistics"]["token_count"] for one in found)
    letters = sum(len(str(instance["content"])) for instance in instances)
    answer = {"predictions": found, "metadata": {"billableCharacterCount": letters}}
    return _reply(asked, model, {"promptTokenCount": counted}, answer)


def _embedding(text: str) -> Json:
    statistics = {"truncated": False, "token_count": tokens(len(text.encode()))}
    return {"embeddings": {"values": vector(text.encode(), _DIMENSIONS), "statistics": statistics}}


def _reply(asked: Asked, model: str, usage: Json, answer: Json) -> Reply:
    request_id = new_id("")
    headers = answer_headers("gemini", request_id, asked.now)
    return Reply(200, request_id, headers, body=orjson.dumps(answer), usage=usage, model=model)
