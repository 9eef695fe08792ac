"""Reads the input items of a Responses request: messages, calls, results, thoughts, tools among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sluiceway.errors import WireError
from sluiceway.wire.fields import items, mapping, maybe_list
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
from sluiceway.wire.translation.reading import arguments_of, need_object, need_text
from sluiceway.wire.translation.responses import own_tools

_FILE = "the file is kept by OpenAI"
_CALLS = {"local_shell_call": "local_shell", "shell_call": "shell", "apply_patch_call": "apply_patch"}
_KEPT = {
    "item_reference": "OpenAI keeps what it stands for",
    "compaction": "only OpenAI can read the conversation in it",
    "context_compaction": "only OpenAI can read the conversation in it",
}
# What OpenAI's own tools did, and what says nothing to a model.
_PASSED = frozenset(
    {
        *("web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call"),
        *("mcp_list_tools", "mcp_call", "mcp_approval_request", "mcp_approval_response"),
        *("tool_search_call", "computer_call", "computer_call_output", "program", "program_output"),
    }
)


@dataclass(slots=True)
class Conversation:
    """What the items say. `brought`: tools that came as items (Codex's `additional_tools`)."""

    system: list[Text] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    brought: list[Any] = field(default_factory=list)


def conversation_of(given: object, losses: Losses) -> Conversation:
    """The whole input. Raises WireError."""
    found = Conversation()
    if isinstance(given, str):
        found.messages.append(Message("user", (Text(given),)))
        return found
    if not isinstance(given, list):
        raise WireError("input: must be a string or a list")
    for number, one in enumerate(given):
        where = f"input[{number}]"
        item = need_object(one, where)
        kind = item.get("type") or ("message" if "role" in item else None)
        kind = kind if isinstance(kind, str) else ""
        if kind == "message":
            _message(item, where, found, losses)
        elif kind in ("additional_tools", "tool_search_output"):
            found.brought += maybe_list(item, "tools")
        elif (message := _turn(kind, item, where, losses)) is not None:
            found.messages.append(message)
    return found


def _message(item: Mapping[str, Any], where: str, found: Conversation, losses: Losses) -> None:
    role, content = item.get("role"), item.get("content")
    parts = _parts(content, where, losses)
    if role in ("system", "developer"):
        texts = [part for part in parts if isinstance(part, Text)]
        if found.messages:
            found.messages.append(Message("system", tuple(texts)))
        else:
            found.system += texts
    elif role in ("user", "assistant"):
        found.messages.append(Message("user" if role == "user" else "assistant", parts))
    else:
        raise WireError(f"{where}.role: must be system, developer, user or assistant")


def _turn(kind: str, item: Mapping[str, Any], where: str, losses: Losses) -> Message | None:
    if kind in ("function_call", "custom_tool_call"):
        return Message("assistant", (_call(item, where, kind == "custom_tool_call"),))
    if kind == "reasoning":
        return Message("assistant", (thinking_of(item),))
    if kind in _CALLS:
        return Message("assistant", (own_tools.call_in(item, _CALLS[kind]),))
    if kind.endswith("_output") and kind not in _PASSED:
        return Message("user", (_result(kind, item, where, losses),))
    if kind in _KEPT:
        losses.need(f"input.{kind}", _KEPT[kind])
    elif kind in _PASSED:
        losses.drop("input: OpenAI's own tools", "what they did is not told there")
    else:
        losses.drop("input", "a kind of item that is not known")
    return None


def _call(item: Mapping[str, Any], where: str, custom: bool) -> ToolCall:
    return ToolCall(
        id=need_text(item, "call_id", where),
        name=own_tools.joined(item.get("namespace"), need_text(item, "name", where)),
        arguments=_text(item.get("input" if custom else "arguments")),
        custom=custom,
    )


def _result(kind: str, item: Mapping[str, Any], where: str, losses: Losses) -> ToolResult:
    given, output = item.get("call_id") or item.get("id"), item.get("output")
    custom = kind == "custom_tool_call_output"
    failed = item.get("status") == "failed"
    if kind == "shell_call_output":
        parts: tuple[Part, ...] = tuple(Text(arguments_of(one)) for one in items(output))
    else:
        parts = _parts(output, where, losses) if output is not None else ()
    kept = tuple(part for part in parts if isinstance(part, Text | Image | Document | Media))
    return ToolResult(_text(given), kept, is_error=failed, custom=custom)


def thinking_of(item: Mapping[str, Any]) -> Thinking:
    """A reasoning item: the summary is what may be read, the rest is encrypted."""
    told = [mapping(one).get("text") for one in (*items(item.get("summary")), *items(item.get("content")))]
    sealed, given = item.get("encrypted_content"), item.get("id")
    return Thinking(
        "\n\n".join(text for text in told if isinstance(text, str)),
        vendor="openai",
        redacted=sealed if isinstance(sealed, str) and sealed else None,
        id=given if isinstance(given, str) else None,
    )


def answer_text(part: Mapping[str, Any]) -> Text | None:
    """A part of a message of the model's."""
    if part.get("type") == "refusal" or isinstance(part.get("refusal"), str):
        return Text(_text(part.get("refusal")), refusal=True)
    return Text(part["text"]) if isinstance(part.get("text"), str) else None


def _parts(content: object, where: str, losses: Losses) -> tuple[Part, ...]:
    if isinstance(content, str):
        return (Text(content),)
    if not isinstance(content, list):
        raise WireError(f"{where}: its content must be a string or a list of parts")
    found: list[Part] = []
    for number, one in enumerate(content):
        part = _part(need_object(one, f"{where}.content[{number}]"), f"{where}.content[{number}]", losses)
        if part is not None:
            found.append(part)
    return tuple(found)


def _part(part: Mapping[str, Any], where: str, losses: Losses) -> Part | None:
    kind = part.get("type")
    if kind in ("input_text", "output_text", "text", "summary_text"):
        return Text(need_text(part, "text", where))
    if kind == "refusal":
        return Text(need_text(part, "refusal", where), refusal=True)
    if kind == "input_image":
        return _image(part, where, losses)
    if kind == "input_file":
        return _file(part, losses)
    if kind == "input_audio":
        audio = need_object(part.get("input_audio"), f"{where}.input_audio")
        return Media(f"audio/{_text(audio.get('format')) or 'wav'}", need_text(audio, "data", where))
    losses.need("input.content", "a kind of part that is not known")
    return None


def _image(part: Mapping[str, Any], where: str, losses: Losses) -> Image | None:
    url, detail = _text(part.get("image_url")), _text(part.get("detail")) or None
    if (found := data_urls.parse(url)) is not None:
        return Image(found[1], found[0], detail=detail)
    if url.startswith(("https://", "http://")):
        return Image(url=url, detail=detail)
    if part.get("file_id"):
        losses.need("input.input_image.file_id", _FILE)
        return None
    raise WireError(f"{where}.image_url: must be an https or a base64 data URL")


def _file(part: Mapping[str, Any], losses: Losses) -> Document | None:
    name = _text(part.get("filename")) or None
    found = data_urls.parse(_text(part.get("file_data")))
    if found is not None:
        return Document(found[1], found[0], title=name)
    if url := _text(part.get("file_url")):
        return Document(url=url, title=name)
    losses.need("input.input_file.file_id", _FILE)
    return None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
