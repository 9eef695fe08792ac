"""What a Chat Completions answer says about itself, as one document or as chunks, and how to end its stream.

Usage comes once, in a chunk with empty `choices` before [DONE] (OpenAI API reference, `stream_options`).
Servers that tell it in each chunk (vLLM, Perplexity) tell the whole so far. Groq puts it in `x_groq`,
Moonshot in the choice it ends; DeepSeek and Moonshot have their own field for cached tokens, DashScope one
for those it writes; xAI and Gemini's compatible endpoint leave reasoning out of `completion_tokens` but not
out of `total_tokens`; Perplexity counts the searches it charges for, and sends no [DONE]; MiniMax answers
200 to what it refuses. (The providers' API references, Chat.)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sluiceway.types import NO_UNITS, Answer, Call, Refusal, Usage, UsageSource
from sluiceway.wire import openai_error
from sluiceway.wire.extent import text_bytes
from sluiceway.wire.fields import (
    count,
    first_count,
    items,
    label,
    last_object,
    load,
    mapping,
    newer,
    total,
    word,
)
from sluiceway.wire.own_cost import own_cost
from sluiceway.wire.sse import data_of, render

# Strings of a delta that hold what was generated. A quote in generated text is escaped, so it cannot match.
_GENERATED = re.compile(
    rb'"(?:content|reasoning_content|reasoning|refusal|arguments|name|transcript|text)":[ ]?'
    rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)'
)
_USAGE = re.compile(rb'"usage"\s*:\s*\{')
_FINISH = re.compile(rb'"finish_reason"\s*:\s*"[^"]')
_NO_CHOICES = re.compile(rb'"choices"\s*:\s*\[\s*\]')
_SEARCH_MODEL = re.compile(r"gpt-[\w.-]+-search-(?:preview|api)")
_NOT_FINISHED = (None, "", "null")  # DashScope's and older servers' words for null
_DONE = b"[DONE]"
CHUNK, TEXT = "chat.completion.chunk", "text_completion"
_NOTHING_USED = Usage(input_tokens=0, output_tokens=0, source=UsageSource.REPORTED)


def parse_completion(document: object) -> Answer:
    """The answer to a request that was not streamed."""
    completion = mapping(document)
    if (fault := _refused(completion)) is not None:
        return Answer(usage=_NOTHING_USED, complete=True, error_type=fault)
    choices = [mapping(choice) for choice in items(completion.get("choices"))]
    told = _usage_in(completion)
    usage = _with_its_search(usage_of(told), completion.get("model"))
    return Answer(
        usage=usage,
        model=label(completion.get("model")),
        response_id=label(completion.get("id")),
        service_tier=label(completion.get("service_tier"), 64),
        complete=bool(choices) or usage.source is UsageSource.REPORTED,
        output_bytes=sum(map(_written, choices)),
        cost_usd=own_cost(told),
    )


def _written(choice: Mapping[str, Any]) -> int:
    """The bytes of a choice that the model wrote: its message, or its text where it completes a prompt."""
    return _generated(mapping(choice.get("message"))) + text_bytes(choice.get("text"))


def _refused(completion: Mapping[str, Any]) -> str | None:
    """An error in an answer with status 200: MiniMax's `base_resp.status_code` is not 0, routers and
    self-hosted servers send an error alone."""
    code = count(mapping(completion.get("base_resp")).get("status_code"))
    if code:
        return f"base_resp_{code}"
    return None if completion.get("choices") or completion.get("usage") else _fault_in(completion)


def _fault_in(chunk: Mapping[str, Any]) -> str | None:
    """The type of an error: an object, its bare text, or vLLM's own kind of document."""
    if chunk.get("error") or chunk.get("object") == "error" or mapping(chunk.get("x_groq")).get("error"):
        told = openai_error.parse_error(chunk).error_type or word(chunk.get("error_type"))
        return told or "error"
    return None


