"""Writes a request anew: with other texts in it, for another model, or with less output."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

from sluiceway.errors import WireError
from sluiceway.types import Call
from sluiceway.wire import deployment
from sluiceway.wire.dialect import Reading
from sluiceway.wire.fields import need_model
from sluiceway.wire.parts import Path
from sluiceway.wire.walk import Parts, rewritten

_OF_CALL = tuple(field.name for field in fields(Call))


def replaced(
    reading: Reading,
    parts: Parts,
    changes: Mapping[Path, str],
    call_of: Callable[[Mapping[str, Any]], Call],
) -> Reading:
    """The request with the texts at these paths replaced; the same Reading if nothing differs.

    `call_of` reads a document without its headers. What it says otherwise of the new one replaces what the
    old one said; what came from headers, or was decided since (usage added, output limited), stays.
    """
    document = rewritten(reading.document, parts, changes)
    if document is reading.document:
        return reading
    before, after = call_of(reading.document), call_of(document)
    differing = {
        name: getattr(after, name)
        for name in _OF_CALL
        if getattr(reading.call, name) == getattr(before, name) != getattr(after, name)
    }
    return reading.rewritten(replace(reading.call, **differing), document)


def with_model(reading: Reading, model: str) -> tuple[Reading, str]:
    """The request for another model, where the body names it, or the path as a deployment does."""
    need_model({"model": model})
    target = deployment.at(reading.target, model)
    if target is not reading.target:
        reading = replace(reading, target=target, call=replace(reading.call, model=model))
        if "model" not in reading.document:
            return reading, target.path
    if reading.document.get("model") == model:
        return reading, target.path
    document = {**reading.document, "model": model}
    return reading.rewritten(replace(reading.call, model=model), document), target.path


def asks_less(reading: Reading, max_output_tokens: int, field: str) -> bool:
    """Whether the request's own output limit is no higher. Raises WireError where nothing would be left."""
    if max_output_tokens < 1:
        raise WireError(f"{field}: cannot be lowered below 1")
    asked = reading.call.max_output_tokens
    return asked is not None and asked <= max_output_tokens


def limited(reading: Reading, max_output_tokens: int, fields: Mapping[str, Any]) -> Reading:
    """The request with the fields that hold its output to so much."""
    call = replace(reading.call, max_output_tokens=max_output_tokens)
    return reading.rewritten(call, {**reading.document, **fields})
