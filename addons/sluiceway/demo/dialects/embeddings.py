"""OpenAI's embeddings: floats, or base64 of little-endian 32-bit floats, which is what its SDK asks for."""

from __future__ import annotations

import struct
from base64 import b64encode
from typing import Any

import orjson

from sluiceway.demo import models
from sluiceway.demo.counting import tokens
from sluiceway.demo.dialects import family
from sluiceway.demo.exchange import Asked, Json, Rejected, Reply, body_of, new_id
from sluiceway.demo.headers import answer_headers
from sluiceway.demo.memory import Memory
from sluiceway.demo.vectors import vector

_DIMENSIONS = {"text-embedding-3-large": 3072}
_USUAL_DIMENSIONS = 1536


def create(asked: Asked, memory: Memory) -> Reply:
    """POST /v1/embeddings."""
    body = family.body_for(asked, body_of(asked))
    model = body.get("model")
    if not isinstance(model, str) or not models.knows(asked.provider, model):
        raise Rejected(404, f"The model `{model}` does not exist.", code="model_not_found")
    texts = _texts(body.get("input"))
    dimensions = int(body.get("dimensions") or _DIMENSIONS.get(model, _USUAL_DIMENSIONS))
    as_base64 = body.get("encoding_format") == "base64"
    data = [_entry(index, text, dimensions, as_base64) for index, text in enumerate(texts)]
    count = sum(_tokens(text) for text in texts)
    usage: Json = {"prompt_tokens": count, "total_tokens": count}
    if asked.provider == "voyage":
        usage = {"total_tokens": count}
    answer = {"object": "list", "data": data, "model": model, "usage": usage}
    if asked.provider == "mistral":
        answer["id"] = new_id("")
    request_id = new_id("req_")
    headers = answer_headers(asked.provider, request_id, asked.now)
    return Reply(200, request_id, headers, body=orjson.dumps(answer), usage=usage, model=model)


def _texts(value: Any) -> list[Any]:
    """The inputs: one text, one list of token numbers, or a list of either."""
    if isinstance(value, str) or (isinstance(value, list) and value and isinstance(value[0], int)):
        return [value]
    if not isinstance(value, list) or not value or not all(isinstance(item, str | list) for item in value):
        raise Rejected(400, "'$.input' is invalid.", param="input")
    return value


def _tokens(text: Any) -> int:
    return tokens(len(text.encode())) if isinstance(text, str) else len(text)


def _entry(index: int, text: Any, dimensions: int, as_base64: bool) -> Json:
    numbers = vector(orjson.dumps(text), dimensions)
    packed = b64encode(struct.pack(f"<{dimensions}f", *numbers)).decode() if as_base64 else None
    return {"object": "embedding", "index": index, "embedding": packed or numbers}
