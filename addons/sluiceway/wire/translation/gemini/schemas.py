"""Google's own form of a schema (`parameters`, `responseSchema`: OpenAPI 3.0 with types in capitals) as JSON
schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluiceway.wire.translation.gemini.spelling import get

_KEPT = ("description", "title", "format", "enum", "default", "pattern", "minimum", "maximum")
_COUNTS = ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties")
_MOST_DEEP = 60


def from_google(schema: Mapping[str, Any], depth: int = 0) -> dict[str, Any]:
    """The same as JSON schema; what is no schema is an empty one, which anything fits."""
    if depth > _MOST_DEEP:
        return {}
    found: dict[str, Any] = {}
    kind = schema.get("type")
    if isinstance(kind, str) and not kind.startswith("TYPE_"):
        found["type"] = [kind.lower(), "null"] if schema.get("nullable") is True else kind.lower()
    elif isinstance(kind, list):
        found["type"] = [one.lower() for one in kind if isinstance(one, str)]
    found |= {name: schema[name] for name in _KEPT if schema.get(name) is not None}
    for name in _COUNTS:  # int64: written as text
        if (told := get(schema, name)) is not None:
            found[name] = int(told) if isinstance(told, str) and told.isdecimal() else told
    return found | _below(schema, depth + 1)


def _below(schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    properties = schema.get("properties")
    if isinstance(properties, dict):
        found["properties"] = {name: _one(value, depth) for name, value in properties.items()}
    if isinstance(required := schema.get("required"), list):
        found["required"] = required
    if isinstance(items := schema.get("items"), dict):
        found["items"] = from_google(items, depth)
    if isinstance(choices := get(schema, "anyOf"), list):
        found["anyOf"] = [_one(choice, depth) for choice in choices]
    return found


def _one(value: object, depth: int) -> dict[str, Any]:
    return from_google(value, depth) if isinstance(value, dict) else {}
