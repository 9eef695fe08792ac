"""Writes the contents of a generateContent request from neutral turns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sluiceway.wire.translation.gemini.contents_in import NO_SIGNATURE
from sluiceway.wire.translation.ids import ANTHROPIC_LENGTH, fitted_id
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
from sluiceway.wire.translation.reading import object_of
from sluiceway.wire.translation.renaming import Names, wrapped

_OPENING = "(The beginning of the conversation is not shown.)"
_GO_ON = "Continue."
_TYPES = {"image/jpg": "image/jpeg", "audio/mp3": "audio/mp3"}


def contents_of(turns: Sequence[Message], names: Names, signed: bool, losses: Losses) -> list[dict[str, Any]]:
    """All turns, from a user's to a user's. `signed`: the first call of each answer needs a signature."""
    contents: list[dict[str, Any]] = []
    for turn in turns:
        role = "model" if turn.role == "assistant" else "user"
        parts = _parts(turn.parts, names, signed, losses)
        if not parts:
            continue
        if contents and contents[-1]["role"] == role:
            contents[-1]["parts"] += parts
        else:
            contents.append({"role": role, "parts": parts})
    if contents and contents[0]["role"] == "model":
        contents.insert(0, _user(_OPENING))
    if contents and contents[-1]["role"] == "model":
        losses.drop("messages: beginning of the answer", "the model starts anew instead of going on with it")
        contents.append(_user(_GO_ON))
    return contents


def _user(text: str) -> dict[str, Any]:
    return {"role": "user", "parts": [{"text": text}]}


def _parts(parts: Sequence[Part], names: Names, signed: bool, losses: Losses) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    shown: list[dict[str, Any]] = []  # pictures of results, behind all of these
    missing = signed
    for part in parts:
        match part:
            case Text():
                found.append({"text": part.text})
            case ToolCall():
                arguments = object_of(wrapped(part.arguments) if part.custom else part.arguments)
                found.append(call_part(part, names.of(part.name), arguments, missing))
                missing = False
            case ToolResult():
                found.append(_result(part, names, shown, losses))
            case Thinking():
                losses.drop("messages: thinking", "only the vendor whose model thought it can read it")
            case _:
                if (written := _media(part, losses)) is not None:
                    found.append(written)
    return found + shown


def call_part(call: ToolCall, name: str, arguments: dict[str, Any], signed: bool) -> dict[str, Any]:
    """A call with its own signature; with `signed` one without gets what stands for it."""
    told: dict[str, Any] = {"name": name, "args": arguments}
    if call.id:
        told["id"] = fitted_id(call.id, ANTHROPIC_LENGTH)
    if call.signature and call.vendor == "google":
        return {"functionCall": told, "thoughtSignature": call.signature}
    return {"functionCall": told, "thoughtSignature": NO_SIGNATURE} if signed else {"functionCall": told}


def _result(result: ToolResult, names: Names, shown: list[dict[str, Any]], losses: Losses) -> dict[str, Any]:
    texts = [part.text for part in result.parts if isinstance(part, Text)]
    media = [_media(part, losses) for part in result.parts if not isinstance(part, Text)]
    shown += [part for part in media if part is not None]
    text = "\n\n".join(texts) or ("(shown below)" if media else "")
    response = {"error" if result.is_error else "output": text}
    told: dict[str, Any] = {"name": names.of(result.name), "response": response}
    if result.id:
        told["id"] = fitted_id(result.id, ANTHROPIC_LENGTH)
    return {"functionResponse": told}


def _media(part: Part, losses: Losses) -> dict[str, Any] | None:
    if isinstance(part, Document) and part.text is not None:
        return {"text": f"{part.title}\n\n{part.text}" if part.title else part.text}
    if not isinstance(part, Image | Document | Media):
        return None
    if isinstance(part, Document) and part.title:
        losses.drop("messages: title of a document", "documents have none there")
    media = part.media_type or ("image/png" if part.url is None else _guessed(part.url))
    media = _TYPES.get(media, media)
    if part.url is not None:
        return {"fileData": {"mimeType": media, "fileUri": part.url}}
    return {"inlineData": {"mimeType": media, "data": part.data or ""}}


def _guessed(url: str) -> str:
    """Google wants to know what it will find: by the ending of the name."""
    ending = url.partition("?")[0].rpartition(".")[2].lower()
    return {"jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp", "gif": "image/gif"}.get(
        ending, "image/png"
    )