def _generated(message: Mapping[str, Any]) -> int:
    """The bytes of a message that the model wrote; of audio its transcript."""
    spoken = mapping(message.get("audio")).get("transcript")
    return text_bytes({**message, "role": None, "audio": spoken})


def usage_of(usage: Mapping[str, Any], final: bool = True) -> Usage:
    """OpenAI's counts are ours: prompt tokens include cached ones, completion tokens include reasoning. Some
    servers use the names of the Responses API."""
    hits = count(usage.get("prompt_cache_hit_tokens"))
    prompt = first_count(usage.get("prompt_tokens"), usage.get("input_tokens"))
    if prompt is None:
        prompt = total(hits, count(usage.get("prompt_cache_miss_tokens")))
    completion = first_count(usage.get("completion_tokens"), usage.get("output_tokens"))
    if prompt is None and completion is None:
        return Usage()
    everything = count(usage.get("total_tokens"))
    if completion is not None and prompt is not None and everything is not None:
        completion = max(completion, everything - prompt)
    inputs = mapping(usage.get("prompt_tokens_details") or usage.get("input_tokens_details"))
    outputs = mapping(usage.get("completion_tokens_details") or usage.get("output_tokens_details"))
    drawn = count(outputs.get("image_tokens"))
    return Usage(
        input_tokens=prompt,
        output_tokens=completion,
        cache_read_tokens=first_count(inputs.get("cached_tokens"), usage.get("cached_tokens"), hits),
        cache_write_tokens=first_count(
            inputs.get("cache_write_tokens"), inputs.get("cache_creation_input_tokens")
        ),
        reasoning_tokens=first_count(outputs.get("reasoning_tokens"), usage.get("reasoning_tokens")),
        audio_input_tokens=count(inputs.get("audio_tokens")),
        audio_output_tokens=count(outputs.get("audio_tokens")),
        image_tokens=drawn,
        image_input_tokens=None if drawn is None else count(inputs.get("image_tokens")),
        tool_units=_tool_units(usage),
        source=UsageSource.REPORTED if final and None not in (prompt, completion) else UsageSource.PARTIAL,
    )


def _tool_units(usage: Mapping[str, Any]) -> Mapping[str, int]:
    """Perplexity's and OpenRouter's searches, xAI's sources, the seconds that Mistral's Voxtral heard."""
    served = mapping(usage.get("server_tool_use"))
    told = {
        "web_search": first_count(usage.get("num_search_queries"), served.get("web_search_requests")),
        "live_search_sources": count(usage.get("num_sources_used")),
        "audio_seconds": count(usage.get("prompt_audio_seconds")),
    }
    return {name: number for name, number in told.items() if number} or NO_UNITS


def _with_its_search(usage: Usage, model: object) -> Usage:
    """OpenAI's search models search for every answer, which is billed and told nowhere."""
    if usage.source is UsageSource.NONE or not _SEARCH_MODEL.match(str(model)):
        return usage
    return replace(usage, tool_units={**usage.tool_units, "search_model_calls": 1})


def _usage_in(chunk: Mapping[str, Any]) -> Mapping[str, Any]:
    told = mapping(chunk.get("usage")) or mapping(mapping(chunk.get("x_groq")).get("usage"))
    if told:
        return told
    choices = map(mapping, items(chunk.get("choices")))
    return next((usage for choice in choices if (usage := mapping(choice.get("usage")))), told)


def is_usage_chunk(event: bytes) -> bool:
    """Whether this is the extra chunk that `include_usage` brings: usage, and no choices."""
    if not _NO_CHOICES.search(event) or not _USAGE.search(event):
        return False
    chunk = mapping(load(data_of(event)))
    return chunk.get("choices") == [] and isinstance(chunk.get("usage"), dict)


