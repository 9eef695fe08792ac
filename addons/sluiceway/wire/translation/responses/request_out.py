"""Writes a request to the Responses API from the neutral form. Nothing is left to be kept by OpenAI."""

from __future__ import annotations

from typing import Any

from sluiceway.wire.fields import mapping
from sluiceway.wire.translation import models
from sluiceway.wire.translation.chat.request_out import MAX_USER, shortened
from sluiceway.wire.translation.effort import EFFORTS, effort_of
from sluiceway.wire.translation.ids import fitted_id
from sluiceway.wire.translation.losses import Losses
from sluiceway.wire.translation.neutral import Effort, Format, Request, Tool, ToolChoice
from sluiceway.wire.translation.offered import may_call, with_short_descriptions
from sluiceway.wire.translation.renaming import Names
from sluiceway.wire.translation.responses.items_out import items_of
from sluiceway.wire.translation.schemas import is_strict_for_openai, of_arguments
from sluiceway.wire.translation.translator import Aim, Rendered
from sluiceway.wire.translation.turns import in_turns, with_reminders

PATH = "/v1/responses"
NAME_LENGTH = 64
DESCRIPTION_LENGTH = 1_024
MIN_OUTPUT_TOKENS = 16  # "Expected a value >= 16"
_DEFAULT_NAME = "answer"
_HELLO = "Please begin."
_TIERS = {"standard": "default", "flex": "flex", "priority": "priority", "auto": None}


def render_request(request: Request, aim: Aim, losses: Losses) -> Rendered:
    """Never raises; what is lost is in `losses`."""
    names = Names(NAME_LENGTH)
    said = request.messages if models.is_openais(aim.model) else with_reminders(request.messages)
    turns = in_turns(said, losses)
    tools, explained = with_short_descriptions(request.tools, DESCRIPTION_LENGTH)
    system = "\n\n".join(text.text for text in (*request.system, *explained) if text.text.strip())
    items = items_of(turns, names, losses)
    document: dict[str, Any] = {"model": aim.model, "input": items or [_hello(system)], "store": False}
    if system and items:
        document["instructions"] = system
    if aim.stream:
        document["stream"] = True
    if (limit := _limit(request, aim, losses)) is not None:
        document["max_output_tokens"] = limit
    if tools:
        document["tools"] = [_tool(tool, names, losses) for tool in tools]
        document |= _choice(request, names)
    document |= _sampling(request, aim.model, losses)
    document |= _reasoning(request, aim.model, losses)
    if told := _text(request, losses):
        document["text"] = told
    document |= _about(request, losses)
    return Rendered(document, path=PATH, names=names.back)


def _hello(system: str) -> dict[str, Any]:
    return {"role": "user", "content": system or _HELLO}


def _limit(request: Request, aim: Aim, losses: Losses) -> int | None:
    limit = request.max_output_tokens
    if limit is None:
        return None
    most = aim.most_output_tokens or models.gpt_output_limit(aim.model) or limit
    if limit > most:
        losses.drop("max_tokens", f"lowered to the {most:,} that the model takes")
    return max(MIN_OUTPUT_TOKENS, min(limit, most))


def _tool(tool: Tool, names: Names, losses: Losses) -> dict[str, Any]:
    written: dict[str, Any] = {"type": "custom" if tool.custom else "function", "name": names.of(tool.name)}
    if tool.description:
        written["description"] = tool.description
    if tool.custom:
        return written | _grammar(tool)
    written["parameters"] = of_arguments(tool.schema)
    written["strict"] = bool(tool.strict) and is_strict_for_openai(written["parameters"])
    if tool.strict and not written["strict"]:
        losses.drop("tools.strict", "its schema is none that can be forced there")
    return written


def _grammar(tool: Tool) -> dict[str, Any]:
    """Chat Completions has it one level deeper."""
    told = mapping((tool.grammar or {}).get("grammar")) or (tool.grammar or {})
    if not told:
        return {}
    return {"format": {"type": "grammar", **{name: told.get(name) for name in ("syntax", "definition")}}}


def _choice(request: Request, names: Names) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if not may_call(request):
        fields["tool_choice"] = "none"
    elif request.tool_choice is not None:
        fields["tool_choice"] = _written(request, request.tool_choice, names)
    if request.parallel_calls is not None:
        fields["parallel_tool_calls"] = request.parallel_calls
    return fields


def _written(request: Request, choice: ToolChoice, names: Names) -> str | dict[str, Any]:
    custom = {tool.name for tool in request.tools if tool.custom}
    chosen = [
        {"type": "custom" if name in custom else "function", "name": names.of(name)} for name in choice.names
    ]
    if choice.mode == "required" and len(chosen) == 1:
        return chosen[0]
    return {"type": "allowed_tools", "mode": choice.mode, "tools": chosen} if chosen else choice.mode


def _sampling(request: Request, model: str, losses: Losses) -> dict[str, Any]:
    sampling = request.sampling
    if sampling.stop:
        losses.drop("stop", "there is no such setting")
    for name in ("top_k", "seed", "frequency_penalty", "presence_penalty"):
        if getattr(sampling, name):
            losses.drop(name, "there is no such setting")
    told = {"temperature": sampling.temperature, "top_p": sampling.top_p}
    fields = {name: value for name, value in told.items() if value is not None}
    if not models.reasons(model):
        return fields
    for name in fields:
        losses.drop(name, "the model reasons and takes none")
    return {}


def _reasoning(request: Request, model: str, losses: Losses) -> dict[str, Any]:
    reasoning = request.reasoning
    if models.is_openais(model) and not models.reasons(model):
        if reasoning.enabled or reasoning.effort not in (None, "none"):
            losses.drop("thinking", "the model does not reason")
        return {}
    allowed: tuple[Effort, ...] = models.efforts(model) or EFFORTS
    effort = effort_of(reasoning, allowed)
    told: dict[str, Any] = {} if effort is None else {"effort": effort}
    if reasoning.shown and effort != "none":
        told["summary"] = "auto"
    return {"reasoning": told} if told else {}


def _text(request: Request, losses: Losses) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if request.format is not None:
        told["format"] = _format(request.format, losses)
    if request.verbosity is not None:
        told["verbosity"] = request.verbosity
    return told


def _format(form: Format, losses: Losses) -> dict[str, Any]:
    if form.schema is None:
        return {"type": "json_object"}
    strict = is_strict_for_openai(form.schema)
    if form.strict and not strict:
        losses.drop("response_format.strict", "its schema is none that can be forced there")
    name = fitted_id(form.name or _DEFAULT_NAME, 64)
    told: dict[str, Any] = {"type": "json_schema", "name": name, "schema": form.schema}
    if form.description:
        told["description"] = form.description
    return told | {"strict": strict and form.strict is not False}


def _about(request: Request, losses: Losses) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if request.user:
        fields["user"] = request.user if len(request.user) <= MAX_USER else shortened(request.user)
    if request.metadata:
        losses.drop("metadata", "the answer is not kept, and so is nothing beside it")
    if request.tier in _TIERS:
        if (tier := _TIERS[request.tier]) is not None:
            fields["service_tier"] = tier
    elif request.tier is not None:
        losses.drop("service_tier", "there is no such tier")
    return fields
