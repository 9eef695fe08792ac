"""Reads the content blocks of the Messages API, a client's and a model's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluiceway.errors import WireError
from sluiceway.wire.fields import items, mapping
from sluiceway.wire.translation.losses import Losses
from sluiceway.wire.translation.neutral import (
    Document,
    Image,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from sluiceway.wire.translation.reading import arguments_of, need_object, need_text

_FILE = "the file is kept by Anthropic"


def cache_of(block: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The block's `cache_control`."""
    control = block.get("cache_control")
    return control if isinstance(control, dict) else None


def texts_of(content: object, where: str) -> tuple[Text, ...]:
    """Text alone: a string or text blocks. Raises WireError."""
    if content is None:
        return ()
    if isinstance(content, str):
        return (Text(content),)
    if not isinstance(content, list):
        raise WireError(f"{where}: must be a string or a list of blocks")
    blocks = [need_object(one, f"{where}[{number}]") for number, one in enumerate(content)]
    return tuple(
        Text(need_text(block, "text", f"{where}[{number}]"), cache_of(block))
        for number, block in enumerate(blocks)
    )


def parts_of(content: object, where: str, losses: Losses) -> tuple[Part, ...]:
    """The parts of a message. Raises WireError."""
    if not isinstance(content, list):
        raise WireError(f"{where}.content: must be a string or a list of blocks")
    parts: list[Part] = []
    for number, block in enumerate(content):
        if not isinstance(block, dict):
            raise WireError(f"{where}.content[{number}]: an object is required")
        if block.get("type") == "text" and isinstance(block.get("text"), str):
            parts.append(Text(block["text"], cache_of(block)))  # most of them, and all of it
        elif (part := _part(block, f"{where}.content[{number}]", losses)) is not None:
            parts.append(part)
    return tuple(parts)


def answer_part(block: Mapping[str, Any]) -> Part | None:
    """A block of an answer, None where it is Anthropic's alone."""
    kind = block.get("type")
    if kind == "text":
        return Text(str(block.get("text") or ""))
    if kind == "tool_use":
        arguments = block.get("input")
        text = arguments_of(arguments) if isinstance(arguments, dict) and arguments else ""
        return ToolCall(str(block.get("id") or ""), str(block.get("name") or ""), text)
    return _thinking(block)


def _part(block: Mapping[str, Any], where: str, losses: Losses) -> Part | None:
    kind = block.get("type")
    if kind == "text":
        return Text(need_text(block, "text", where), cache_of(block))
    if kind == "tool_use":
        return _call(block, where)
    if kind == "tool_result":
        return _result(block, where, losses)
    if kind == "image":
        return _image(block, where, losses)
    if kind == "document":
        return _document(block, where, losses)
    if (thinking := _thinking(block)) is not None:
        return thinking
    return _rare(block, losses)


def _call(block: Mapping[str, Any], where: str) -> ToolCall:
    found = block.get("input")
    return ToolCall(
        id=need_text(block, "id", where),
        name=need_text(block, "name", where),
        arguments=arguments_of({} if found is None else found),
        cache=cache_of(block),
    )


def _result(block: Mapping[str, Any], where: str, losses: Losses) -> ToolResult:
    content = block.get("content")
    if content is None or isinstance(content, str):
        parts: tuple[Part, ...] = (Text(content),) if content else ()
    else:
        parts = parts_of(content, where, losses)
    return ToolResult(
        id=need_text(block, "tool_use_id", where),
        parts=tuple(part for part in parts if isinstance(part, Text | Image | Document)),
        is_error=block.get("is_error") is True,
        cache=cache_of(block),
    )


def _thinking(block: Mapping[str, Any]) -> Thinking | None:
    kind = block.get("type")
    if kind == "thinking":
        signature = block.get("signature")
        said = str(block.get("thinking") or "")
        return Thinking(said, signature if isinstance(signature, str) else None, "anthropic")
    if kind == "redacted_thinking":
        return Thinking(vendor="anthropic", redacted=str(block.get("data") or ""))
    return None


def _image(block: Mapping[str, Any], where: str, losses: Losses) -> Image | None:
    source = need_object(block.get("source"), f"{where}.source")
    kind = source.get("type")
    if kind == "base64":
        data = need_text(source, "data", f"{where}.source")
        return Image(data, need_text(source, "media_type", f"{where}.source"), cache=cache_of(block))
    if kind == "url":
        return Image(url=need_text(source, "url", f"{where}.source"), cache=cache_of(block))
    losses.need("messages.image.source.file", _FILE)
    return None


def _document(block: Mapping[str, Any], where: str, losses: Losses) -> Document | None:
    source = need_object(block.get("source"), f"{where}.source")
    if mapping(block.get("citations")).get("enabled") is True:
        losses.drop("messages.document.citations", "the answer cites no places there")
    title, cache = block.get("title"), cache_of(block)
    name = title if isinstance(title, str) else None
    kind = source.get("type")
    if kind == "base64":
        data = need_text(source, "data", f"{where}.source")
        media = source.get("media_type")
        return Document(data, media if isinstance(media, str) else "application/pdf", title=name, cache=cache)
    if kind == "text":
        text = need_text(source, "data", f"{where}.source")
        return Document(media_type="text/plain", text=text, title=name, cache=cache)
    if kind == "url":
        return Document(url=need_text(source, "url", f"{where}.source"), title=name, cache=cache)
    if kind == "content":
        return Document(media_type="text/plain", text=_plain(source.get("content")), title=name, cache=cache)
    losses.need("messages.document.source.file", _FILE)
    return None


def _rare(block: Mapping[str, Any], losses: Losses) -> Part | None:
    """Blocks that are Anthropic's alone: what can be said in words is."""
    kind = str(block.get("type"))
    if kind == "search_result":
        text = f"{block.get('title') or ''}\n{block.get('source') or ''}\n{_plain(block.get('content'))}"
        return Text(text.strip())
    if kind == "compaction":
        return Text(str(block.get("content") or ""))
    if kind == "tool_reference":
        return Text(f"The tool {block.get('tool_name')} is available.")
    if kind == "container_upload":
        losses.need("messages.container_upload", _FILE)
    elif kind.endswith(("_tool_use", "_tool_result")):
        losses.drop("messages.server_tool", "what Anthropic's own tools did is not told there")
    else:
        losses.drop("messages.content", "a kind of block that is not known")
    return None


def _plain(content: object) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(str(mapping(one).get("text") or "") for one in items(content))