class ChatMeter:
    """Meters a stream of chunks. `output_bytes` are the JSON-escaped bytes of the text, reasoning, refusals,
    transcripts, tool names and arguments in the deltas."""

    def __init__(self, call: Call, form: str = CHUNK) -> None:
        self._call = call
        self._form = form  # of the stream's end, where it ends before it has shown its own
        self._first: Mapping[str, Any] | None = None
        self._usage: Mapping[str, Any] = {}
        self._usage_is_final = False
        self._service_tier: str | None = None
        self._finished: set[int] = set()
        self._output_bytes = 0
        self._error_type: str | None = None
        self.ended = False

    def event(self, event: bytes) -> None:
        before = self._output_bytes
        for generated in _GENERATED.finditer(event):
            self._output_bytes += generated.end(1) - generated.start(1)
        if self._output_bytes > before:
            self._usage_is_final = False  # some servers tell the prompt's count first, in a chunk of its own
        if self._first is None or _USAGE.search(event) or _FINISH.search(event):
            self._rare(event)
        elif _DONE in event and data_of(event).strip() == _DONE:
            self.ended = True
        elif b'"error"' in event:
            self._fault(mapping(load(data_of(event))))

    def _rare(self, event: bytes) -> None:
        data = data_of(event)
        if data.strip() == _DONE:
            self.ended = True
            return
        chunk = mapping(load(data)) or {"usage": last_object(event, "usage")}
        if self._first is None and chunk.get("id"):
            self._first = {name: value for name, value in chunk.items() if name not in ("choices", "usage")}
        self._service_tier = label(chunk.get("service_tier"), 64) or self._service_tier
        told = _usage_in(chunk)
        self._usage = newer(self._usage, told)
        choices = items(chunk.get("choices"))
        for choice in map(mapping, choices):
            if choice.get("finish_reason") not in _NOT_FINISHED:
                self._finished.add(count(choice.get("index")) or 0)
        self._usage_is_final = self._usage_is_final or bool(told and not choices)
        self._fault(chunk)

    def _fault(self, chunk: Mapping[str, Any]) -> None:
        if (fault := _refused(chunk) or _fault_in(chunk)) is not None:
            self._error_type = fault
            self.ended = True

    def answer(self) -> Answer:
        first = self._first or {}
        finished = len(self._finished) >= self._call.choices
        final = self._usage_is_final or self.ended or finished
        usage = _with_its_search(usage_of(self._usage, final), first.get("model"))
        ended = self.ended or self._usage_is_final or (finished and usage.source is UsageSource.REPORTED)
        return Answer(
            usage=usage,
            model=label(first.get("model")),
            response_id=label(first.get("id")),
            service_tier=self._service_tier,
            complete=ended and self._error_type is None,
            output_bytes=self._output_bytes,
            error_type=self._error_type,
            cost_usd=own_cost(self._usage),
        )

    def cut(self, message: str) -> bytes:
        """Each choice that is still open gets the message as content, which leaves tool arguments alone."""
        open_choices = [index for index in range(self._call.choices) if index not in self._finished]
        text = f"\n\n{message}" if self._output_bytes else message
        chunks = [self._chunk(index, {"content": text}, None) for index in open_choices]
        chunks += [self._chunk(index, {}, "length") for index in open_choices]
        return b"".join(chunks) + b"data: " + _DONE + b"\n\n"

    def _chunk(self, index: int, delta: dict[str, object], reason: str | None) -> bytes:
        first = self._first or {}
        form = first.get("object", self._form)
        said = {"text": delta.get("content", "")} if form == TEXT else {"delta": delta}
        choice = {"index": index, **said, "logprobs": None, "finish_reason": reason}
        return render(
            {
                "id": first.get("id", "chatcmpl-sluiceway"),
                "object": form,
                "created": first.get("created", 0),
                "model": first.get("model", self._call.model),
                "choices": [choice],
            }
        )

    def fail(self, refusal: Refusal, request_id: str) -> bytes:
        return render({"error": {**openai_error.error_object(refusal), "request_id": request_id}})
