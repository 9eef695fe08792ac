"""Reads a request to generateContent or streamGenerateContent into the neutral form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote

from sluiceway.errors import WireError
from sluiceway.wire.dialect import Target
from sluiceway.wire.fields import choices, maybe_list, maybe_object, need_list, whole
from sluiceway.wire.gemini_model import OPERATIONS
from sluiceway.wire.translation.gemini.contents_in import messages_of, texts_of
from sluiceway.wire.translation.gemini.schemas import from_google
from sluiceway.wire.translation.gemini.spelling import get, plain
from sluiceway.wire.translation.losses import Losses
from sluiceway.wire.translation.neutral import Effort, Format, Reasoning, Request, Sampling, Tool, ToolChoice
from sluiceway.wire.translation.reading import (
    drop_unknown,
    maybe_number,
    maybe_text,
    maybe_whole,
    need_object,
    need_text,
    words,
)

_FIELDS = (
    *("contents", "systemInstruction", "tools", "toolConfig", "safetySettings", "generationConfig"),
    *("cachedContent", "labels", "serviceTier", "model", "store"),
)
_CONFIG = (
    *("stopSequences", "responseMimeType", "responseSchema", "responseJsonSchema", "responseModalities"),
    *("candidateCount", "maxOutputTokens", "temperature", "topP", "topK", "seed", "presencePenalty"),
    *("frequencyPenalty", "responseLogprobs", "logprobs", "thinkingConfig", "speechConfig", "imageConfig"),
    *("mediaResolution", "enableEnhancedCivicAnswers", "routingConfig", "audioTimestamp"),
)
_KNOWN, _KNOWN_CONFIG = frozenset(_FIELDS), frozenset((*_CONFIG, "_responseJsonSchema"))
_ESSENTIAL = {
    "responseLogprobs": "the answer would lack them",
    "logprobs": "the answer would lack them",
    "speechConfig": "the answer would have no sound",
    "imageConfig": "the answer would have no picture",
}
_DROPPED = {
    "mediaResolution": "there is no such setting",
    "enableEnhancedCivicAnswers": "it is Google's own",
    "routingConfig": "it is Google's own",
    "audioTimestamp": "it is Google's own",
}
_MODES = {"AUTO": "auto", "VALIDATED": "auto", "ANY": "required", "NONE": "none"}
_LEVELS: dict[str, Effort] = {
    "MINIMAL": "minimal",
    "LOW": "low",
    "MEDIUM": "medium",
    "HIGH": "high",
    "XHIGH": "xhigh",
}
_TIERS = {"standard": "standard", "flex": "flex", "priority": "priority"}
_STREAMS = "streamGenerateContent"


def parse_request(document: Mapping[str, Any], target: Target, losses: Losses) -> Request:
    """Raises WireError naming the field that is wrong."""
    model, method = _addressed(target.path)
    told = get(document, "generateContentRequest")  # what is to be counted
    given = plain(told if isinstance(told, dict) else document, _FIELDS)
    stream = method == _STREAMS
    if stream and "sse" not in parse_qs(target.query).get("alt", ()):
        losses.need("alt", "a stream is server-sent events there: ask with alt=sse")
    config = plain(maybe_object(given, "generationConfig"), _CONFIG)
    _count_losses(given, config, losses)
    return Request(
        model=model,
        messages=tuple(messages_of(need_list(given, "contents"), losses)),
        system=texts_of(given.get("systemInstruction"), "systemInstruction"),
        tools=tuple(_tools(maybe_list(given, "tools"), losses)),
        tool_choice=_choice(get(maybe_object(given, "toolConfig"), "functionCallingConfig")),
        max_output_tokens=whole(config, "maxOutputTokens", "generationConfig."),
        sampling=_sampling(config),
        format=_format(config),
        reasoning=_reasoning(config.get("thinkingConfig")),
        stream=stream,
        tier=_TIERS.get(str(given.get("serviceTier")).lower()),
        metadata=maybe_object(given, "labels"),
    )


def _addressed(path: str) -> tuple[str, str]:
    """The model and the method. A route may have put another provider's model there, whose name Google would
    not take (`anthropic/claude-...`, `amazon.nova-pro-v1:0`)."""
    model, _, method = unquote(path.rstrip("/").rpartition("/")[2]).rpartition(":")
    if not model or method not in OPERATIONS:
        raise WireError("path: must end in models/{model}:{method}")
    return model, method


def _count_losses(given: Mapping[str, Any], config: Mapping[str, Any], losses: Losses) -> None:
    if given.get("cachedContent"):
        losses.need("cachedContent", "the beginning of the conversation is kept by Google")
    if given.get("safetySettings"):
        losses.drop("safetySettings", "there is no such setting")
    for name, why in _ESSENTIAL.items():
        if config.get(name):
            losses.need(f"generationConfig.{name}", why)
    for name, why in _DROPPED.items():
        if config.get(name):
            losses.drop(f"generationConfig.{name}", why)
    if choices(config, "candidateCount", "generationConfig.") > 1:
        losses.need("generationConfig.candidateCount", "one answer is given there")
    if set(words(config.get("responseModalities"), "generationConfig.responseModalities")) - {"TEXT", "text"}:
        losses.need("generationConfig.responseModalities", "the answer would be words alone")
    drop_unknown(given, _KNOWN, losses)
    drop_unknown(config, _KNOWN_CONFIG, losses)


def _tools(given: list[Any], losses: Losses) -> Iterator[Tool]:
    for number, one in enumerate(given):
        tool = plain(need_object(one, f"tools[{number}]"), ("functionDeclarations",))
        for at, declared in enumerate(maybe_list(tool, "functionDeclarations")):
            where = f"tools[{number}].functionDeclarations[{at}]"
            yield _function(need_object(declared, where), where)
        for name in sorted(tool.keys() - {"functionDeclarations"}):
            known = name if name.isascii() and name.isidentifier() and len(name) < 40 else "(unknown)"
            losses.need(f"tools.{known}", "only Google and its models have this tool")


def _function(function: Mapping[str, Any], where: str) -> Tool:
    schema, own = get(function, "parametersJsonSchema"), function.get("parameters")
    if schema is None and own is not None:
        schema = from_google(need_object(own, f"{where}.parameters"))
    if schema is not None and not isinstance(schema, dict):
        raise WireError(f"{where}.parametersJsonSchema: must be an object")
    name = need_text(function, "name", where)
    return Tool(name, maybe_text(function, "description", f"{where}."), schema)


def _choice(told: object) -> ToolChoice | None:
    if told is None:
        return None
    config = need_object(told, "toolConfig.functionCallingConfig")
    mode = _MODES.get(str(config.get("mode") or "AUTO").upper(), "auto")
    names = words(
        get(config, "allowedFunctionNames"), "toolConfig.functionCallingConfig.allowedFunctionNames"
    )
    return ToolChoice("required" if mode == "required" else "none" if mode == "none" else "auto", names)


def _sampling(config: Mapping[str, Any]) -> Sampling:
    return Sampling(
        temperature=maybe_number(config, "temperature"),
        top_p=maybe_number(config, "topP"),
        top_k=whole(config, "topK", "generationConfig."),
        stop=words(config.get("stopSequences"), "generationConfig.stopSequences"),
        seed=maybe_whole(config, "seed"),
        frequency_penalty=maybe_number(config, "frequencyPenalty"),
        presence_penalty=maybe_number(config, "presencePenalty"),
    )


def _format(config: Mapping[str, Any]) -> Format | None:
    schema = config.get("responseJsonSchema") or config.get("_responseJsonSchema")
    if schema is None and (own := config.get("responseSchema")) is not None:
        schema = from_google(need_object(own, "generationConfig.responseSchema"))
    if schema is not None:
        return Format(need_object(schema, "generationConfig.responseJsonSchema"))
    return Format() if config.get("responseMimeType") == "application/json" else None


def _reasoning(told: object) -> Reasoning:
    if told is None:
        return Reasoning()
    thinking = need_object(told, "generationConfig.thinkingConfig")
    shown = get(thinking, "includeThoughts") is True
    budget, level = get(thinking, "thinkingBudget"), get(thinking, "thinkingLevel")
    effort = _LEVELS.get(str(level).upper())
    if effort is not None:
        return Reasoning(True, effort=effort, shown=shown)
    if not isinstance(budget, int) or isinstance(budget, bool) or budget < 0:  # -1: as the model likes
        return Reasoning(shown=shown)
    return Reasoning(budget > 0, budget or None, shown=shown)
