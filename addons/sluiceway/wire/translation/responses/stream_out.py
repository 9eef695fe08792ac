"""Writes a stream of the Responses API from neutral events."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from sluiceway.types import Usage
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
from sluiceway.wire.translation.failure import Failure, FailureKind
from sluiceway.wire.translation.neutral import Part, Text, Thinking, ToolCall
from sluiceway.wire.translation.responses import own_tools
from sluiceway.wire.translation.responses.answer import (
    ending,
    envelope,
    id_of,
    item_id,
    item_of,
    text_part,
)
from sluiceway.wire.translation.translator import Asked

# The SDK's type of `error.code` knows these of ours; all else is the server's fault to it.
_CODES = {FailureKind.RATE: "rate_limit_exceeded", FailureKind.INVALID: "invalid_prompt"}


@dataclass(slots=True)
class _Item:
    """An item that has not ended. `head` is what all its deltas begin with, b"" where it has none."""

    part: Text | Thinking | ToolCall
    given: str
    at: int
    head: bytes
    place: dict[str, Any]
    words: list[str] = field(default_factory=list)


class ResponseWriter:
    """Each part is an item of its own, and every event has its number."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._offer = own_tools.Offer.of(asked.request)
        self._response: dict[str, Any] = {}
        self._number = 0
        self._open: dict[int, _Item] = {}  # by our index of the part
        self._output: dict[int, dict[str, Any]] = {}  # items that have ended, by their place
        self._items = 0
        self._has_refused = False
        self._known = Usage()

    def write(self, event: Event) -> bytes:
        if isinstance(event, TextDelta | ArgumentsDelta | ThinkingDelta):
            return self._delta(event.index, event.text)
        match event:
            case PartStarted():
                return self._start(event.index, event.part)
            case PartEnded():
                return self._stop(event.index)
            case Started():
                return self._begin(event)
            case Finished():
                return self._finish(event)
            case Failed():
                return self._fail(event.failure)
        return b""

    def _begin(self, event: Started) -> bytes:
        self._known = event.usage
        given = id_of(event.id or self._asked.fallback_id)
        self._response = envelope(self._asked, given, event.model or self._asked.model)
        return self._event("response.created", response=self._response) + self._event(
            "response.in_progress", response=self._response
        )

    def _start(self, index: int, part: Part) -> bytes:
        given = item_id(self._response["id"], self._items)
        whole = item_of(part, given, self._offer)
        if whole is None or not isinstance(part, Text | Thinking | ToolCall):
            return b""
        place = {"item_id": whole["id"], "output_index": self._items}
        item = _Item(part, given, self._items, *_deltas(part, place, self._offer))
        self._open[index] = item
        self._items += 1
        if not item.head:
            return b""  # an action of a shell's comes whole, at its end
        said = part.arguments if isinstance(part, ToolCall) else part.text
        out = self._event("response.output_item.added", output_index=item.at, item=_begun(whole))
        if isinstance(part, Text):
            empty = text_part("", part.refusal)
            self._has_refused = self._has_refused or part.refusal
            out += self._event("response.content_part.added", **item.place, part=empty)
        elif isinstance(part, Thinking) and not part.redacted:
            empty = {"type": "summary_text", "text": ""}
            out += self._event("response.reasoning_summary_part.added", **item.place, part=empty)
        return out + (self._delta(index, said) if said else b"")

    def _delta(self, index: int, text: str) -> bytes:
        item = self._open.get(index)
        if item is None:
            return b""
        item.words.append(text)
        if not item.head:
            return b""
        self._number += 1
        return b'%b%b,"sequence_number":%d}\n\n' % (item.head, orjson.dumps(text), self._number - 1)

    def _stop(self, index: int) -> bytes:
        item = self._open.pop(index, None)
        if item is None:
            return b""
        part, said = item.part, "".join(item.words)
        if isinstance(part, ToolCall):
            ended: Part = replace(part, arguments=said)
        else:
            ended = replace(part, text=said)
        whole = item_of(ended, item.given, self._offer) or {}
        self._output[item.at] = whole
        if not item.head:
            begun = self._event("response.output_item.added", output_index=item.at, item=_begun(whole))
            return begun + self._event("response.output_item.done", output_index=item.at, item=whole)
        return self._done(item, said, whole) + self._event(
            "response.output_item.done", output_index=item.at, item=whole
        )

    def _done(self, item: _Item, said: str, whole: dict[str, Any]) -> bytes:
        part, place = item.part, item.place
        if isinstance(part, Text):
            told = {"refusal": said} if part.refusal else {"text": said, "logprobs": []}
            kind = "refusal" if part.refusal else "output_text"
            return self._event(f"response.{kind}.done", **place, **told) + self._event(
                "response.content_part.done", **place, part=text_part(said, part.refusal)
            )
        if isinstance(part, Thinking):
            if part.redacted:
                return b""
            summary = {"type": "summary_text", "text": said}
            return self._event("response.reasoning_summary_text.done", **place, text=said) + self._event(
                "response.reasoning_summary_part.done", **place, part=summary
            )
        if part.custom:
            return self._event("response.custom_tool_call_input.done", **place, input=said)
        told = {"name": whole["name"], "arguments": whole["arguments"]}
        return self._event("response.function_call_arguments.done", **place, **told)

    def _finish(self, event: Finished) -> bytes:
        left = b"".join([self._stop(index) for index in list(self._open)])
        usage = event.usage
        if usage.input_tokens is None:
            usage = replace(self._known, output_tokens=usage.output_tokens)
        last = self._response | ending(event.stop_reason, self._has_refused, self._all(), usage)
        return left + self._event(f"response.{last['status']}", response=last)

    def _fail(self, failure: Failure) -> bytes:
        error = {"code": _CODES.get(failure.kind, "server_error"), "message": failure.message}
        failed = {"status": "failed", "error": error, "output": self._all()}
        return self._event("response.failed", response=self._response | failed)

    def _all(self) -> list[dict[str, Any]]:
        return [self._output[at] for at in sorted(self._output)]

    def _event(self, kind: str, **fields: Any) -> bytes:
        document = {"type": kind, "sequence_number": self._number, **fields}
        self._number += 1
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), orjson.dumps(document))


def _begun(whole: dict[str, Any]) -> dict[str, Any]:
    """The item as it is announced: with nothing said yet."""
    begun = whole | {"status": "in_progress"}
    for name, empty in (("content", []), ("arguments", ""), ("input", "")):
        if name in begun:
            begun[name] = empty
    if whole["type"] == "reasoning":
        del begun["status"]
        begun["summary"] = []
    return begun


def _deltas(
    part: Text | Thinking | ToolCall, place: dict[str, Any], offer: own_tools.Offer
) -> tuple[bytes, dict[str, Any]]:
    """What all deltas of an item begin with, and the place that they name."""
    if isinstance(part, Text):
        kind = "response.refusal.delta" if part.refusal else "response.output_text.delta"
        place = place | {"content_index": 0}
        told: dict[str, Any] = {} if part.refusal else {"logprobs": []}
    elif isinstance(part, Thinking):
        kind, told = "response.reasoning_summary_text.delta", {}
        place = place | {"summary_index": 0}
    elif part.name in offer.own:
        return b"", place
    elif part.custom:
        kind, told = "response.custom_tool_call_input.delta", {}
    else:
        kind, told = "response.function_call_arguments.delta", {}
    fixed = orjson.dumps({"type": kind, **place, **told})[:-1]
    return b'event: %b\ndata: %b,"delta":' % (kind.encode(), fixed), place
