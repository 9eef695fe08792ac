"""Writes a request to Chat Completions from the neutral form.

Only what all servers of this API understand: functions, `system`, text results. What a provider lacks beyond
that, its quirks say (`wire/quirks.py`).
"""

from __future__ import annotations

from hashlib import blake2s
from typing import Any

from sluiceway.wire.translation import models
from sluiceway.wire.translation.chat.messages_out import chat_id, messages_of
from sluiceway.wire.translation.effort import effort_of
from sluiceway.wire.translation.ids import fitted_id, nine_characters
from sluiceway.wire.translation.losses import Losses
from sluiceway.wire.translation.neutral import Format, Request, Tool, ToolChoice
from sluiceway.wire.translation.offered import may_call, offered, with_short_descriptions
from sluiceway.wire.translation.renaming import Names, as_function
from sluiceway.wire.translation.schemas import is_strict_for_openai, of_arguments
from sluiceway.wire.translation.translator import Aim, Rendered
from sluiceway.wire.translation.turns import in_turns, with_reminders

PATH = "/v1/chat/completions"
NAME_LENGTH = 64
DESCRIPTION_LENGTH = 1_024
MAX_STOPS = 4
MAX_USER = 64
_DEFAULT_NAME = "answer"
_TIERS = {"standard": "default", "flex": "flex", "priority": "priority", "auto": None}


def render_request(request: Request, aim: Aim, losses: Losses) -> Rendered:
    """Never raises; what is lost is in `losses`."""
    names = Names(NAME_LENGTH)
    # Others than OpenAI's own models take it at the beginning alone (Qwen's template), or not as the last
    # message (Mistral: "Expected last role User or Tool").
    said = request.messages if models.is_openais(aim.model) else with_reminders(request.messages)
    turns = in_turns(said, losses)
    offer = offered(request, turns) if request.tools else ()
    plain = [as_function(tool) if tool.custom else tool for tool in offer]
    tools, explained = with_short_descriptions(plain, DESCRIPTION_LENGTH)
    system = (*request.system, *explained)
    ids = nine_characters if models.is_mistrals(aim.model) else chat_id
    document: dict[str, Any] = {
        "model": aim.model,
        "messages": messages_of(system, turns, names, losses, ids),
    }
    if aim.stream:
        document |= {"stream": True, "stream_options": {"include_usage": True}}
    if (limit := request.max_output_tokens) is not None:
        most = aim.most_output_tokens or models.gpt_output_limit(aim.model) or limit
        if limit > most:
            losses.drop("max_tokens", f"lowered to the {most:,} that the model takes")
        document["max_completion_tokens"] = min(limit, most)
    if any(tool.grammar for tool in offer):
        losses.drop("tools.custom.format", "the grammar is said in words")
    if tools:
        document["tools"] = [_tool(tool, names, losses) for tool in tools]
        document |= _choice(request, names)
    document |= _sampling(request, aim.model, losses)
    document |= _reasoning(request, aim.model, losses)
    if request.format is not None:
        document["response_format"] = _format(request.format, losses)
    document |= _about(request, losses)
    return Rendered(
        document,
        path=PATH,
        names=names.back,
        custom=frozenset(names.of(tool.name) for tool in request.tools if tool.custom),
    )


def _tool(tool: Tool, names: Names, losses: Losses) -> dict[str, Any]:
    function: dict[str, Any] = {"name": names.of(tool.name)}
    if tool.description:
        function["description"] = tool.description
    function["parameters"] = of_arguments(tool.schema)
    if tool.strict and is_strict_for_openai(function["parameters"]):
        function["strict"] = True
    elif tool.strict:
        losses.drop("tools.strict", "its schema is none that can be forced there")
    return {"type": "function", "function": function}


def _choice(request: Request, names: Names) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if not may_call(request):
        fields["tool_choice"] = "none"
    elif request.tool_choice is not None:
        fields["tool_choice"] = _written(request.tool_choice, names)
    if request.parallel_calls is False:
        fields["parallel_tool_calls"] = False
    return fields


def _written(choice: ToolChoice, names: Names) -> str | dict[str, Any]:
    if choice.mode == "required" and len(choice.names) == 1:
        return {"type": "function", "function": {"name": names.of(choice.names[0])}}
    return choice.mode


def _sampling(request: Request, model: str, losses: Losses) -> dict[str, Any]:
    sampling = request.sampling
    fields: dict[str, Any] = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "frequency_penalty": sampling.frequency_penalty,
        "presence_penalty": sampling.presence_penalty,
        "stop": list(sampling.stop[:MAX_STOPS]) or None,
    }
    fields = {name: value for name, value in fields.items() if value is not None}
    if sampling.top_k is not None:
        losses.drop("top_k", "there is no such setting")
    if models.reasons(model):
        for name in fields:
            losses.drop(name, "the model reasons and takes none")
        fields = {}
    elif len(sampling.stop) > MAX_STOPS:
        losses.drop("stop_sequences", "four are the most there", len(sampling.stop) - MAX_STOPS)
    if sampling.seed is not None:
        fields["seed"] = sampling.seed
    return fields


def _reasoning(request: Request, model: str, losses: Losses) -> dict[str, Any]:
    allowed = models.efforts(model, has_tools=bool(request.tools))
    effort = effort_of(request.reasoning, allowed) if allowed else None
    if not allowed and (request.reasoning.enabled or request.reasoning.effort not in (None, "none")):
        losses.drop("thinking", "the model does not reason, or not as the request says")
    return {} if effort is None else {"reasoning_effort": effort}


def _format(form: Format, losses: Losses) -> dict[str, Any]:
    if form.schema is None:
        return {"type": "json_object"}
    strict = is_strict_for_openai(form.schema)
    if form.strict and not strict:
        losses.drop("response_format.strict", "its schema is none that can be forced there")
    told: dict[str, Any] = {"name": fitted_id(form.name or _DEFAULT_NAME, 64), "schema": form.schema}
    if form.description:
        told["description"] = form.description
    if strict and form.strict is not False:
        told["strict"] = True
    return {"type": "json_schema", "json_schema": told}


def _about(request: Request, losses: Losses) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if request.user:
        fields["user"] = request.user if len(request.user) <= MAX_USER else shortened(request.user)
    if request.tier in _TIERS:
        if (tier := _TIERS[request.tier]) is not None:
            fields["service_tier"] = tier
    elif request.tier is not None:
        losses.drop("service_tier", "there is no such tier")
    if request.verbosity is not None:
        fields["verbosity"] = request.verbosity
    return fields


def shortened(user: str) -> str:
    """The same for the same person, as the id of an end user is meant to be."""
    return blake2s(user.encode(errors="replace"), digest_size=16).hexdigest()
