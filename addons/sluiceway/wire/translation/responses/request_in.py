"""Reads a request to the Responses API into the neutral form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from sluiceway.errors import WireError
from sluiceway.wire.dialect import Target
from sluiceway.wire.fields import flag, items, mapping, maybe_list, maybe_object, need_model, whole, word
from sluiceway.wire.translation.effort import EFFORTS
from sluiceway.wire.translation.losses import Losses
from sluiceway.wire.translation.neutral import (
    Format,
    Message,
    Part,
    Reasoning,
    Request,
    Sampling,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
)
from sluiceway.wire.translation.reading import (
    drop_unknown,
    maybe_flag,
    maybe_number,
    maybe_text,
    need_object,
    need_text,
)
from sluiceway.wire.translation.responses.items_in import conversation_of
from sluiceway.wire.translation.responses.own_tools import OWN, joined, ungrouped

_ESSENTIAL = {
    "previous_response_id": "the conversation before it is kept by OpenAI",
    "conversation": "it is kept by OpenAI",
    "prompt": "the prompt is kept by OpenAI",
    "background": "answers are given at once there",
    "top_logprobs": "the answer would lack them",
    "moderation": "OpenAI does it",
}
_DROPPED = {
    "context_management": "old turns are not pruned there",
    "max_tool_calls": "there is no such setting",
    "store": "answers are not kept there",
}
# What only says how OpenAI is to work, keep or bill; nothing of it is part of the question.
_QUIET = (
    *("prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "stream_options", "truncation"),
    *("safety_identifier", "client_metadata", "include", "access_programs", "background_options", "generate"),
)
_KNOWN = frozenset(
    {
        *("model", "input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "stream", "user"),
        *("max_output_tokens", "temperature", "top_p", "metadata", "text", "reasoning", "service_tier"),
        *(*_ESSENTIAL, *_DROPPED, *_QUIET),
    }
)
_TIERS = {"auto": "auto", "default": "standard", "flex": "flex", "priority": "priority", "fast": "fast"}
_LOGPROBS = "message.output_text.logprobs"


def parse_request(document: Mapping[str, Any], target: Target, losses: Losses) -> Request:
    """Raises WireError naming the field that is wrong."""
    _count_losses(document, losses)
    found = conversation_of(document.get("input"), losses)
    told = maybe_text(document, "instructions")
    given = [*maybe_list(document, "tools"), *found.brought]
    tools, renamed = ungrouped(tuple(_tools(given, "tools", losses)))
    form = maybe_object(document, "text")
    return Request(
        model=need_model(document),
        messages=_renamed(found.messages, renamed),
        system=(*((Text(told),) if told else ()), *found.system),
        tools=tools,
        tool_choice=_choice(document.get("tool_choice"), renamed),
        parallel_calls=maybe_flag(document, "parallel_tool_calls"),
        max_output_tokens=whole(document, "max_output_tokens"),
        sampling=Sampling(maybe_number(document, "temperature"), maybe_number(document, "top_p")),
        format=_format(maybe_object(form, "format")),
        reasoning=_reasoning(maybe_object(document, "reasoning")),
        stream=flag(document, "stream"),
        tier=_TIERS.get(str(document.get("service_tier"))),
        user=maybe_text(document, "safety_identifier") or maybe_text(document, "user"),
        metadata=maybe_object(document, "metadata"),
        verbosity=_verbosity(form.get("verbosity")),
    )


def _count_losses(document: Mapping[str, Any], losses: Losses) -> None:
    for name, why in _ESSENTIAL.items():
        if document.get(name):
            losses.need(name, why)
    for name, why in _DROPPED.items():
        if document.get(name):
            losses.drop(name, why)
    if _LOGPROBS in maybe_list(document, "include"):
        losses.need("include", "the answer would lack the log probabilities")
    drop_unknown(document, _KNOWN, losses)


def _tools(given: list[Any], where: str, losses: Losses, group: str = "") -> Iterator[Tool]:
    for number, one in enumerate(given):
        tool = need_object(one, f"{where}[{number}]")
        kind = tool.get("type", "function")
        if kind == "function":
            yield _function(tool, f"{where}[{number}]", group)
        elif kind == "custom":
            yield _custom(tool, f"{where}[{number}]", group)
        elif kind == "namespace" and not group:
            name = need_text(tool, "name", f"{where}[{number}]")
            told = maybe_text(tool, "description", f"{where}[{number}].")
            inside = _tools(maybe_list(tool, "tools"), f"{where}[{number}].tools", losses, name)
            yield from _introduced(inside, name, told)
        elif isinstance(kind, str) and kind in OWN and _runs_here(tool):
            yield OWN[kind]
        else:
            _lose(kind, tool, losses)


def _introduced(tools: Iterator[Tool], group: str, told: str | None) -> Iterator[Tool]:
    """The tools of a group, which no other API has: what is said of it stands with the first of them."""
    for number, tool in enumerate(tools):
        if number == 0 and told:
            of_all = f"About all tools of the group '{group}': {told}"
            tool = replace(tool, description="\n\n".join(filter(None, (tool.description, of_all))))
        yield tool


def _runs_here(tool: Mapping[str, Any]) -> bool:
    """A shell may be the client's, or a container of OpenAI's."""
    return mapping(tool.get("environment")).get("type") in (None, "local")


def _lose(kind: object, tool: Mapping[str, Any], losses: Losses) -> None:
    if kind == "tool_search":
        losses.drop("tools.tool_search", "all tools are offered at once there")
    elif kind == "web_search" and tool.get("external_web_access") is False:
        # Codex offers it with every request: pages that OpenAI has kept, and nothing is fetched.
        losses.drop("tools.web_search", "nobody there searches OpenAI's copy of the web")
    else:
        losses.need(f"tools.{word(kind) or 'type'}", "only its provider has this tool")


def _function(tool: Mapping[str, Any], where: str, group: str) -> Tool:
    schema = tool.get("parameters")
    if schema is not None and not isinstance(schema, dict):
        raise WireError(f"{where}.parameters: must be an object")
    return Tool(
        name=joined(group, need_text(tool, "name", where)),
        description=maybe_text(tool, "description", f"{where}."),
        schema=schema,
        strict=maybe_flag(tool, "strict", f"{where}."),
    )


def _custom(tool: Mapping[str, Any], where: str, group: str) -> Tool:
    form = mapping(tool.get("format"))
    return Tool(
        name=joined(group, need_text(tool, "name", where)),
        description=maybe_text(tool, "description", f"{where}."),
        custom=True,
        grammar=form if form.get("type") == "grammar" else None,
    )


def _renamed(messages: list[Message], renamed: Mapping[str, str]) -> tuple[Message, ...]:
    """Calls by the names that the tools have here."""
    if not renamed:
        return tuple(messages)
    return tuple(
        replace(message, parts=tuple(_as_known(part, renamed) for part in message.parts))
        if message.role == "assistant"
        else message
        for message in messages
    )


def _as_known(part: Part, renamed: Mapping[str, str]) -> Part:
    known = renamed.get(part.name) if isinstance(part, ToolCall) else None
    return part if known is None or not isinstance(part, ToolCall) else replace(part, name=known)


def _choice(choice: object, renamed: Mapping[str, str]) -> ToolChoice | None:
    if choice is None:
        return None
    if choice in ("auto", "none", "required"):
        return ToolChoice("none" if choice == "none" else "auto" if choice == "auto" else "required")
    told = need_object(choice, "tool_choice")
    if told.get("type") == "allowed_tools":
        names = tuple(name for one in items(told.get("tools")) if (name := _name(mapping(one), renamed)))
        return ToolChoice("required" if told.get("mode") == "required" else "auto", names)
    name = _name(told, renamed)
    if name is None:
        raise WireError("tool_choice: must be auto, none, required or name a tool")
    return ToolChoice("required", (name,))


def _name(told: Mapping[str, Any], renamed: Mapping[str, str]) -> str | None:
    """The tool that is meant; OpenAI's own go by their type."""
    name, kind = told.get("name"), told.get("type")
    if isinstance(name, str):
        full = joined(told.get("namespace"), name)
        return renamed.get(full, full)
    return kind if isinstance(kind, str) and kind in OWN else None


def _format(form: Mapping[str, Any]) -> Format | None:
    kind = form.get("type")
    if kind == "json_object":
        return Format()
    if kind != "json_schema":
        return None
    return Format(
        schema=need_object(form.get("schema"), "text.format.schema"),
        name=maybe_text(form, "name", "text.format."),
        description=maybe_text(form, "description", "text.format."),
        strict=maybe_flag(form, "strict", "text.format."),
    )


def _reasoning(told: Mapping[str, Any]) -> Reasoning:
    known = next((word for word in EFFORTS if word == told.get("effort")), None)
    summary = told.get("summary") or told.get("generate_summary")
    shown = None if summary is None else summary != "none"
    if known is None:
        return Reasoning(shown=shown)
    return Reasoning(enabled=known != "none", effort=known, shown=shown)


def _verbosity(told: object) -> Any:
    return told if told in ("low", "medium", "high") else None
