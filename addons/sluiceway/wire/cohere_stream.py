"""What a Cohere v2 chat answer says about itself, as one document or as events, and how to end its stream.

`usage.billed_units` is what the bill is made of; `usage.tokens` also counts Cohere's own preamble, and stands
in where nothing else is told. `cached_tokens` counts prompt tokens among the latter. (Cohere API reference,
Chat v2)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sluiceway.types import NO_UNITS, Answer, Call, Refusal, Usage, UsageSource
from sluiceway.wire.extent import text_bytes
from sluiceway.wire.fields import count, label, last_object, load, mapping
from sluiceway.wire.sse import data_of, render

_GENERATED = re.compile(
    rb'"(?:text|thinking|arguments|name|tool_plan)":[ ]?"([^"\\]*+(?:\\.[^"\\]*+)*+)', re.DOTALL
)
_RARE = re.compile(
    rb'"(?:message-start|message-end|content-start|content-end|tool-call-start|tool-call-end)"'
)
_MODEL_SAID = ("content", "tool_plan", "tool_calls")


def parse_chat(document: object) -> Answer:
    """The answer to a request that was not streamed. It does not name its model."""
    answer = mapping(document)
    message = mapping(answer.get("message"))
    return Answer(
        usage=usage_of(mapping(answer.get("usage"))),
        model=label(answer.get("model")),
        response_id=label(answer.get("id")),
        complete=isinstance(answer.get("message"), dict),
        output_bytes=sum(text_bytes(message.get(name)) for name in _MODEL_SAID),
        error_type="error" if answer.get("finish_reason") == "ERROR" else None,
    )


def usage_of(usage: Mapping[str, Any], final: bool = True) -> Usage:
    billed, seen = mapping(usage.get("billed_units")), mapping(usage.get("tokens"))
    read = _either(billed, seen, "input_tokens")
    written = _either(billed, seen, "output_tokens")
    if read is None and written is None:
        return Usage()
    cached, searches = count(usage.get("cached_tokens")), count(billed.get("search_units"))
    whole = final and None not in (read, written)
    return Usage(
        input_tokens=read,
        output_tokens=written,
        cache_read_tokens=None if cached is None else min(cached, read or 0),
        tool_units={"search_units": searches} if searches else NO_UNITS,
        source=UsageSource.REPORTED if whole else UsageSource.PARTIAL,
    )


def _either(billed: Mapping[str, Any], seen: Mapping[str, Any], name: str) -> int | None:
    told = count(billed.get(name))
    return count(seen.get(name)) if told is None else told


class CohereMeter:
    """Meters a stream of events. `output_bytes` are the JSON-escaped bytes of text, reasoning, tool plans,
    tool names and arguments."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._id: str | None = None
        self._usage: Mapping[str, Any] = {}
        self._open: int | None = None  # the content block that has begun
        self._blocks = 0
        self._output_bytes = 0
        self._error_type: str | None = None
        self.ended = False

    def event(self, event: bytes) -> None:
        for generated in _GENERATED.finditer(event):
            self._output_bytes += generated.end(1) - generated.start(1)
        if _RARE.search(event):
            self._rare(event)

    def _rare(self, event: bytes) -> None:
        document = mapping(load(data_of(event)))
        kind = document.get("type")
        if kind == "message-start":
            self._id = label(document.get("id"))
        elif kind == "content-start":
            self._open = count(document.get("index")) or 0
            self._blocks = max(self._blocks, self._open + 1)
        elif kind == "content-end":
            self._open = None
        elif kind == "message-end" or (not document and b"message-end" in event):
            self._end(mapping(document.get("delta")), event)

    def _end(self, delta: Mapping[str, Any], event: bytes) -> None:
        self._usage = mapping(delta.get("usage")) or last_object(event, "usage")
        if delta.get("error") or delta.get("finish_reason") == "ERROR":
            self._error_type = "error"
        self.ended = True

    def answer(self) -> Answer:
        return Answer(
            usage=usage_of(self._usage, self.ended),
            response_id=self._id,
            complete=self.ended and self._error_type is None,
            output_bytes=self._output_bytes,
            error_type=self._error_type,
        )

    def cut(self, message: str) -> bytes:
        """The message goes into the open block of content, or one of its own; then the ending of a limit."""
        index = self._blocks if self._open is None else self._open
        text = f"\n\n{message}" if self._output_bytes else message
        events = []
        if self._open is None:
            events.append(_event("content-start", index, {"content": {"type": "text", "text": ""}}))
        events.append(_event("content-delta", index, {"content": {"text": text}}))
        events.append(render({"type": "content-end", "index": index}, "content-end"))
        return b"".join([*events, _message_end({"finish_reason": "MAX_TOKENS"})])

    def fail(self, refusal: Refusal, request_id: str) -> bytes:
        return _message_end({"finish_reason": "ERROR", "error": refusal.message})


def _event(kind: str, index: int, message: dict[str, object]) -> bytes:
    return render({"type": kind, "index": index, "delta": {"message": message}}, kind)


def _message_end(delta: dict[str, object]) -> bytes:
    return render({"type": "message-end", "delta": delta}, "message-end")
