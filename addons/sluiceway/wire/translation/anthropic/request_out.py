"""Writes a request to the Messages API from the neutral form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sluiceway.wire.translation import drawing, models
from sluiceway.wire.translation.anthropic.blocks_out import blocks_of, text_block
from sluiceway.wire.translation.anthropic.thinking_out import thinking_of
from sluiceway.wire.translation.losses import Losses
from sluiceway.wire.translation.neutral import Message, Request, Text, Tool, ToolChoice
from sluiceway.wire.translation.offered import may_call, offered
from sluiceway.wire.translation.reading import arguments_of
from sluiceway.wire.translation.renaming import Names, as_function
from sluiceway.wire.translation.schemas import closed, of_arguments
from sluiceway.wire.translation.translator import Aim, Rendered
from sluiceway.wire.translation.turns import in_turns, with_reminders

PATH = "/v1/messages"
NAME_LENGTH = 128
MAX_USER = 256
HEADERS = (("anthropic-version", "2023-06-01"),)
_OPENING = "(The beginning of the conversation is not shown.)"
_GO_ON = "Continue."
_ANY_JSON = "Answer with one JSON object and nothing else."
_BY_SCHEMA = "Answer with one JSON object and nothing else. It must be valid by this JSON schema:\n{}"
_CACHED = {"type": "ephemeral"}


def render_request(request: Request, aim: Aim, losses: Losses) -> Rendered:
    """Never raises; what is lost is in `losses`."""
    names = Names(NAME_LENGTH)
    turns = in_turns(with_reminders(request.messages), losses)
    system = [text for text in request.system if text.text.strip()]  # an empty one is refused
    document: dict[str, Any] = {"model": aim.model}
    tools = offered(request, turns)
    if aim.counts_only:
        thinking = thinking_of(request, aim.model, models.output_limit(aim.model), turns, losses)
    else:
        document["max_tokens"] = _max_tokens(request, aim, losses)
        thinking = thinking_of(request, aim.model, document["max_tokens"], turns, losses)
        document |= _plain_fields(request, aim, thinking, losses)
    document |= thinking
    document |= _format(request, aim, document, system, losses)
    messages = _messages(turns, names, losses)
    if not messages:
        messages, system = [{"role": "user", "content": [text_block(text) for text in system]}], []
    _mend_ends(messages, aim, losses)
    document["messages"] = messages
    if system:
        document["system"] = [text_block(text) for text in system]
    if tools:
        document["tools"] = [_tool(tool, names, losses) for tool in tools]
        document |= _choice(request, names)
    if _is_uncached(request, turns):
        _cache(document)
    return Rendered(
        document,
        path=f"{PATH}/count_tokens" if aim.counts_only else PATH,
        headers=HEADERS,
        names=names.back,
        custom=frozenset(names.of(tool.name) for tool in request.tools if tool.custom),
    )


def _max_tokens(request: Request, aim: Aim, losses: Losses) -> int:
    most = aim.most_output_tokens or models.output_limit(aim.model)
    wanted = request.max_output_tokens or aim.default_output_tokens or most
    if wanted > most:
        losses.drop("max_tokens", f"lowered to the {most:,} that the model takes")
    return min(wanted, most)


def _plain_fields(request: Request, aim: Aim, thinking: dict[str, Any], losses: Losses) -> dict[str, Any]:
    fields: dict[str, Any] = _sampling(request, aim.model, "thinking" in thinking, losses)
    if aim.stream:
        fields["stream"] = True
    if request.user and len(request.user) <= MAX_USER:
        fields["metadata"] = {"user_id": request.user}
    if request.tier in ("auto", "priority"):
        fields["service_tier"] = "auto"
    elif request.tier == "standard":
        fields["service_tier"] = "standard_only"
    elif request.tier is not None:
        losses.drop("service_tier", "there is no such tier")
    if request.metadata:
        losses.drop("metadata", "it is not kept there")
    if request.verbosity is not None:
        losses.drop("verbosity", "there is no such setting")
    return fields


def _sampling(request: Request, model: str, thinks: bool, losses: Losses) -> dict[str, Any]:
    sampling, fields = request.sampling, dict[str, Any]()
    stop = [text for text in sampling.stop if text.strip()]
    if len(stop) < len(sampling.stop):
        losses.drop("stop", "Claude takes no stop sequence of white space alone")
    if stop:
        fields["stop_sequences"] = stop
    if sampling.seed is not None:
        losses.drop("seed", "answers cannot be made to repeat there")
    for name in ("frequency_penalty", "presence_penalty"):
        if getattr(sampling, name):
            losses.drop(name, "there is no such setting")
    drawn = {"temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": sampling.top_k}
    return fields | drawing.taken(drawn, model, thinks, losses)


def _format(
    request: Request, aim: Aim, document: dict[str, Any], system: list[Text], losses: Losses
) -> dict[str, Any]:
    """A schema as the API takes it; for models without, and for JSON without a schema, in words."""
    form = request.format
    if form is None:
        return {}
    if form.schema is not None and models.has_output_format(aim.model):
        told = {"type": "json_schema", "schema": closed(form.schema)}
        return {"output_config": {**document.get("output_config", {}), "format": told}}
    losses.drop("response_format", "asked for in words: nothing forces the model to keep to it")
    if form.schema is None:
        system.append(Text(_ANY_JSON))
    else:
        system.append(Text(_BY_SCHEMA.format(arguments_of(form.schema))))
    return {}


def _messages(turns: Sequence[Message], names: Names, losses: Losses) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    for turn in turns:
        blocks = blocks_of(turn.parts, names, losses)
        if not blocks:
            continue
        if messages and messages[-1]["role"] == turn.role:
            messages[-1]["content"] += blocks
        else:
            messages.append({"role": turn.role, "content": blocks})
    return messages


def _mend_ends(messages: list[dict[str, Any]], aim: Aim, losses: Losses) -> None:
    """The first message is a user's; the last one too, where the model does not go on with its own."""
    if messages[0]["role"] == "assistant":
        messages.insert(0, {"role": "user", "content": _OPENING})
    last = messages[-1]
    if last["role"] != "assistant":
        return
    if not models.takes_prefill(aim.model):
        losses.drop("messages: beginning of the answer", "the model starts anew instead of going on with it")
        messages.append({"role": "user", "content": _GO_ON})
        return
    final = last["content"][-1]
    if final["type"] == "text":  # "final assistant content cannot end with trailing whitespace"
        final["text"] = final["text"].rstrip()


