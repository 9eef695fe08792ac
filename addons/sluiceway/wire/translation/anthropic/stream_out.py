"""Writes a stream of the Messages API from neutral events."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson

from sluiceway.types import Usage
from sluiceway.wire.translation.anthropic.answer import message_id, usage_fields, word_of
from sluiceway.wire.translation.anthropic.blocks_out import call_block, thinking_block
from sluiceway.wire.translation.anthropic.errors import error_object
from sluiceway.wire.translation.events import (
    ArgumentsDelta,
    Event,
    Failed,
    Finished,
    PartEnded,
    PartStarted,
    SignatureDelta,
    Started,
    TextDelta,
    ThinkingDelta,
)
from sluiceway.wire.translation.neutral import Part, Text, Thinking, ToolCall
from sluiceway.wire.translation.translator import Asked

PING = b'event: ping\ndata: {"type":"ping"}\n\n'


class MessageWriter:
    """Parts that the client's API has no block for are left out; blocks are counted without them."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._open: dict[int, int] = {}  # our index of an open part to the stream's
        self._next = 0
        self._has_calls = False
        self._known = Usage()

    def write(self, event: Event) -> bytes:
        if isinstance(event, TextDelta):
            return self._delta(event.index, "text_delta", "text", event.text)
        if isinstance(event, ArgumentsDelta):
            return self._delta(event.index, "input_json_delta", "partial_json", event.text)
        if isinstance(event, ThinkingDelta):
            return self._delta(event.index, "thinking_delta", "thinking", event.text)
        return self._rare(event)

    def _rare(self, event: Event) -> bytes:
        match event:
            case SignatureDelta():
                return self._delta(event.index, "signature_delta", "signature", event.signature)
            case PartStarted():
                return self._start(event.index, event.part)
            case PartEnded():
                return self._stop(event.index)
            case Started():
                return self._begin(event)
            case Finished():
                return self._finish(event)
            case Failed():
                return _event({"type": "error", "error": error_object(event.failure)})
        return b""

    def _begin(self, event: Started) -> bytes:
        self._known = event.usage
        message: dict[str, Any] = {
            "id": message_id(event.id or self._asked.fallback_id),
            "type": "message",
            "role": "assistant",
            "model": event.model or self._asked.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage_fields(event.usage),
        }
        return _event({"type": "message_start", "message": message})

    def _start(self, index: int, part: Part) -> bytes:
        block, rest = _empty(part)
        if block is None:
            return PING if isinstance(part, Thinking) else b""  # a client's clock runs while a model thinks
        self._has_calls = self._has_calls or isinstance(part, ToolCall)
        self._open[index] = self._next
        self._next += 1
        begun = _event({"type": "content_block_start", "index": self._open[index], "content_block": block})
        return begun + self.write(rest(index)) if rest else begun

    def _delta(self, index: int, kind: str, name: str, text: str) -> bytes:
        at = self._open.get(index)
        if at is None:
            return b""
        return (
            b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":%b}\n\n'
            % (
                at,
                orjson.dumps({"type": kind, name: text}),
            )
        )

    def _stop(self, index: int) -> bytes:
        at = self._open.pop(index, None)
        return b"" if at is None else _event({"type": "content_block_stop", "index": at})

    def _finish(self, event: Finished) -> bytes:
        left = b"".join(self._stop(index) for index in list(self._open))
        delta = {
            "stop_reason": word_of(event.stop_reason, self._has_calls),
            "stop_sequence": event.stop_sequence,
        }
        usage = usage_fields(_latest(self._known, event.usage))
        return (
            left
            + _event({"type": "message_delta", "delta": delta, "usage": usage})
            + _event({"type": "message_stop"})
        )


def _empty(part: Part) -> tuple[dict[str, Any] | None, Any]:
    """The block as it begins, and what makes the first delta where the part has come with words in it."""
    if isinstance(part, Text):
        text = part.text
        return {"type": "text", "text": ""}, (lambda index: TextDelta(index, text)) if text else None
    if isinstance(part, ToolCall):
        arguments = part.arguments
        made = (lambda index: ArgumentsDelta(index, arguments)) if arguments else None
        return call_block(part, part.name, {}), made
    if isinstance(part, Thinking) and part.vendor == "anthropic":
        said = part.text
        begun = replace(part, text="") if part.redacted is None else part
        return thinking_block(begun), (lambda index: ThinkingDelta(index, said)) if said else None
    return None, None


def _latest(before: Usage, after: Usage) -> Usage:
    return after if after.input_tokens is not None else replace(before, output_tokens=after.output_tokens)


def _event(document: dict[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (document["type"].encode(), orjson.dumps(document))
