"""Writes a request to Converse or ConverseStream from the neutral form, for every vendor's models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from sluiceway.wire.translation import drawing, models
from sluiceway.wire.translation.anthropic.thinking_out import thinking_of
from sluiceway.wire.translation.bedrock.blocks_out import CACHE_POINT, Blocks
from sluiceway.wire.translation.losses import Losses
from sluiceway.wire.translation.neutral import Message, Request, Text, Tool
from sluiceway.wire.translation.offered import may_call, offered
from sluiceway.wire.translation.reading import arguments_of
from sluiceway.wire.translation.renaming import Names, as_function
from sluiceway.wire.translation.schemas import closed, of_arguments
from sluiceway.wire.translation.translator import Aim, Rendered
from sluiceway.wire.translation.turns import in_turns, with_reminders

NAME_LENGTH = 64
_OPENING = "(The beginning of the conversation is not shown.)"
_GO_ON = "Continue."
_HELLO = "Please begin."
_ANY_JSON = "Answer with one JSON object and nothing else."
_BY_SCHEMA = "Answer with one JSON object and nothing else. It must be valid by this JSON schema:\n{}"
_TIERS = {"standard": "default", "flex": "flex", "priority": "priority"}


def render_request(request: Request, aim: Aim, losses: Losses) -> Rendered:
    """Never raises; what is lost is in `losses`."""
    names = Names(NAME_LENGTH)
    is_claude = models.claude_version(aim.model) is not None
    caches = is_claude or "nova" in aim.model  # others refuse a cache point
    turns = in_turns(with_reminders(request.messages), losses)
    system = [text for text in request.system if text.text.strip()]
    tools = _offered(request, turns, losses)
    limit = _limit(request, aim, is_claude, losses)
    document: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    if is_claude:
        extra = thinking_of(request, aim.model, limit or models.output_limit(aim.model), turns, losses)
    elif request.reasoning.enabled or request.reasoning.effort not in (None, "none"):
        losses.drop("thinking", "each vendor's models are asked for it in their own way")
    config = _sampling(request, aim.model, "thinking" in extra, extra, losses)
    if limit is not None:
        config["maxTokens"] = limit
    document |= _format(request, aim.model, system, losses)
    messages = _messages(turns, Blocks(names, is_claude, caches, losses), losses)
    if caches and messages and _is_uncached(request, turns):
        messages[-1]["content"].append(dict(CACHE_POINT))
    document["messages"] = messages or [_user([text.text for text in system] or [_HELLO])]
    if system and messages:
        document["system"] = _system(system, caches)
    if tools:
        document["toolConfig"] = _tools(request, tools, names, caches, losses)
    if config:
        document["inferenceConfig"] = config
    if extra:
        document["additionalModelRequestFields"] = extra
    document |= _about(request, losses)
    return Rendered(
        document,
        path=f"/model/{quote(aim.model, safe='')}/{'converse-stream' if aim.stream else 'converse'}",
        names=names.back,
        custom=frozenset(names.of(tool.name) for tool in request.tools if tool.custom),
    )


def _offered(request: Request, turns: Sequence[Message], losses: Losses) -> tuple[Tool, ...]:
    """Converse has no choice of "none": without calls in the conversation, tools are then left out."""
    tools = offered(request, turns)
    if not request.tools or may_call(request):
        return tools
    if offered(Request(request.model, ()), turns):
        losses.drop("tool_choice", "that no tool may be used cannot be said there")
        return tools
    return ()


def _limit(request: Request, aim: Aim, is_claude: bool, losses: Losses) -> int | None:
    limit = request.max_output_tokens
    if limit is None:
        return aim.default_output_tokens
    most = aim.most_output_tokens or (models.output_limit(aim.model) if is_claude else limit)
    if limit > most:
        losses.drop("max_tokens", f"lowered to the {most:,} that the model takes")
    return min(limit, most)


def _sampling(
    request: Request, model: str, thinks: bool, extra: dict[str, Any], losses: Losses
) -> dict[str, Any]:
    sampling, config = request.sampling, dict[str, Any]()
    if stop := [text for text in sampling.stop if text.strip()]:
        config["stopSequences"] = stop
    for name in ("seed", "frequency_penalty", "presence_penalty"):
        if getattr(sampling, name):
            losses.drop(name, "there is no such setting")
    told = {"temperature": sampling.temperature, "topP": sampling.top_p}
    if models.claude_version(model) is not None:
        told["top_k"] = sampling.top_k
    elif sampling.top_k is not None:
        losses.drop("top_k", "there is no such setting")
    asked = drawing.taken(told, model, thinks, losses, top_p="topP")
    if "top_k" in asked:
        extra["top_k"] = asked.pop("top_k")
    return config | asked


def _format(request: Request, model: str, system: list[Text], losses: Losses) -> dict[str, Any]:
    form = request.format
    if form is None:
        return {}
    if form.schema is not None and models.claude_version(model) and models.has_output_format(model):
        schema = {"schema": arguments_of(closed(form.schema)), "name": "answer"}
        text = {"type": "json_schema", "structure": {"jsonSchema": schema}}
        return {"outputConfig": {"textFormat": text}}
    losses.drop("response_format", "asked for in words: nothing forces the model to keep to it")
    told = _ANY_JSON if form.schema is None else _BY_SCHEMA.format(arguments_of(form.schema))
    system.append(Text(told))
    return {}


def _messages(turns: Sequence[Message], blocks: Blocks, losses: Losses) -> list[dict[str, Any]]:
    """Turns of the two sides one after the other, from a user's to a user's."""
    messages: list[dict[str, Any]] = []
    for turn in turns:
        content = blocks.of(turn.parts)
        if not content:
            continue
        if messages and messages[-1]["role"] == turn.role:
            messages[-1]["content"] += content
        else:
            messages.append({"role": turn.role, "content": content})
    if messages and messages[0]["role"] == "assistant":
        messages.insert(0, _user([_OPENING]))
    if messages and messages[-1]["role"] == "assistant":
        losses.drop("messages: beginning of the answer", "the model starts anew instead of going on with it")
        messages.append(_user([_GO_ON]))
    return messages


def _user(texts: list[str]) -> dict[str, Any]:
    return {"role": "user", "content": [{"text": text} for text in texts]}


def _system(system: Sequence[Text], caches: bool) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for text in system:
        found.append({"text": text.text})
        if caches and text.cache:
            found.append(dict(CACHE_POINT))
    return found


def _tools(
    request: Request, tools: Sequence[Tool], names: Names, caches: bool, losses: Losses
) -> dict[str, Any]:
    written: list[dict[str, Any]] = []
    for tool in tools:
        if tool.custom:
            if tool.grammar:
                losses.drop("tools.custom.format", "the grammar is said in words")
            tool = as_function(tool)
        elif tool.strict:
            losses.drop("tools.strict", "nothing forces the model to keep to the schema")
        spec: dict[str, Any] = {
            "name": names.of(tool.name),
            "inputSchema": {"json": of_arguments(tool.schema)},
        }
        if tool.description:
            spec["description"] = tool.description
        written.append({"toolSpec": spec})
        if caches and tool.cache:
            written.append(dict(CACHE_POINT))
    choice = request.tool_choice
    config: dict[str, Any] = {"tools": written}
    if request.parallel_calls is False:
        losses.drop("parallel_tool_calls", "the model may call several tools at once")
    if choice is not None and choice.mode == "required":
        named = len(choice.names) == 1
        config["toolChoice"] = {"tool": {"name": names.of(choice.names[0])}} if named else {"any": {}}
    return config


def _is_uncached(request: Request, turns: Sequence[Message]) -> bool:
    """Whether a conversation that goes on comes from an API that caches by itself."""
    marked = [*request.system, *request.tools, *(part for turn in turns for part in turn.parts)]
    goes_on = any(turn.role == "assistant" for turn in turns)
    return goes_on and not any(getattr(one, "cache", None) for one in marked)


def _about(request: Request, losses: Losses) -> dict[str, Any]:
    if request.user:
        losses.drop("user", "there is no such field")
    if request.metadata:
        losses.drop("metadata", "it is not kept there")
    if request.verbosity is not None:
        losses.drop("verbosity", "there is no such setting")
    if request.tier in _TIERS:
        return {"serviceTier": {"type": _TIERS[request.tier]}} if request.tier != "standard" else {}
    if request.tier not in (None, "auto"):
        losses.drop("service_tier", "there is no such tier")
    return {}