def _tool(tool: Tool, names: Names, losses: Losses) -> dict[str, Any]:
    if tool.custom:
        if tool.grammar:
            losses.drop("tools.custom.format", "the grammar is said in words")
        tool = as_function(tool)
    elif tool.strict:
        losses.drop("tools.strict", "nothing forces the model to keep to the schema")
    written: dict[str, Any] = {"name": names.of(tool.name), "input_schema": of_arguments(tool.schema)}
    if tool.description:
        written["description"] = tool.description
    if tool.cache is not None:
        written["cache_control"] = tool.cache
    return written


def _choice(request: Request, names: Names) -> dict[str, Any]:
    choice = request.tool_choice
    single = request.parallel_calls is False
    if not may_call(request):
        return {"tool_choice": {"type": "none"}}
    if choice is None and not single:
        return {}
    return {"tool_choice": _written(choice or ToolChoice(), names, single)}


def _written(choice: ToolChoice, names: Names, single: bool) -> dict[str, Any]:
    written: dict[str, Any] = {"type": "any" if choice.mode == "required" else "auto"}
    if choice.mode == "required" and len(choice.names) == 1:
        written = {"type": "tool", "name": names.of(choice.names[0])}
    if single:
        written["disable_parallel_tool_use"] = True
    return written


def _cache(document: dict[str, Any]) -> None:
    """Breakpoints behind the instructions and behind the last words, so that the next turn finds this one. On
    the blocks themselves: `cache_control` on the request is Anthropic's own API's alone."""
    last = document["messages"][-1]["content"]
    for blocks in (document.get("system"), last):
        if isinstance(blocks, list) and blocks:
            blocks[-1]["cache_control"] = _CACHED


def _is_uncached(request: Request, turns: Sequence[Message]) -> bool:
    """Whether a conversation that goes on comes from an API that caches by itself: there it would cost a
    tenth from the second turn on, so it is asked for here."""
    if len(turns) < 2 or not any(turn.role == "assistant" for turn in turns):
        return False
    if any(text.cache for text in request.system) or any(tool.cache for tool in request.tools):
        return False
    return not any(getattr(part, "cache", None) for turn in turns for part in turn.parts)
