"""Reads the contents of a generateContent request, and the parts of an answer."""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from typing import Any

from sluiceway.errors import WireError
from sluiceway.wire.fields import items, mapping
from sluiceway.wire.translation.gemini.spelling import get
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
from sluiceway.wire.translation.reading import arguments_of, need_object

NO_SIGNATURE = "skip_thought_signature_validator"
"""What stands for the signature of a call that no Gemini made (Google's docs, Thought signatures, FAQ)."""
_NO_SIGNATURES = frozenset({NO_SIGNATURE, "context_engineering_is_the_way_to_go"})
_OWN = ("executableCode", "codeExecutionResult", "toolCall", "toolResponse")
_KEPT = ("generativelanguage.googleapis.com/", "gs://")  # files that Google holds
_ROLES = {"user": "user", "function": "user", "model": "assistant"}


def messages_of(contents: list[Any], losses: Losses) -> list[Message]:
    """The turns. Raises WireError."""
    found: list[Message] = []
    for number, one in enumerate(contents):
        where = f"contents[{number}]"
        if isinstance(one, str):
            found.append(Message("user", (Text(one),)))
            continue
        content = need_object(one, where)
        role = _ROLES.get(str(content.get("role") or "user"))
        if role is None:
            raise WireError(f"{where}.role: must be user, model or function")
        parts = parts_of(content.get("parts"), f"{where}.parts", losses)
        found.append(Message("assistant" if role == "assistant" else "user", parts))
    return found


def texts_of(content: object, where: str) -> tuple[Text, ...]:
    """The words of an instruction: a content, or a string. Raises WireError."""
    if content is None:
        return ()
    if isinstance(content, str):
        return (Text(content),)
    told = need_object(content, where).get("parts")
    parts = told if isinstance(told, list) else [told]
    texts = (mapping(part).get("text") for part in parts)
    return tuple(Text(text) for text in texts if isinstance(text, str))


def parts_of(parts: object, where: str, losses: Losses) -> tuple[Part, ...]:
    """The parts of a turn. Raises WireError."""
    if parts is None:
        return ()
    if not isinstance(parts, list):
        parts = [parts]
    found = (
        _part(need_object(one, f"{where}[{number}]"), f"{where}[{number}]", losses)
        for number, one in enumerate(parts)
    )
    return tuple(part for part in found if part is not None)


def _part(part: Mapping[str, Any], where: str, losses: Losses) -> Part | None:
    if (said := answer_part(part)) is not None:
        return said
    if (response := get(part, "functionResponse")) is not None:
        return _result(need_object(response, f"{where}.functionResponse"), where, losses)
    if (data := get(part, "inlineData")) is not None:
        return _inline(need_object(data, f"{where}.inlineData"), where)
    if (file := get(part, "fileData")) is not None:
        return _file(need_object(file, f"{where}.fileData"), where, losses)
    if any(get(part, name) is not None for name in _OWN):
        losses.drop("contents: Google's own tools", "what they did is not told there")
    elif part.keys() - {"thoughtSignature", "thought_signature", "thought"}:
        losses.need("contents.parts", "a kind of part that is not known")
    return None


def answer_part(part: Mapping[str, Any]) -> Text | Thinking | ToolCall | None:
    """What a model said, thought or called; None where it is something else."""
    text = part.get("text")
    if isinstance(text, str):
        return Thinking(text, vendor="google") if part.get("thought") is True else Text(text)
    call = get(part, "functionCall")
    if not isinstance(call, dict):
        return None
    given, name, arguments = call.get("id"), call.get("name"), call.get("args")
    signature = get(part, "thoughtSignature")
    signed = isinstance(signature, str) and signature not in _NO_SIGNATURES
    return ToolCall(
        id=given if isinstance(given, str) else "",
        name=name if isinstance(name, str) else "",
        arguments=arguments_of(arguments) if isinstance(arguments, dict) and arguments else "",
        signature=signature if signed else None,
        vendor="google" if signed else None,
    )


def _result(response: Mapping[str, Any], where: str, losses: Losses) -> ToolResult:
    given, name, told = response.get("id"), response.get("name"), response.get("response")
    text, failed = _told(told if isinstance(told, dict) else {} if told is None else {"output": told})
    shown = parts_of(response.get("parts"), f"{where}.functionResponse.parts", losses)
    kept = (part for part in shown if isinstance(part, Text | Image | Document | Media))
    return ToolResult(
        id=given if isinstance(given, str) else "",
        parts=(*((Text(text),) if text else ()), *kept),
        is_error=failed,
        name=name if isinstance(name, str) else "",
    )


def _told(response: dict[str, Any]) -> tuple[str, bool]:
    """What a function gave, and whether it failed. By Google's reference `output` holds it, `error` what went
    wrong; any other object is the result itself."""
    if len(response) == 1:
        (name, value), *_ = response.items()
        if name in ("output", "result", "content", "error"):
            return value if isinstance(value, str) else arguments_of(value), name == "error"
    return arguments_of(response) if response else "", False


def _inline(data: Mapping[str, Any], where: str) -> Part:
    media, raw = get(data, "mimeType"), data.get("data")
    if not isinstance(media, str) or not isinstance(raw, str):
        raise WireError(f"{where}.inlineData: mimeType and data are required")
    standard = raw.replace("-", "+").replace("_", "/") if "-" in raw or "_" in raw else raw
    if media.startswith("image/"):
        return Image(standard, media)
    if media.startswith(("audio/", "video/")):
        return Media(media, standard)
    if media.startswith("text/"):
        return Document(media_type="text/plain", text=_decoded(standard, where))
    return Document(standard, media)


def _decoded(data: str, where: str) -> str:
    try:
        return binascii.a2b_base64(data).decode(errors="replace")
    except ValueError:
        raise WireError(f"{where}.inlineData.data: must be base64") from None


def _file(file: Mapping[str, Any], where: str, losses: Losses) -> Part | None:
    uri, media = get(file, "fileUri"), str(get(file, "mimeType") or "")
    if not isinstance(uri, str):
        raise WireError(f"{where}.fileData.fileUri: a string is required")
    if any(kept in uri for kept in _KEPT):
        losses.need("contents.fileData", "the file is kept by Google")
        return None
    if media.startswith("image/"):
        return Image(media_type=media, url=uri)
    if media.startswith(("audio/", "video/")) or not media:
        return Media(media or "video/*", url=uri)
    return Document(media_type=media, url=uri)


def answer_parts(content: object) -> tuple[Text | Thinking | ToolCall, ...]:
    """The parts of an answer; those of Google's own tools are left out."""
    found = (answer_part(mapping(one)) for one in items(mapping(content).get("parts")))
    return tuple(part for part in found if part is not None)
