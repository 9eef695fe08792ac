"""Reads the messages of Chat Completions, a client's and a model's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluiceway.errors import WireError
from sluiceway.wire.fields import items, mapping
from sluiceway.wire.translation import data_urls
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
from sluiceway.wire.translation.reading import need_object, need_text

_FILE = "the file is kept by OpenAI"


def messages_of(document: list[Any], losses: Losses) -> tuple[tuple[Text, ...], list[Message]]:
    """The instructions before the first turn, and the turns. Raises WireError."""
    system: list[Text] = []
    messages: list[Message] = []
    for number, one in enumerate(document):
        where = f"messages[{number}]"
        message = need_object(one, where)
        role = message.get("role")
        if role in ("system", "developer"):
            texts = _texts(message.get("content"), where)
            if messages:
                messages.append(Message("system", texts))
            else:
                system += texts
        else:
            messages.append(_message(role, message, where, losses))
    return tuple(system), messages


def _message(role: object, message: Mapping[str, Any], where: str, losses: Losses) -> Message:
    if role == "user":
        if message.get("name"):
            losses.drop("messages.name", "speakers have no names there")
        return Message("user", _parts(message.get("content"), where, losses))
    if role == "assistant":
        if message.get("audio"):
            losses.need("messages.audio", "the recording is kept by OpenAI")
        return Message("assistant", answer_parts(message, f"{where}."))
    if role == "tool":
        given = need_text(message, "tool_call_id", where)
        return Message("user", (ToolResult(given, _shown(message.get("content"), where, losses)),))
    if role == "function":
        name = need_text(message, "name", where)
        return Message("user", (ToolResult("", _texts(message.get("content"), where), name=name),))
    raise WireError(f"{where}.role: must be system, developer, user, assistant or tool")


def answer_parts(message: Mapping[str, Any], where: str = "") -> tuple[Part, ...]:
    """What a model said and called. With `where` (of a request) a wrong type is refused."""
    parts: list[Part] = []
    thought = message.get("reasoning_content") or message.get("reasoning")
    if isinstance(thought, str):
        parts.append(Thinking(thought))
    content = message.get("content")
    if isinstance(content, str):
        parts += (Text(content),) if content else ()
    elif isinstance(content, list):
        parts += pieces_of(content)
    elif content is not None and where:
        raise WireError(f"{where}content: must be a string, a list or null")
    if isinstance(refusal := message.get("refusal"), str) and refusal:
        parts.append(Text(refusal, refusal=True))
    parts += calls_of(message)
    return tuple(parts)


def calls_of(message: Mapping[str, Any]) -> list[ToolCall]:
    """The calls of a message, also as OpenAI wrote them before tools."""
    calls = [_call(mapping(one)) for one in items(message.get("tool_calls"))]
    old = mapping(message.get("function_call"))
    if not calls and isinstance(old.get("name"), str):
        calls.append(ToolCall("", old["name"], _text(old.get("arguments"))))
    return calls


def _call(call: Mapping[str, Any]) -> ToolCall:
    custom = mapping(call.get("custom"))
    if custom:
        return ToolCall(
            _text(call.get("id")), _text(custom.get("name")), _text(custom.get("input")), custom=True
        )
    function = mapping(call.get("function"))
    return ToolCall(_text(call.get("id")), _text(function.get("name")), _text(function.get("arguments")))


def pieces_of(content: list[Any]) -> list[Text | Thinking]:
    """What a model said in parts. Mistral's thoughts are a list of texts in one of them."""
    found = (_piece(mapping(one)) for one in content)
    return [part for part in found if part is not None and part.text]


def _piece(part: Mapping[str, Any]) -> Text | Thinking | None:
    if isinstance(part.get("refusal"), str):
        return Text(part["refusal"], refusal=True)
    if part.get("type") == "thinking":
        return Thinking("".join(_text(mapping(one).get("text")) for one in items(part.get("thinking"))))
    return Text(part["text"]) if isinstance(part.get("text"), str) else None


def _shown(content: object, where: str, losses: Losses) -> tuple[Text | Image | Document | Media, ...]:
    """A tool's result: text, and with some servers of this API pictures."""
    if content is None or isinstance(content, str):
        return _texts(content, where)
    parts = _parts(content, where, losses)
    return tuple(part for part in parts if isinstance(part, Text | Image | Document | Media))


def _texts(content: object, where: str) -> tuple[Text, ...]:
    if isinstance(content, str):
        return (Text(content),)
    if content is None:
        return ()
    if not isinstance(content, list):
        raise WireError(f"{where}.content: must be a string or a list of parts")
    parts = [need_object(one, f"{where}.content[{number}]") for number, one in enumerate(content)]
    return tuple(Text(need_text(part, "text", f"{where}.content[{n}]")) for n, part in enumerate(parts))


def _parts(content: object, where: str, losses: Losses) -> tuple[Part, ...]:
    if isinstance(content, str):
        return (Text(content),)
    if not isinstance(content, list):
        raise WireError(f"{where}.content: must be a string or a list of parts")
    found = (
        _part(need_object(one, f"{where}.content[{number}]"), f"{where}.content[{number}]", losses)
        for number, one in enumerate(content)
    )
    return tuple(part for part in found if part is not None)


def _part(part: Mapping[str, Any], where: str, losses: Losses) -> Part | None:
    kind = part.get("type")
    if kind == "text":
        return Text(need_text(part, "text", where))
    if kind == "image_url":
        return _image(need_object(part.get("image_url"), f"{where}.image_url"), where)
    if kind == "input_audio":
        audio = need_object(part.get("input_audio"), f"{where}.input_audio")
        return Media(f"audio/{_text(audio.get('format')) or 'wav'}", need_text(audio, "data", where))
    if kind == "file":
        return _file(need_object(part.get("file"), f"{where}.file"), losses)
    losses.need("messages.content", "a kind of part that is not known")
    return None


def _image(image: Mapping[str, Any], where: str) -> Image:
    url, detail = need_text(image, "url", f"{where}.image_url"), image.get("detail")
    asked = detail if isinstance(detail, str) else None
    if (found := data_urls.parse(url)) is not None:
        return Image(found[1], found[0], detail=asked)
    if not url.startswith(("https://", "http://")):
        raise WireError(f"{where}.image_url.url: must be an https or a base64 data URL")
    return Image(url=url, detail=asked)


def _file(file: Mapping[str, Any], losses: Losses) -> Document | None:
    found = data_urls.parse(_text(file.get("file_data")))
    if found is None:
        losses.need("messages.file.file_id", _FILE)
        return None
    return Document(found[1], found[0], title=_text(file.get("filename")) or None)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
