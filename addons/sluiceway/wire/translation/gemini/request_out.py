"""Writes a request to generateContent or streamGenerateContent from the neutral form."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from sluiceway.wire.translation.effort import effort_of, tokens_of
from sluiceway.wire.translation.gemini import versions
from sluiceway.wire.translation.gemini.contents_out import contents_of
from sluiceway.wire.translation.losses import Losses
from sluiceway.wire.translation.neutral import Request, Text, Tool
from sluiceway.wire.translation.offered import may_call, offered
from sluiceway.wire.translation.reading import arguments_of
from sluiceway.wire.translation.renaming import Names, as_function
from sluiceway.wire.translation.schemas import of_arguments
from sluiceway.wire.translation.translator import Aim, Rendered
from sluiceway.wire.translation.turns import in_turns, with_reminders

NAME_LENGTH = 64
MAX_STOPS = 5
_INT32 = 2**31
_HELLO = "Please begin."
_ANY_JSON = "Answer with one JSON object and nothing else."
_BY_SCHEMA = "Answer with one JSON object and nothing else. It must be valid by this JSON schema:\n{}"


class GoogleNames(Names):
    """Names of functions as Google takes them: they begin with a letter or an underscore."""

    __slots__ = ()

    def _fitted(self, name: str) -> str:
        found = super()._fitted(name)
        begins = found[:1].isalpha() or found[:1] == "_"
        return found if begins else super()._fitted(f"_{name}")


def render_request(request: Request, aim: Aim, losses: Losses) -> Rendered:
    """Never raises; what is lost is in `losses`."""
    names = GoogleNames(NAME_LENGTH)
    turns = in_turns(with_reminders(request.messages), losses)
    system = [text for text in request.system if text.text.strip()]
    tools = offered(request, turns) if request.tools else ()
    config = _config(request, aim, system, losses)
    contents = contents_of(turns, names, versions.wants_signatures(aim.model), losses)
    document: dict[str, Any] = {"contents": contents or [_hello(system)]}
    if system and contents:
        document["systemInstruction"] = {"parts": [{"text": text.text} for text in system]}
    if tools:
        declared = [_tool(tool, names, losses) for tool in tools]
        document["tools"] = [{"functionDeclarations": declared}]
        document |= _choice(request, names)
    if config:
        document["generationConfig"] = config
    _count_losses(request, losses)
    if aim.counts_only:
        counted = {"model": f"models/{aim.model}", **document}
        document = {"generateContentRequest": counted}
    return Rendered(
        document,
        path=_path(aim),
        query="alt=sse" if aim.stream and not aim.counts_only else "",
        names=names.back,
        custom=frozenset(names.of(tool.name) for tool in request.tools if tool.custom),
    )


def _path(aim: Aim) -> str:
    verb = "streamGenerateContent" if aim.stream else "generateContent"
    return f"/v1beta/models/{quote(aim.model, safe='')}:{'countTokens' if aim.counts_only else verb}"


def _hello(system: list[Text]) -> dict[str, Any]:
    return {"role": "user", "parts": [{"text": text.text} for text in system] or [{"text": _HELLO}]}


def _tool(tool: Tool, names: Names, losses: Losses) -> dict[str, Any]:
    if tool.custom:
        if tool.grammar:
            losses.drop("tools.custom.format", "the grammar is said in words")
        tool = as_function(tool)
    elif tool.strict:
        losses.drop("tools.strict", "nothing forces the model to keep to the schema")
    written: dict[str, Any] = {"name": names.of(tool.name), "description": tool.description or tool.name}
    schema = of_arguments(tool.schema)
    if schema.get("properties"):
        written["parametersJsonSchema"] = schema
    return written


def _choice(request: Request, names: Names) -> dict[str, Any]:
    choice = request.tool_choice
    if not may_call(request):
        config: dict[str, Any] = {"mode": "NONE"}
    elif choice is not None and choice.mode == "required":
        config = {"mode": "ANY"}
        if choice.names:
            config["allowedFunctionNames"] = [names.of(name) for name in choice.names]
    else:
        return {}
    return {"toolConfig": {"functionCallingConfig": config}}


def _config(request: Request, aim: Aim, system: list[Text], losses: Losses) -> dict[str, Any]:
    config: dict[str, Any] = _sampling(request, aim.model, losses)
    if request.max_output_tokens is not None:
        most = aim.most_output_tokens or versions.output_limit(aim.model)
        if request.max_output_tokens > most:
            losses.drop("max_tokens", f"lowered to the {most:,} that the model takes")
        config["maxOutputTokens"] = min(request.max_output_tokens, most)
    if thinking := _thinking(request, aim.model, losses):
        config["thinkingConfig"] = thinking
    return config | _format(request, aim.model, system, losses)


def _sampling(request: Request, model: str, losses: Losses) -> dict[str, Any]:
    sampling = request.sampling
    told = {
        "temperature": sampling.temperature,
        "topP": sampling.top_p,
        "topK": sampling.top_k,
        "stopSequences": list(sampling.stop[:MAX_STOPS]) or None,
        "seed": sampling.seed,
    }
    if len(sampling.stop) > MAX_STOPS:
        losses.drop("stop", "five are the most there", len(sampling.stop) - MAX_STOPS)
    if sampling.seed is not None and not -_INT32 <= sampling.seed < _INT32:
        losses.drop("seed", "it is too large there")
        told["seed"] = None
    penalties = {
        "frequencyPenalty": sampling.frequency_penalty,
        "presencePenalty": sampling.presence_penalty,
    }
    if versions.takes_penalties(model):
        told |= penalties
    elif any(penalties.values()):
        losses.drop("penalties", "the model takes none")
    return {name: value for name, value in told.items() if value is not None}


def _thinking(request: Request, model: str, losses: Losses) -> dict[str, Any]:
    reasoning, version = request.reasoning, versions.version_of(model)
    effort, budget = effort_of(reasoning), tokens_of(reasoning)
    if version is None or version < (2, 5):
        if reasoning.enabled or effort not in (None, "none"):
            losses.drop("thinking", "the model does not think aloud")
        return {}
    told: dict[str, Any] = {}
    if version < (3, 0):
        if budget is not None:
            least, most = versions.budget_range(model)
            told["thinkingBudget"] = (
                0 if budget == 0 and "pro" not in model else min(max(budget, least), most)
            )
        elif reasoning.enabled:
            told["thinkingBudget"] = -1
    elif effort is not None:
        allowed = versions.levels(model)
        level = allowed[0] if effort in ("none", "minimal") else effort_of(reasoning, allowed)
        told["thinkingLevel"] = str(level).upper()
    if reasoning.shown and effort != "none":
        told["includeThoughts"] = True
    return told


def _format(request: Request, model: str, system: list[Text], losses: Losses) -> dict[str, Any]:
    """A schema as the API takes it; beside tools, and for older models, in words."""
    form = request.format
    if form is None:
        return {}
    beside = not request.tools or versions.has_schemas_beside_tools(model)
    if beside and form.schema is None:
        return {"responseMimeType": "application/json"}
    if beside and versions.has_json_schema(model):
        return {"responseMimeType": "application/json", "responseJsonSchema": form.schema}
    losses.drop("response_format", "asked for in words: nothing forces the model to keep to it")
    told = _ANY_JSON if form.schema is None else _BY_SCHEMA.format(arguments_of(form.schema))
    system.append(Text(told))
    return {}


def _count_losses(request: Request, losses: Losses) -> None:
    if request.parallel_calls is False and request.tools:
        losses.drop("parallel_tool_calls", "the model may call several tools at once")
    if request.tier not in (None, "auto", "standard"):
        losses.drop("service_tier", "it is not asked for in this API's body everywhere")
    if request.user:
        losses.drop("user", "there is no such field")
    if request.metadata:
        losses.drop("metadata", "it is not kept there")
    if request.verbosity is not None:
        losses.drop("verbosity", "there is no such setting")
