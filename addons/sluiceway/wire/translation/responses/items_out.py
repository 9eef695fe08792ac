"""Writes the input items of a Responses request from neutral turns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sluiceway.wire.translation import data_urls
from sluiceway.wire.translation.ids import RESPONSES_LENGTH, fitted_id
from sluiceway.wire.translation.losses import Losses
from sluiceway.wire.translation.neutral import (
    Document,
    Image,
    Media,
    Message,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from sluiceway.wire.translation.renaming import Names

_FAILED = "Error: "


def items_of(turns: Sequence[Message], names: Names, losses: Losses) -> list[dict[str, Any]]:
    """All items, in the order of the turns."""
    found: list[dict[str, Any]] = []
    for turn in turns:
        if turn.role == "assistant":
            found += [item for part in turn.parts if (item := _said(part, names, losses)) is not None]
        elif turn.role == "system":
            text = "\n\n".join(part.text for part in turn.parts if isinstance(part, Text))
            found.append({"role": "developer", "content": text})
        else:
            found += _asked(turn.parts, losses)
    return found


def _said(part: Part, names: Names, losses: Losses) -> dict[str, Any] | None:
    match part:
        case Text():
            return {"role": "assistant", "content": part.text}
        case ToolCall():
            return _call(part, names)
        case Thinking():
            return _thinking(part, losses)
    return None


def _call(call: ToolCall, names: Names) -> dict[str, Any]:
    given, name = fitted_id(call.id, RESPONSES_LENGTH), names.of(call.name)
    if call.custom:
        return {"type": "custom_tool_call", "call_id": given, "name": name, "input": call.arguments}
    return {"type": "function_call", "call_id": given, "name": name, "arguments": call.arguments or "{}"}


def _thinking(thinking: Thinking, losses: Losses) -> dict[str, Any] | None:
    if thinking.vendor != "openai" or thinking.redacted is None:
        losses.drop("messages: thinking", "only the vendor whose model thought it can read it")
        return None
    summary = [{"type": "summary_text", "text": thinking.text}] if thinking.text else []
    item = {"type": "reasoning", "summary": summary, "encrypted_content": thinking.redacted}
    return item if thinking.id is None else {**item, "id": thinking.id}


def _asked(parts: Sequence[Part], losses: Losses) -> list[dict[str, Any]]:
    """Results are items of their own, before what the user says."""
    found: list[dict[str, Any]] = []
    content: list[dict[str, Any]] = []
    for part in parts:
        if isinstance(part, ToolResult):
            found.append(_result(part, losses))
        elif (written := _part(part, losses)) is not None:
            content.append(written)
    if content:
        found.append({"role": "user", "content": content})
    return found


def _result(result: ToolResult, losses: Losses) -> dict[str, Any]:
    content = [written for part in result.parts if (written := _part(part, losses)) is not None]
    output: str | list[dict[str, Any]] = content
    if all(one["type"] == "input_text" for one in content):
        output = "\n\n".join(one["text"] for one in content)
        if result.is_error and not output.lower().startswith("error"):
            output = _FAILED + output
    elif result.is_error:
        output = [{"type": "input_text", "text": _FAILED.strip()}, *content]
    kind = "custom_tool_call_output" if result.custom else "function_call_output"
    return {"type": kind, "call_id": fitted_id(result.id, RESPONSES_LENGTH), "output": output}


def _part(part: Part, losses: Losses) -> dict[str, Any] | None:
    match part:
        case Text():
            return {"type": "input_text", "text": part.text}
        case Image():
            url = part.url or data_urls.render(part.media_type or "image/png", part.data or "")
            return {"type": "input_image", "image_url": url, "detail": part.detail or "auto"}
        case Document():
            return _document(part)
        case Media():
            losses.need("messages: sound or film", "this API takes neither")
    return None


def _document(document: Document) -> dict[str, Any]:
    if document.text is not None:
        text = f"{document.title}\n\n{document.text}" if document.title else document.text
        return {"type": "input_text", "text": text}
    if document.data is None:
        return {"type": "input_file", "file_url": document.url}
    data = data_urls.render(document.media_type, document.data)
    return {"type": "input_file", "filename": document.title or "document.pdf", "file_data": data}
