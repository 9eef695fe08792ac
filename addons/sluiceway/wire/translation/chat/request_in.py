"""Reads a request to Chat Completions into the neutral form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluiceway.errors import WireError
from sluiceway.wire import deployment
from sluiceway.wire.dialect import Target
from sluiceway.wire.fields import choices, flag, mapping, maybe_list, maybe_object, need_list, whole, word
from sluiceway.wire.translation.chat.messages_in import messages_of
from sluiceway.wire.translation.effort import EFFORTS
from sluiceway.wire.translation.losses import Losses
from sluiceway.wire.translation.neutral import Format, Reasoning, Request, Sampling, Tool, ToolChoice
from sluiceway.wire.translation.reading import (
    drop_unknown,
    maybe_flag,
    maybe_number,
    maybe_text,
    maybe_whole,
    need_object,
    need_text,
    words,
)

_ESSENTIAL = {
    "functions": "it is older than `tools`: write those instead",
    "logprobs": "the answer would lack them",
    "top_logprobs": "the answer would lack them",
    "audio": "the answer would have no sound",
    "web_search_options": "only OpenAI's models search by it",
    "moderation": "OpenAI does it",
}
_DROPPED = {
    "logit_bias": "there is no such setting",
    "prediction": "it only makes OpenAI's models faster",
    "store": "answers are not kept there",
    "top_k": "it is not one of this API's fields",
}
_QUIET = ("prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "safety_identifier")
_KNOWN = frozenset(
    {
        *("model", "messages", "tools", "tool_choice", "parallel_tool_calls", "max_tokens", "n", "stream"),
        *("max_completion_tokens", "temperature", "top_p", "stop", "seed", "user", "metadata", "verbosity"),
        *("frequency_penalty", "presence_penalty", "response_format", "reasoning_effort", "service_tier"),
        *("stream_options", "modalities", "function_call", *_ESSENTIAL, *_DROPPED, *_QUIET),
    }
)
_TIERS = {"auto": "auto", "default": "standard", "flex": "flex", "priority": "priority", "fast": "fast"}


def parse_request(document: Mapping[str, Any], target: Target, losses: Losses) -> Request:
    """Raises WireError naming the field that is wrong."""
    _count_losses(document, losses)
    system, messages = messages_of(need_list(document, "messages"), losses)
    limits = [whole(document, name) for name in ("max_completion_tokens", "max_tokens")]
    return Request(
        model=deployment.model_of(document, target) or "",
        messages=tuple(messages),
        system=system,
        tools=tuple(_tools(document, losses)),
        tool_choice=_choice(document.get("tool_choice")),
        parallel_calls=maybe_flag(document, "parallel_tool_calls"),
        max_output_tokens=min((limit for limit in limits if limit is not None), default=None),
        sampling=_sampling(document),
        format=_format(maybe_object(document, "response_format")),
        reasoning=_reasoning(document.get("reasoning_effort")),
        stream=flag(document, "stream"),
        tier=_TIERS.get(str(document.get("service_tier"))),
        user=maybe_text(document, "safety_identifier") or maybe_text(document, "user"),
        metadata=maybe_object(document, "metadata"),
        include_usage=flag(maybe_object(document, "stream_options"), "include_usage"),
        verbosity=_verbosity(document.get("verbosity")),
    )


def _count_losses(document: Mapping[str, Any], losses: Losses) -> None:
    for name, why in _ESSENTIAL.items():
        if document.get(name):
            losses.need(name, why)
    for name, why in _DROPPED.items():
        if document.get(name):
            losses.drop(name, why)
    if choices(document, "n") > 1:
        losses.need("n", "one answer is given there")
    if "audio" in maybe_list(document, "modalities"):
        losses.need("modalities", "the answer would have no sound")
    drop_unknown(document, _KNOWN, losses)


def _tools(document: Mapping[str, Any], losses: Losses) -> list[Tool]:
    tools = []
    for number, one in enumerate(maybe_list(document, "tools")):
        where = f"tools[{number}]"
        tool = need_object(one, where)
        kind = tool.get("type", "function")
        if kind == "function":
            tools.append(_function(need_object(tool.get("function"), f"{where}.function"), where))
        elif kind == "custom":
            tools.append(_custom(need_object(tool.get("custom"), f"{where}.custom"), where))
        else:
            losses.need(f"tools.{word(kind) or 'type'}", "only its provider has this tool")
    return tools


def _function(function: Mapping[str, Any], where: str) -> Tool:
    schema = function.get("parameters")
    if schema is not None and not isinstance(schema, dict):
        raise WireError(f"{where}.function.parameters: must be an object")
    return Tool(
        name=need_text(function, "name", f"{where}.function"),
        description=maybe_text(function, "description", f"{where}.function."),
        schema=schema,
        strict=maybe_flag(function, "strict", f"{where}.function."),
    )


def _custom(custom: Mapping[str, Any], where: str) -> Tool:
    form = mapping(custom.get("format"))
    return Tool(
        name=need_text(custom, "name", f"{where}.custom"),
        description=maybe_text(custom, "description", f"{where}.custom."),
        custom=True,
        grammar=form if form.get("type") == "grammar" else None,
    )


def _choice(choice: object) -> ToolChoice | None:
    if choice is None:
        return None
    if choice in ("auto", "none", "required"):
        return ToolChoice("none" if choice == "none" else "auto" if choice == "auto" else "required")
    told = need_object(choice, "tool_choice")
    kind = told.get("type")
    if kind == "allowed_tools":
        allowed = mapping(told.get("allowed_tools"))
        names = [_name(mapping(one)) for one in maybe_list(allowed, "tools")]
        mode = "required" if allowed.get("mode") == "required" else "auto"
        return ToolChoice("required" if mode == "required" else "auto", tuple(name for name in names if name))
    name = _name(told)
    if name is None:
        raise WireError("tool_choice: must be auto, none, required or name a tool")
    return ToolChoice("required", (name,))


def _name(told: Mapping[str, Any]) -> str | None:
    name = (mapping(told.get("function")) or mapping(told.get("custom"))).get("name")
    return name if isinstance(name, str) else None


def _sampling(document: Mapping[str, Any]) -> Sampling:
    return Sampling(
        temperature=maybe_number(document, "temperature"),
        top_p=maybe_number(document, "top_p"),
        stop=words(document.get("stop"), "stop"),
        seed=maybe_whole(document, "seed"),
        frequency_penalty=maybe_number(document, "frequency_penalty"),
        presence_penalty=maybe_number(document, "presence_penalty"),
    )


def _format(form: Mapping[str, Any]) -> Format | None:
    kind = form.get("type")
    if kind == "json_object":
        return Format()
    if kind != "json_schema":
        return None
    told = need_object(form.get("json_schema"), "response_format.json_schema")
    schema = told.get("schema")
    if schema is None:
        return Format()
    return Format(
        schema=need_object(schema, "response_format.json_schema.schema"),
        name=maybe_text(told, "name"),
        description=maybe_text(told, "description"),
        strict=maybe_flag(told, "strict"),
    )


def _reasoning(effort: object) -> Reasoning:
    known = next((word for word in EFFORTS if word == effort), None)
    if known is None:
        return Reasoning()
    return Reasoning(enabled=known != "none", effort=known)


def _verbosity(told: object) -> Any:
    return told if told in ("low", "medium", "high") else None
