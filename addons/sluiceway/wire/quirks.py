"""Fits a request to a provider that differs from the API it speaks, as its entry in providers.yaml says.

A field is renamed where it means the same under another name, and refused where the provider would not do
what it says. Nothing is left out, but for what asks for usage where it is told unasked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from sluiceway.errors import WireError
from sluiceway.types import Quirks
from sluiceway.wire.dialect import Reading
from sluiceway.wire.fields import mapping, maybe_object

CHAT = "openai_chat"
FAMILY = frozenset({CHAT, "openai_completions"})
ASKS = "stream_options"


def renamed(reading: Reading, quirks: Quirks) -> Reading:
    """The request with its fields named as the provider names them; the same object where none differs."""
    old = [name for name in quirks.renames if reading.document.get(name) is not None]
    if not old or reading.call.dialect != CHAT:
        return reading
    document = {name: value for name, value in reading.document.items() if name not in old}
    for name in old:
        new, value = quirks.renames[name], reading.document[name]
        if document.get(new) not in (None, value):
            raise WireError(f"{name} and {new}: both are given, and they differ")
        document[new] = value
    return reading.rewritten(reading.call, document)


def fitted(reading: Reading, quirks: Quirks) -> Reading:
    """A request that was written for another provider. Raises WireError naming what would be lost of it."""
    if reading.call.dialect not in FAMILY:
        return reading
    fit = _with_usage(_with_model(renamed(reading, quirks)), quirks)
    if quirks.thoughts == "handed_back":
        fit = _without_thinking(fit)
    if fit.call.dialect != CHAT:
        return fit
    if (name := _not_taken(fit.document, quirks)) is not None:
        raise WireError(f"{name}: not taken there")
    return fit


def _not_taken(document: Mapping[str, Any], quirks: Quirks) -> str | None:
    for name, value in document.items():
        if value is not None and (name in quirks.refuses or (quirks.takes and name not in quirks.takes)):
            return name
    return None


def unfit(reading: Reading, quirks: Quirks) -> str | None:
    """Which field of a request for a provider of the same API `fitted` would not write for this one, told
    without writing it."""
    if reading.call.dialect != CHAT:
        return None
    by_name = {quirks.renames.get(name, name): value for name, value in reading.document.items()}
    asks = mapping(by_name.get(ASKS)).get("include_usage") is True and not reading.call.usage_added
    if quirks.stream_usage == "never" and asks:
        return f"{ASKS}.include_usage"
    if quirks.stream_usage != "asked":
        by_name.pop(ASKS, None)
    return _not_taken(by_name, quirks)


def lacks_thoughts(document: Mapping[str, Any]) -> bool:
    """Whether a turn in it called tools, and does not say after which thoughts."""
    turns = document.get("messages")
    return isinstance(turns, list) and any(
        isinstance(turn, dict) and turn.get("tool_calls") and turn.get("reasoning_content") is None
        for turn in turns
    )


NO_THINKING: Mapping[str, str] = MappingProxyType({"type": "disabled"})


def _without_thinking(reading: Reading) -> Reading:
    """With thinking switched off where the provider would miss earlier thoughts. A client that says itself
    how to think is taken at its word."""
    document = reading.document
    told = document.get("thinking") is not None or document.get("reasoning_effort") is not None
    if told or not lacks_thoughts(document):
        return reading
    return reading.rewritten(reading.call, {**document, "thinking": dict(NO_THINKING)})


def _with_model(reading: Reading) -> Reading:
    """With the model in the body, where a request to a deployment may lack it."""
    if reading.call.model is None or reading.document.get("model") == reading.call.model:
        return reading
    return reading.rewritten(reading.call, {**reading.document, "model": reading.call.model})


def _with_usage(reading: Reading, quirks: Quirks) -> Reading:
    call, document = reading.call, reading.document
    options = maybe_object(document, ASKS)
    asks = options.get("include_usage") is True
    if quirks.stream_usage == "asked":
        if not call.stream or asks:
            return reading
        asked = {**document, ASKS: {**options, "include_usage": True}}
        return reading.rewritten(replace(call, usage_added=True), asked)
    if quirks.stream_usage == "never" and asks and not call.usage_added:
        raise WireError(f"{ASKS}.include_usage: not told there")
    if options.keys() - {"include_usage"}:
        return reading
    return reading.rewritten(call, {name: value for name, value in document.items() if name != ASKS})
