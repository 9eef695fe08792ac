"""JSON schemas as each API takes them: of a tool's arguments, and of an answer.

Facts from OpenAI's guide to structured outputs and its errors ("schema must have type 'object' and not have
'oneOf'/'anyOf'/'allOf'/'enum'/'not' at the top level"; "array schema missing items"), and from Anthropic's
("'additionalProperties' must be explicitly set to false", a list of unsupported keywords).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from sluiceway.wire.fields import items

_CHOICES = ("anyOf", "oneOf", "allOf")
_NOT_AT_TOP = frozenset({*_CHOICES, "enum", "not", "if", "then", "else", "$ref"})
_BELOW = frozenset(
    ("items", "additionalProperties", "not", "contains", "propertyNames", "if", "then", "else")
)
_NAMED = frozenset(("properties", "$defs", "definitions", "patternProperties", "dependentSchemas"))
_LISTED = frozenset((*_CHOICES, "prefixItems"))
# What Anthropic's structured outputs do not take; such a bound goes into the description, in words.
_UNSUPPORTED = frozenset(
    {
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
        *("minLength", "maxLength", "maxItems", "uniqueItems", "minProperties", "maxProperties"),
        *("contains", "propertyNames", "patternProperties", "dependentSchemas", "not", "if", "then", "else"),
    }
)


def of_arguments(schema: Mapping[str, Any] | None) -> dict[str, Any]:
    """A schema for a tool's arguments: an object, with nothing at its top that APIs refuse there, and with
    `items` for each array. The same object where nothing is to be done."""
    if not schema:
        return {"type": "object", "properties": {}}
    if schema.get("type") == "object" and not _NOT_AT_TOP.intersection(schema):
        found = schema if "properties" in schema else {**schema, "properties": {}}
    else:
        found = _flat(schema)
    plain = found if isinstance(found, dict) else dict(found)
    # Writing it costs a quarter of walking through it, and most tools take no list.
    return _with_items(plain) if b'"array"' in orjson.dumps(plain) else plain


def _flat(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A choice between objects as one object that has what any of them has: a wider net, and the model still
    reads in the description what the choice was."""
    whole = {name: value for name, value in schema.items() if name not in _NOT_AT_TOP}
    properties: dict[str, Any] = dict(_object(schema.get("properties")))
    required: set[str] = set(_words(schema.get("required")))
    for kind in _CHOICES:
        variants = [one for one in items(schema.get(kind)) if isinstance(one, dict)]
        for variant in variants:
            properties = {**_object(variant.get("properties")), **properties}
        needs = [set(_words(variant.get("required"))) for variant in variants]
        if needs:
            required |= set.union(*needs) if kind == "allOf" else set.intersection(*needs)
    whole["type"], whole["properties"] = "object", properties
    if required:
        whole["required"] = sorted(required & properties.keys())
    return whole


def _with_items(node: dict[str, Any]) -> dict[str, Any]:
    """The schema with `items` where an array has none; the same object where none is missing. By what a node
    has, which is two or three fields, rather than by what it may have."""
    changed: dict[str, Any] = {}
    for name, value in node.items():
        mended: Any
        if isinstance(value, dict):
            mended = (
                _all_with_items(value) if name in _NAMED else _with_items(value) if name in _BELOW else value
            )
        elif isinstance(value, list) and name in _LISTED:
            items = [_with_items(one) if isinstance(one, dict) else one for one in value]
            mended = items if any(new is not old for new, old in zip(items, value, strict=True)) else value
        else:
            continue
        if mended is not value:
            changed[name] = mended
    kind = node.get("type")
    is_list = kind == "array" or (isinstance(kind, list) and "array" in kind)
    if is_list and "items" not in node and "prefixItems" not in node:
        changed["items"] = {}
    return {**node, **changed} if changed else node


def _all_with_items(named: dict[str, Any]) -> dict[str, Any]:
    mended = None
    for name, value in named.items():
        if isinstance(value, dict) and (found := _with_items(value)) is not value:
            mended = mended or dict(named)
            mended[name] = found
    return named if mended is None else mended


def is_strict_for_openai(schema: Any) -> bool:
    """Whether OpenAI takes it with `strict: true`: all objects closed, all properties required."""
    if not isinstance(schema, dict):
        return True
    if "properties" in schema or schema.get("type") == "object":
        names = _object(schema.get("properties")).keys()
        if schema.get("additionalProperties") is not False or set(_words(schema.get("required"))) != names:
            return False
    if any(
        kind in schema for kind in ("allOf", "oneOf", "not", "if", "patternProperties", "dependentSchemas")
    ):
        return False
    return all(is_strict_for_openai(below) for below in _children(schema))


def closed(schema: Any) -> Any:
    """As Anthropic takes it for structured output: every object closed, `oneOf` as `anyOf`, and the bounds
    that it refuses said in the description."""
    if not isinstance(schema, dict):
        return schema
    if isinstance(schema.get("$ref"), str):
        return {
            "$ref": schema["$ref"],
            **{name: _each(schema[name]) for name in ("$defs",) if name in schema},
        }
    kept: dict[str, Any] = {}
    bounds: dict[str, Any] = {}
    for name, value in schema.items():
        if name in _UNSUPPORTED or (name == "minItems" and value not in (0, 1)):
            bounds[name] = value
        elif name in _NAMED:
            kept[name] = _each(value)
        elif name in _LISTED and isinstance(value, list):
            kept["anyOf" if name == "oneOf" else name] = [closed(one) for one in value]
        elif name in _BELOW:
            kept[name] = closed(value)
        else:
            kept[name] = value
    if "properties" in schema or schema.get("type") == "object":
        kept["additionalProperties"] = False
    if bounds:
        told = orjson.dumps(bounds).decode()
        kept["description"] = f"{kept.get('description', '')} {told}".strip()
    return kept


def _each(value: Any) -> Any:
    return {key: closed(one) for key, one in value.items()} if isinstance(value, dict) else value


def _children(schema: Mapping[str, Any]) -> list[Any]:
    found = [schema[name] for name in _BELOW if isinstance(schema.get(name), dict)]
    for name in _NAMED:
        found += _object(schema.get(name)).values()
    for name in _LISTED:
        found += schema[name] if isinstance(schema.get(name), list) else []
    return found


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _words(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
