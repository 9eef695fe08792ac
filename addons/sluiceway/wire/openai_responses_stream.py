"""What a Responses answer says about itself, as one response or as events, and how to end such a stream."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sluiceway.types import Answer, Call, Refusal, Usage, UsageSource
from sluiceway.wire import openai_error
from sluiceway.wire.extent import IMAGE_BYTES, text_bytes
from sluiceway.wire.fields import count, first_count, items, label, last_object, load, mapping, word
from sluiceway.wire.openai_responses_end import Ending
from sluiceway.wire.own_cost import own_cost
from sluiceway.wire.sse import data_of, name_of

_GENERATED = re.compile(rb'"delta":[ ]?"([^"\\]*+(?:\\.[^"\\]*+)*+)')
_SEALED = re.compile(rb'"encrypted_content":[ ]?"([^"\\]*+(?:\\.[^"\\]*+)*+)')
_ENVELOPE_BYTES = 150  # of an event around a delta of a kind we do not know
_MAX_KEPT_BYTES = 1 << 20
_TERMINAL = frozenset(
    # The last one is OpenRouter's.
    {"response.completed", "response.incomplete", "response.failed", "response.cancelled", "response.done"}
)
_RARE = frozenset(
    name.encode()
    for name in (
        *_TERMINAL,
        "error",
        "response.created",
        "response.output_item.added",
        "response.output_item.done",
        "response.content_part.added",
        "response.content_part.done",
    )
)
_NOTHING_USED = Usage(input_tokens=0, output_tokens=0, source=UsageSource.REPORTED)
_FINAL_STATUS = frozenset({"completed", "incomplete", "failed", "cancelled"})
# Tools that OpenAI runs and bills by use (pricing page, built-in tools).
_BILLED_CALLS = {
    "web_search_call": "web_search",
    "file_search_call": "file_search",
    "code_interpreter_call": "code_interpreter",
    "image_generation_call": "image_generation",
}


def parse_response(document: object) -> Answer:
    """One response: the answer to a request that was not streamed, or what the last event carries.

    One that still runs in the background has no usage yet and is not complete."""
    response = mapping(document)
    status = response.get("status")
    usage = usage_of(response)
    if status is None and response.get("error") and not response.get("output"):
        usage = _NOTHING_USED  # an error with status 200
    return Answer(
        usage=usage,
        model=label(response.get("model")),
        response_id=label(response.get("id")),
        service_tier=label(response.get("service_tier"), 64),
        # A compaction has a usage but no status.
        complete=status in _FINAL_STATUS or (status is None and usage.source is UsageSource.REPORTED),
        output_bytes=sum(_generated(mapping(item)) for item in items(response.get("output"))),
        error_type=_fault(response) if status == "failed" or usage is _NOTHING_USED else None,
        cost_usd=own_cost(mapping(response.get("usage"))),
    )


def _fault(response: Mapping[str, Any]) -> str | None:
    error = mapping(response.get("error"))
    return word(error.get("code")) or word(error.get("type"))


def _generated(item: Mapping[str, Any]) -> int:
    """The bytes of an output item that the model wrote."""
    parts = [*items(item.get("content")), *items(item.get("summary"))]
    written = [item.get(name) for name in ("name", "arguments", "input", "code", "encrypted_content")]
    return text_bytes([*written, *(mapping(part).get("text") for part in parts)])


def usage_of(response: Mapping[str, Any]) -> Usage:
    """The usage of a finished response. Input includes cached tokens, output includes reasoning, which xAI
    counts in the total alone. Some servers use the names of Chat Completions."""
    usage = mapping(response.get("usage"))
    read = first_count(usage.get("input_tokens"), usage.get("prompt_tokens"))
    generated = first_count(usage.get("output_tokens"), usage.get("completion_tokens"))
    if read is None and generated is None:
        return Usage()
    everything = count(usage.get("total_tokens"))
    if read is not None and generated is not None and everything is not None:
        generated = max(generated, everything - read)
    inputs = mapping(usage.get("input_tokens_details") or usage.get("prompt_tokens_details"))
    outputs = mapping(usage.get("output_tokens_details") or usage.get("completion_tokens_details"))
    return Usage(
        input_tokens=read,
        output_tokens=generated,
        cache_read_tokens=count(inputs.get("cached_tokens")),
        cache_write_tokens=count(inputs.get("cache_write_tokens")),
        reasoning_tokens=count(outputs.get("reasoning_tokens")),
        tool_units=_tool_units(response),
        source=UsageSource.PARTIAL if None in (read, generated) else UsageSource.REPORTED,
    )


def _tool_units(response: Mapping[str, Any]) -> dict[str, int]:
    """Calls of built-in tools. OpenAI's own count of billable searches wins; without it a web search counts
    unless its action says that it only opened or searched within a page."""
    units: dict[str, int] = {}
    for item in map(mapping, items(response.get("output"))):
        name = _BILLED_CALLS.get(str(item.get("type")))
        if name and mapping(item.get("action")).get("type", "search") == "search":
            units[name] = units.get(name, 0) + 1
    reported = mapping(mapping(response.get("tool_usage")).get("web_search")).get("num_requests")
    searches = count(reported)
    if searches is not None:
        units["web_search"] = searches
    return {name: number for name, number in units.items() if number}


def _is_first_text(document: Mapping[str, Any]) -> bool:
    part = mapping(document.get("part"))
    return document.get("content_index") == 0 and part.get("type") == "output_text" and not part.get("text")


class ResponsesMeter:
    """Meters a stream of Responses events. `output_bytes` are the JSON-escaped bytes of the deltas, of
    reasoning that comes sealed, and 4,500 for an image; a delta of an unknown kind counts its event without
    the 150 bytes that an envelope takes. The finished items and the open text (up to 1 MB) are kept to end
    the stream whole."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._created: Mapping[str, Any] = {}
        self._answer = Answer()
        self._done: list[bytes] = []
        self._open_item: Mapping[str, Any] | None = None
        self._open_text: list[bytes] = []
        self._text_is_open = False
        self._kept_bytes = 0
        self._items = 0
        self._events = 0
        self._output_bytes = 0
        self.ended = False

    def event(self, event: bytes) -> None:
        self._events += 1
        name = name_of(event)
        if name.endswith(b".delta"):
            self._delta(name, event)
        elif not name or name in _RARE:
            self._rare(name.decode(), event)

    def _delta(self, name: bytes, event: bytes) -> None:
        generated = _GENERATED.search(event)
        if generated is None:
            self._output_bytes += max(1, len(event.strip()) - _ENVELOPE_BYTES)
            return
        text = generated[1]
        if name == b"response.audio.delta":
            return  # base64; what is said comes as a transcript too
        self._output_bytes += len(text)
        if name == b"response.output_text.delta":
            self._keep(self._open_text, text)

    def _keep(self, where: list[bytes], piece: bytes) -> None:
        self._kept_bytes += len(piece)
        if self._kept_bytes <= _MAX_KEPT_BYTES:
            where.append(piece)

    def _rare(self, name: str, event: bytes) -> None:
        data = data_of(event)
        document = mapping(load(data))
        kind = document.get("type") or name
        if document.get("object") == "response":  # whole, though a stream was asked for
            self._end({"response": document}, event)
        elif kind == "response.created":
            self._created = mapping(document.get("response"))
        elif kind == "response.output_item.added":
            self._items += 1
            self._open_item = mapping(document.get("item"))
        elif kind == "response.content_part.added":
            self._open_text.clear()
            self._text_is_open = _is_first_text(document)
        elif kind == "response.content_part.done":
            self._text_is_open = False
        elif kind == "response.output_item.done":
            self._item_done(data, mapping(document.get("item")))
        elif str(kind).endswith(".delta"):
            self._delta(str(kind).encode(), event)
        elif kind in _TERMINAL:
            self._end(document, event)
        elif kind == "error":
            fault = mapping(document.get("error")) or document
            kind_of_fault = word(fault.get("code")) or word(fault.get("type"))
            self._answer = Answer(error_type=kind_of_fault or "error")
            self.ended = True

    def _item_done(self, data: bytes, item: Mapping[str, Any]) -> None:
        self._open_item = None
        self._text_is_open = False
        self._output_bytes += sum(len(sealed[1]) for sealed in _SEALED.finditer(data))
        if item.get("type") == "image_generation_call":
            self._output_bytes += IMAGE_BYTES
        self._keep(self._done, data)

    def _end(self, document: Mapping[str, Any], event: bytes) -> None:
        self.ended = True
        response = mapping(document.get("response"))
        if not response:  # larger than an event is kept: its usage stands at the end
            response = {**self._created, "usage": last_object(event, "usage"), "status": "completed"}
        self._answer = parse_response(response)

    def answer(self) -> Answer:
        known = self._answer if self.ended else Answer()
        return Answer(
            usage=known.usage,
            model=known.model or label(self._created.get("model")),
            response_id=known.response_id or label(self._created.get("id")),
            service_tier=known.service_tier or label(self._created.get("service_tier"), 64),
            complete=known.complete,
            output_bytes=max(1, self._output_bytes) if self._items else self._output_bytes,
            error_type=known.error_type,
            cost_usd=known.cost_usd,
        )

    def cut(self, message: str) -> bytes:
        """Open text takes the message and is closed. Anything else that is open is left so, because a client
        may run a tool whose item is done, and the message comes as an item of its own."""
        ending = Ending(self._created, self._call, self._events)
        done = [mapping(mapping(load(data)).get("item")) for data in self._done]
        if self._text_is_open and self._open_item is not None:
            text = load(b'"' + b"".join(self._open_text) + b'"')
            text = text if isinstance(text, str) else ""
            last = ending.open_message(self._open_item, max(0, self._items - 1), text, message)
        else:
            last = ending.new_message(self._items, message)
        return ending.incomplete([*done, last])

    def fail(self, refusal: Refusal, request_id: str) -> bytes:
        ending = Ending(self._created, self._call, self._events)
        return ending.failed(openai_error.failure_code(refusal), refusal.message)
