"""Reads a request body as the JSON object that is judged, and notices bytes that could be read otherwise."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

import orjson

from sluiceway.errors import WireError

MAX_DEPTH = 200


def read_object(body: bytes) -> tuple[dict[str, Any], bytes]:
    """The object in `body`, and the bytes that mean exactly that object.

    Those are `body` itself, unless it repeats a key: readers differ on which of the two counts, so what we
    judged (the last) is written anew. Raises WireError for everything that is not one sound JSON object.
    """
    if not body:
        raise WireError("the body is empty; a JSON object is expected")
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise WireError(f"the body is not valid JSON (line {error.lineno}, column {error.colno})") from None
    if not isinstance(document, dict):
        raise WireError("the body is not a JSON object")
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH and _deeper_than(document, MAX_DEPTH):
        raise WireError(f"the body is nested more than {MAX_DEPTH} levels deep")
    written = write(document)
    # Most clients write compact JSON. What comes back byte for byte cannot have repeated a key,
    # and that costs a tenth of reading it again.
    if written == body or not _repeats_a_key(body):
        return document, body
    return document, written


def write(document: Mapping[str, Any]) -> bytes:
    """Compact JSON, as the official SDKs send it."""
    return orjson.dumps(document)


def _repeats_a_key(body: bytes) -> bool:
    repeated = False

    def look(pairs: list[tuple[str, object]]) -> dict[str, object]:
        nonlocal repeated
        found = dict(pairs)
        repeated = repeated or len(found) < len(pairs)
        return found

    json.loads(body, object_pairs_hook=look)
    return repeated


def _deeper_than(document: dict[str, Any], limit: int) -> bool:
    level = cast("list[dict[str, Any] | list[Any]]", [document])
    for _ in range(limit):
        if not level:
            return False
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, dict | list)
        ]
    return bool(level)
