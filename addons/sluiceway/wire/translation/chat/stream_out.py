"""Writes a stream of Chat Completions from neutral events."""

from __future__ import annotations

from typing import Any

import orjson

from sluiceway.types import Usage
from sluiceway.wire.translation.chat.answer import completion_id, usage_fields, word_of
from sluiceway.wire.translation.chat.errors import error_object
from sluiceway.wire.translation.events import (
    ArgumentsDelta,
    Event,
    Failed,
    Finished,
    PartStarted,
    Started,
    TextDelta,
    ThinkingDelta,
)
from sluiceway.wire.translation.ids import CHAT_LENGTH, fitted_id
from sluiceway.wire.translation.neutral import Part, Text, Thinking, ToolCall
from sluiceway.wire.translation.translator import Asked


class ChunkWriter:
    """One choice. Thinking goes out as `reasoning_content`, as DeepSeek and vLLM name it: OpenAI's own API
    shows none, and its SDKs let it pass."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._envelope: dict[str, Any] = {}
        self._head = b""
        self._calls: dict[int, tuple[int, bool]] = {}  # our index to the choice's, and whether it is custom
        self._refusals: set[int] = set()
        self._known = Usage()

    def write(self, event: Event) -> bytes:
        if isinstance(event, TextDelta):
            return self._chunk({"refusal" if event.index in self._refusals else "content": event.text})
        if isinstance(event, ArgumentsDelta):
            return self._arguments(event)
        if isinstance(event, ThinkingDelta):
            return self._chunk({"reasoning_content": event.text})
        return self._rare(event)

    def _rare(self, event: Event) -> bytes:
        match event:
            case PartStarted():
                return self._start(event.index, event.part)
            case Started():
                return self._begin(event)
            case Finished():
                return self._finish(event)
            case Failed():
                return b"data: %b\n\n" % orjson.dumps({"error": error_object(event.failure)})
        return b""

    def _begin(self, event: Started) -> bytes:
        self._known = event.usage
        self._envelope = {
            "id": completion_id(event.id or self._asked.fallback_id),
            "object": "chat.completion.chunk",
            "created": int(self._asked.at.timestamp()),
            "model": event.model or self._asked.model,
        }
        self._head = b'data: %b,"choices":[{"index":0,"delta":' % orjson.dumps(self._envelope)[:-1]
        return self._chunk({"role": "assistant", "content": "", "refusal": None})

    def _start(self, index: int, part: Part) -> bytes:
        if isinstance(part, ToolCall):
            return self._call(index, part)
        if isinstance(part, Text):
            if part.refusal:
                self._refusals.add(index)
            return self.write(TextDelta(index, part.text)) if part.text else b""
        return (
            self._chunk({"reasoning_content": part.text}) if isinstance(part, Thinking) and part.text else b""
        )

    def _call(self, index: int, part: ToolCall) -> bytes:
        at = len(self._calls)
        self._calls[index] = at, part.custom
        written = "custom" if part.custom else "function"
        inner = {"name": part.name, "input" if part.custom else "arguments": part.arguments}
        given = fitted_id(part.id, CHAT_LENGTH)
        return self._chunk({"tool_calls": [{"index": at, "id": given, "type": written, written: inner}]})

    def _arguments(self, event: ArgumentsDelta) -> bytes:
        at, custom = self._calls.get(event.index, (0, False))
        more = {"custom": {"input": event.text}} if custom else {"function": {"arguments": event.text}}
        return self._chunk({"tool_calls": [{"index": at, **more}]})

    def _chunk(self, delta: dict[str, Any], reason: str | None = None) -> bytes:
        end = b"null" if reason is None else b'"%b"' % reason.encode()
        usage = b',"usage":null' if self._asked.include_usage else b""
        return b'%b%b,"logprobs":null,"finish_reason":%b}]%b}\n\n' % (
            self._head,
            orjson.dumps(delta),
            end,
            usage,
        )

    def _finish(self, event: Finished) -> bytes:
        out = self._chunk({}, word_of(event.stop_reason, bool(self._calls)))
        if self._asked.include_usage:
            usage = event.usage if event.usage.input_tokens is not None else self._known
            told = {**self._envelope, "choices": [], "usage": usage_fields(usage)}
            out += b"data: %b\n\n" % orjson.dumps(told)
        return out + b"data: [DONE]\n\n"
