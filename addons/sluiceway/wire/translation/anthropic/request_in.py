"""Reads a request to the Messages API into the neutral form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluiceway.errors import WireError
from sluiceway.wire.dialect import Target
from sluiceway.wire.fields import flag, mapping, maybe_list, maybe_object, need_list, need_model, whole, word
from sluiceway.wire.translation.anthropic.blocks_in import cache_of, parts_of, texts_of
from sluiceway.wire.translation.anthropic.own_tools import as_tool
from sluiceway.wire.translation.effort import EFFORTS
from sluiceway.wire.translation.losses import Losses
from sluiceway.wire.translation.neutral import (
    Effort,
    Format,
    Message,
    Reasoning,
    Request,
    Role,
    Sampling,
    Text,
    Tool,
    ToolChoice,
)
from sluiceway.wire.translation.reading import (
    drop_unknown,
    maybe_flag,
    maybe_number,
    maybe_text,
    need_object,
    need_text,
    words,
)

_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system"}
_CHOICES = {"auto": "auto", "any": "required", "tool": "required", "none": "none"}
_ESSENTIAL = {
    "container": "its files and its state are kept by Anthropic",
    "mcp_servers": "Anthropic calls those servers itself",
    "inference_geo": "where the request is answered cannot be promised there",
}
_DROPPED = {
    "context_management": "old turns are not pruned there",
    "diagnostics": "it is Anthropic's own",
    "user_profile_id": "it is Anthropic's own",
    "workspace_id": "it is Anthropic's own",
}
_KNOWN = frozenset(
    {
        *(
            "model",
            "messages",
            "system",
            "tools",
            "tool_choice",
            "max_tokens",
            "temperature",
            "top_p",
            "top_k",
        ),
        *("stop_sequences", "stream", "metadata", "thinking", "output_config", "output_format"),
        *("service_tier", "speed", "cache_control", *_ESSENTIAL, *_DROPPED),
    }
)
# A line of Claude Code's for Anthropic's billing. It changes from request to request, which would keep other
# providers from finding the same beginning in their caches.
_BILLING = "x-anthropic-billing-header:"


def parse_request(document: Mapping[str, Any], target: Target, losses: Losses) -> Request:
    """Raises WireError naming the field that is wrong."""
    for name, why in _ESSENTIAL.items():
        if document.get(name):
            losses.need(name, why)
    for name, why in _DROPPED.items():
        if document.get(name):
            losses.drop(name, why)
    drop_unknown(document, _KNOWN, losses)
    choice = maybe_object(document, "tool_choice")
    tools = _tools(document, losses)
    single = maybe_flag(choice, "disable_parallel_tool_use", "tool_choice.")
    return Request(
        model=need_model(document),
        messages=tuple(_messages(document, losses)),
        system=_system(document.get("system")),
        tools=tools,
        tool_choice=_choice(choice) if choice else None,
        parallel_calls=None if single is None else not single,
        max_output_tokens=whole(document, "max_tokens"),
        sampling=_sampling(document),
        format=_format(document),
        reasoning=_reasoning(document),
        stream=flag(document, "stream"),
        tier=_tier(document),
        user=maybe_text(maybe_object(document, "metadata"), "user_id", "metadata."),
    )


def _messages(document: Mapping[str, Any], losses: Losses) -> list[Message]:
    found = []
    for number, one in enumerate(need_list(document, "messages")):
        where = f"messages[{number}]"
        message = need_object(one, where)
        role = _ROLES.get(str(message.get("role")))
        if role is None:
            raise WireError(f"{where}.role: must be user, assistant or system")
        content = message.get("content")
        parts = (Text(content),) if isinstance(content, str) else parts_of(content, where, losses)
        found.append(Message(role, parts))
    return found


def _system(system: object) -> tuple[Text, ...]:
    texts = texts_of(system, "system")
    return tuple(text for text in texts if not text.text.startswith(_BILLING))


def _tools(document: Mapping[str, Any], losses: Losses) -> tuple[Tool, ...]:
    tools = []
    for number, one in enumerate(maybe_list(document, "tools")):
        where = f"tools[{number}]"
        tool = _tool(need_object(one, where), where, losses)
        if tool is not None:
            tools.append(tool)
    return tuple(tools)


def _tool(tool: Mapping[str, Any], where: str, losses: Losses) -> Tool | None:
    kind = tool.get("type") or "custom"
    if kind != "custom":
        return _typed(str(kind), tool, losses)
    schema = tool.get("input_schema")
    if schema is not None and not isinstance(schema, dict):
        raise WireError(f"{where}.input_schema: an object is required")
    return Tool(
        name=need_text(tool, "name", where),
        description=maybe_text(tool, "description", f"{where}."),
        schema=schema,
        strict=maybe_flag(tool, "strict", f"{where}."),
        cache=cache_of(tool),
    )


def _typed(kind: str, tool: Mapping[str, Any], losses: Losses) -> Tool | None:
    if kind.startswith("tool_search_tool"):
        losses.drop("tools.tool_search", "all tools are offered at once there")
        return None
    name = tool.get("name")
    own = as_tool(kind, name, cache_of(tool)) if isinstance(name, str) else None
    if own is None:
        losses.need(f"tools.{word(kind) or 'type'}", "only Anthropic and its models have this tool")
    return own


def _choice(choice: Mapping[str, Any]) -> ToolChoice:
    mode = _CHOICES.get(str(choice.get("type")))
    if mode is None:
        raise WireError("tool_choice.type: must be auto, any, tool or none")
    names = (need_text(choice, "name", "tool_choice"),) if choice.get("type") == "tool" else ()
    return ToolChoice("required" if mode == "required" else "none" if mode == "none" else "auto", names)


def _sampling(document: Mapping[str, Any]) -> Sampling:
    return Sampling(
        temperature=maybe_number(document, "temperature"),
        top_p=maybe_number(document, "top_p"),
        top_k=whole(document, "top_k"),
        stop=words(document.get("stop_sequences"), "stop_sequences"),
    )


def _format(document: Mapping[str, Any]) -> Format | None:
    form = mapping(maybe_object(document, "output_config").get("format")) or maybe_object(
        document, "output_format"
    )
    if form.get("type") != "json_schema":
        return None
    return Format(schema=need_object(form.get("schema"), "output_config.format.schema"), strict=True)


def _reasoning(document: Mapping[str, Any]) -> Reasoning:
    thinking = maybe_object(document, "thinking")
    told = maybe_object(document, "output_config").get("effort")
    effort: Effort | None = next((word for word in EFFORTS if word == told), None)
    kind = thinking.get("type")
    if kind is None or kind == "disabled":
        return Reasoning(enabled=None if kind is None else False, effort=effort)
    budget = whole(thinking, "budget_tokens", "thinking.") if kind == "enabled" else None
    return Reasoning(True, budget, effort, shown=thinking.get("display") != "omitted")


def _tier(document: Mapping[str, Any]) -> str | None:
    if document.get("speed") == "fast":
        return "fast"
    return {"auto": "auto", "standard_only": "standard"}.get(str(document.get("service_tier")))
