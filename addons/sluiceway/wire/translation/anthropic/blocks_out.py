"""Writes content blocks of the Messages API from neutral parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluiceway.wire.translation.ids import ANTHROPIC_LENGTH, fitted_id
from sluiceway.wire.translation.losses import Losses
from sluiceway.wire.translation.neutral import (
    Document,
    Image,
    Media,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from sluiceway.wire.translation.reading import object_of
from sluiceway.wire.translation.renaming import Names, wrapped

IMAGES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})


def text_block(text: Text) -> dict[str, Any]:
    """Words with their cache breakpoint."""
    if text.cache is None:
        return {"type": "text", "text": text.text}
    return {"type": "text", "text": text.text, "cache_control": text.cache}


def blocks_of(parts: tuple[Part, ...], names: Names, losses: Losses) -> list[dict[str, Any]]:
    """The blocks of a message; parts that Claude cannot be shown are left out as losses."""
    blocks = []
    for part in parts:
        block = text_block(part) if isinstance(part, Text) else _block(part, names, losses)
        if block is not None:
            blocks.append(block)
    return blocks


def _block(part: Part, names: Names, losses: Losses) -> dict[str, Any] | None:
    match part:
        case ToolCall():
            arguments = wrapped(part.arguments) if part.custom else part.arguments
            return _cached(call_block(part, names.of(part.name), object_of(arguments)), part.cache)
        case ToolResult():
            return _result(part, names, losses)
        case Thinking():
            return _thinking(part, losses)
        case Image():
            return _image(part, losses)
        case Document():
            return _document(part, losses)
        case Media():
            losses.need("messages: sound or film", "Claude takes neither")
    return None


def call_block(call: ToolCall, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """A call of a tool."""
    given = fitted_id(call.id, ANTHROPIC_LENGTH)
    return {"type": "tool_use", "id": given, "name": name, "input": arguments}


def thinking_block(thinking: Thinking) -> dict[str, Any]:
    """Thoughts of Claude's own."""
    if thinking.redacted is not None:
        return {"type": "redacted_thinking", "data": thinking.redacted}
    return {"type": "thinking", "thinking": thinking.text, "signature": thinking.signature or ""}


def _thinking(thinking: Thinking, losses: Losses) -> dict[str, Any] | None:
    if thinking.vendor == "anthropic" and (thinking.signature or thinking.redacted):
        return thinking_block(thinking)
    losses.drop("messages: thinking", "only the vendor whose model thought it can read it")
    return None


def _result(result: ToolResult, names: Names, losses: Losses) -> dict[str, Any]:
    block: dict[str, Any] = {
        "type": "tool_result",
        "tool_use_id": fitted_id(result.id, ANTHROPIC_LENGTH),
    }
    parts = [part for part in result.parts if not (isinstance(part, Text) and not part.text.strip())]
    only = parts[0] if len(parts) == 1 else None
    if isinstance(only, Text) and only.cache is None:
        block["content"] = only.text
    elif parts:
        block["content"] = blocks_of(tuple(parts), names, losses)
    if result.is_error:
        block["is_error"] = True
    return _cached(block, result.cache)


def _image(image: Image, losses: Losses) -> dict[str, Any] | None:
    if image.url is not None:
        return _cached({"type": "image", "source": {"type": "url", "url": image.url}}, image.cache)
    if image.media_type not in IMAGES:
        losses.need("messages: image", "Claude takes JPEG, PNG, GIF and WebP")
        return None
    source = {"type": "base64", "media_type": image.media_type, "data": image.data}
    return _cached({"type": "image", "source": source}, image.cache)


def _document(document: Document, losses: Losses) -> dict[str, Any] | None:
    source: dict[str, Any]
    if document.text is not None:
        source = {"type": "text", "media_type": "text/plain", "data": document.text}
    elif document.url is not None:
        source = {"type": "url", "url": document.url}
    elif document.media_type == "application/pdf":
        source = {"type": "base64", "media_type": "application/pdf", "data": document.data}
    else:
        losses.need("messages: document", "Claude takes PDF and plain text")
        return None
    block = {"type": "document", "source": source}
    if document.title:
        block["title"] = document.title
    return _cached(block, document.cache)


def _cached(block: dict[str, Any], cache: Mapping[str, Any] | None) -> dict[str, Any]:
    if cache is not None:
        block["cache_control"] = cache
    return block
