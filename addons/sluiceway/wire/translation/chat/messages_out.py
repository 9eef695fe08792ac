"""Writes the messages of Chat Completions from neutral turns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sluiceway.wire.translation import data_urls
from sluiceway.wire.translation.ids import CHAT_LENGTH, fitted_id
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
from sluiceway.wire.translation.renaming import Names, wrapped

_SOUNDS = {"audio/wav": "wav", "audio/x-wav": "wav", "audio/mp3": "mp3", "audio/mpeg": "mp3"}
_SHOWN = "What the tool call {} showed:"
_FAILED = "Error: "


type Ids = Callable[[str], str]


def chat_id(given: str) -> str:
    """An id of a call as OpenAI takes it."""
    return fitted_id(given, CHAT_LENGTH)


def messages_of(
    system: Sequence[Text], turns: Sequence[Message], names: Names, losses: Losses, ids: Ids = chat_id
) -> list[dict[str, Any]]:
    """All messages, instructions first."""
    messages: list[dict[str, Any]] = []
    if told := [text for text in system if text.text.strip()]:
        messages.append({"role": "system", "content": _joined(told)})
    for turn in turns:
        if turn.role == "assistant":
            messages += _answer(turn.parts, names, ids, losses)
        elif turn.role == "system":
            texts = [part for part in turn.parts if isinstance(part, Text)]
            messages.append({"role": "system", "content": _joined(texts)})
        else:
            messages += _said(turn.parts, ids, losses)
    return messages


def _answer(parts: Sequence[Part], names: Names, ids: Ids, losses: Losses) -> list[dict[str, Any]]:
    texts = [part for part in parts if isinstance(part, Text)]
    calls = [_call(part, names, ids) for part in parts if isinstance(part, ToolCall)]
    thoughts = sum(1 for part in parts if isinstance(part, Thinking))
    if thoughts:
        losses.drop("messages: thinking", "only the vendor whose model thought it can read it", thoughts)
    if not texts and not calls:
        return []
    message: dict[str, Any] = {"role": "assistant", "content": _joined(texts) if texts else None}
    if calls:
        message["tool_calls"] = calls
    return [message]


def _call(call: ToolCall, names: Names, ids: Ids) -> dict[str, Any]:
    arguments = wrapped(call.arguments) if call.custom else call.arguments or "{}"
    function = {"name": names.of(call.name), "arguments": arguments}
    return {"id": ids(call.id), "type": "function", "function": function}


def _said(parts: Sequence[Part], ids: Ids, losses: Losses) -> list[dict[str, Any]]:
    """Results are messages of their own and hold text alone: pictures follow in the user's message, behind
    all results, since nothing may stand between them."""
    messages: list[dict[str, Any]] = []
    content: list[dict[str, Any]] = []
    for part in parts:
        if isinstance(part, ToolResult):
            messages.append(_result(part, content, ids(part.id), losses))
        elif (written := _part(part, losses)) is not None:
            content.append(written)
    if len(content) == 1 and content[0]["type"] == "text":
        messages.append({"role": "user", "content": content[0]["text"]})
    elif content:
        messages.append({"role": "user", "content": content})
    return messages


def _result(result: ToolResult, content: list[dict[str, Any]], given: str, losses: Losses) -> dict[str, Any]:
    text = "\n\n".join(part.text for part in result.parts if isinstance(part, Text))
    if result.is_error and not text.lower().startswith("error"):
        text = _FAILED + text
    shown = [_part(part, losses) for part in result.parts if not isinstance(part, Text)]
    seen = [part for part in shown if part is not None]
    if seen:
        content += [{"type": "text", "text": _SHOWN.format(given)}, *seen]
        text = text or "(shown in the next message)"
    return {"role": "tool", "tool_call_id": given, "content": text}


def _part(part: Part, losses: Losses) -> dict[str, Any] | None:
    match part:
        case Text():
            return {"type": "text", "text": part.text}
        case Image():
            return _image(part)
        case Document():
            return _document(part, losses)
        case Media():
            return _sound(part, losses)
    return None


def _image(image: Image) -> dict[str, Any]:
    url = image.url or data_urls.render(image.media_type or "image/png", image.data or "")
    shown: dict[str, Any] = {"url": url} if image.detail is None else {"url": url, "detail": image.detail}
    return {"type": "image_url", "image_url": shown}


def _document(document: Document, losses: Losses) -> dict[str, Any] | None:
    if document.text is not None:
        text = f"{document.title}\n\n{document.text}" if document.title else document.text
        return {"type": "text", "text": text}
    if document.data is None:
        losses.need("messages: document by its URL", "this API does not fetch it")
        return None
    file = {
        "filename": document.title or "document.pdf",
        "file_data": data_urls.render(document.media_type, document.data),
    }
    return {"type": "file", "file": file}


def _sound(media: Media, losses: Losses) -> dict[str, Any] | None:
    form = _SOUNDS.get(media.media_type)
    if form is None or media.data is None:
        losses.need("messages: sound or film", "this API takes WAV and MP3")
        return None
    return {"type": "input_audio", "input_audio": {"data": media.data, "format": form}}


def _joined(texts: Sequence[Text]) -> str:
    return texts[0].text if len(texts) == 1 else "\n\n".join(text.text for text in texts)
