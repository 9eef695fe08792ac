"""Reads a stream of Chat Completions into neutral events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sluiceway.wire.fields import items, label, load, mapping, newer
from sluiceway.wire.openai_chat_stream import usage_in, usage_of
from sluiceway.wire.translation.chat.answer import stop_of
from sluiceway.wire.translation.chat.errors import failure_in
from sluiceway.wire.translation.chat.messages_in import pieces_of
from sluiceway.wire.translation.events import (
    ArgumentsDelta,
    Event,
    Failed,
    Finished,
    PartEnded,
    PartStarted,
    Started,
    TextDelta,
    ThinkingDelta,
)
from sluiceway.wire.translation.failure import NO_JSON, Failure
from sluiceway.wire.translation.neutral import StopReason, Text, Thinking, ToolCall
from sluiceway.wire.translation.sse_reader import SseReader

_DONE = b"[DONE]"


@dataclass(slots=True)
class _Call:
    """A call whose arguments come in."""

    index: int
    id: str
    arguments: list[str] = field(default_factory=list)

    def is_whole(self) -> bool:
        """Whether the arguments so far are JSON to its end."""
        return load("".join(self.arguments).encode(errors="replace")) is not None


class ChunkReader(SseReader):
    """Of several choices the first. A call ends when the next one begins, unless its arguments are not whole
    by then: servers write calls one after the other, but nothing says that they must."""

    def __init__(self) -> None:
        super().__init__()
        self._text: tuple[str, int] | None = None  # what sort of words is open, and its index
        self._calls: dict[object, _Call] = {}  # by the stream's own index
        self._stop: StopReason | None = None
        self._told: Mapping[str, Any] = {}
        self._tier: str | None = None
        self._has_refused = False

    def finish(self) -> list[Event]:
        """Some servers send no [DONE]; one that has said why it stopped is done."""
        events = super().finish()
        if self._stop is not None:
            self._finish(events)
        return events

    def _read(self, data: bytes, out: list[Event]) -> None:
        if data == _DONE:
            self._finish(out)
            return
        chunk = load(data)
        if not isinstance(chunk, dict):
            self._fail({}, NO_JSON, out)
        elif isinstance(chunk.get("error"), dict):
            self._fail(chunk, failure_in(chunk), out)
        else:
            self._chunk(chunk, out)

    def _fail(self, chunk: Mapping[str, Any], failure: Failure, out: list[Event]) -> None:
        self._begin(chunk, out)
        self._ended = True
        out.append(Failed(failure))

    def _chunk(self, chunk: Mapping[str, Any], out: list[Event]) -> None:
        if not self._begun:
            self._begin(chunk, out)
        if chunk.get("usage") or "x_groq" in chunk or not chunk.get("choices"):
            self._told = newer(self._told, usage_in(chunk))
            self._tier = label(chunk.get("service_tier"), 64) or self._tier
        for one in items(chunk.get("choices")):
            choice = mapping(one)
            if choice.get("index") in (0, None):
                self._delta(mapping(choice.get("delta")), out)
                self._stop = stop_of(choice.get("finish_reason")) or self._stop

    def _delta(self, delta: Mapping[str, Any], out: list[Event]) -> None:
        text = delta.get("content")
        if text and isinstance(text, str):
            out.append(TextDelta(self._words("text", out), text))
        elif isinstance(text, list):
            self._pieces(text, out)
        calls = delta.get("tool_calls")
        if calls:
            for call in items(calls):
                self._call(mapping(call), out)
        if len(delta) > 1 or not text:
            self._rare(delta, out)

    def _rare(self, delta: Mapping[str, Any], out: list[Event]) -> None:
        thought = delta.get("reasoning_content") or delta.get("reasoning")
        if thought and isinstance(thought, str):
            out.append(ThinkingDelta(self._words("thinking", out), thought))
        refusal = delta.get("refusal")
        if refusal and isinstance(refusal, str):
            self._has_refused = True
            out.append(TextDelta(self._words("refusal", out), refusal))
        old = delta.get("function_call")
        if isinstance(old, dict):
            self._call({"index": 0, "function": old}, out)

    def _pieces(self, pieces: list[Any], out: list[Event]) -> None:
        """Mistral's: content in parts, thoughts among them."""
        for part in pieces_of(pieces):
            if isinstance(part, Thinking):
                out.append(ThinkingDelta(self._words("thinking", out), part.text))
            elif isinstance(part, Text):
                out.append(TextDelta(self._words("refusal" if part.refusal else "text", out), part.text))

    def _words(self, kind: str, out: list[Event]) -> int:
        """The index of the open part for such words, which begins here if it has not."""
        if self._text is not None and self._text[0] == kind:
            return self._text[1]
        self._close(out)
        self._text = (kind, self._next)
        part = Thinking() if kind == "thinking" else Text("", refusal=kind == "refusal")
        out.append(PartStarted(self._next, part))
        self._next += 1
        return self._text[1]

    def _call(self, told: Mapping[str, Any], out: list[Event]) -> None:
        function = mapping(told.get("function")) or mapping(told.get("custom"))
        key, given, name = told.get("index"), told.get("id"), function.get("name")
        call = self._calls.get(key) if isinstance(key, int) else next(reversed(self._calls.values()), None)
        if call is None or (name and isinstance(given, str) and given and given != call.id):
            call = self._begin_call(key if isinstance(key, int) else self._next, told, function, out)
        more = function.get("arguments") or function.get("input")
        if more and isinstance(more, str):
            call.arguments.append(more)
            out.append(ArgumentsDelta(call.index, more))

    def _begin_call(
        self, key: int, told: Mapping[str, Any], function: Mapping[str, Any], out: list[Event]
    ) -> _Call:
        self._close_words(out)
        whole = [at for at, call in self._calls.items() if at == key or call.is_whole()]
        out += [PartEnded(self._calls.pop(at).index) for at in whole]
        given, name = told.get("id"), function.get("name")
        call = self._calls[key] = _Call(self._next, given if isinstance(given, str) else "")
        self._next += 1
        shown = call.id or f"call_{call.index}"
        named = name if isinstance(name, str) else ""
        out.append(PartStarted(call.index, ToolCall(shown, named, custom="custom" in told)))
        return call

    def _close_words(self, out: list[Event]) -> None:
        if self._text is not None:
            out.append(PartEnded(self._text[1]))
            self._text = None

    def _close(self, out: list[Event]) -> None:
        self._close_words(out)
        out += [PartEnded(call.index) for call in self._calls.values()]
        self._calls.clear()

    def _begin(self, chunk: Mapping[str, Any], out: list[Event]) -> None:
        if not self._begun:
            self._begun = True
            self._tier = label(chunk.get("service_tier"), 64)
            out.append(
                Started(label(chunk.get("id")) or "", label(chunk.get("model")) or "", tier=self._tier)
            )

    def _finish(self, out: list[Event]) -> None:
        if self._ended:
            return
        self._ended = True
        self._begin({}, out)
        self._close(out)
        reason = self._stop or StopReason.END
        if reason is StopReason.END and self._has_refused:
            reason = StopReason.REFUSAL
        out.append(Finished(reason, None, usage_of(self._told), self._tier))
