"""What an Anthropic answer says about itself, as one message or as a stream, and how to end such a stream.

Usage in `message_start` and `message_delta` is cumulative: the last value of each field counts
(Anthropic API reference, Streaming messages). Compaction iterations are billed beside it, so they are added.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sluiceway.types import Answer, Call, Refusal, RefusalKind, Usage, UsageSource
from sluiceway.wire.extent import text_bytes
from sluiceway.wire.fields import count, items, label, load, mapping, newer, total, word
from sluiceway.wire.sse import data_of, name_of, render

# The strings of a delta that hold what was generated. A signature stands for thinking that is not shown.
_GENERATED = re.compile(
    rb'"(?:text|thinking|partial_json|signature|cited_text|data)":[ ]?"([^"\\]*+(?:\\.[^"\\]*+)*+)'
)
NOTHING_USED = Usage(input_tokens=0, output_tokens=0, source=UsageSource.REPORTED)
_ENVELOPE_BYTES = 100  # of an event around a delta of a kind we do not know
_BYTES_PER_TOKEN = 4


def parse_message(document: object) -> Answer:
    """The answer to a request that was not streamed."""
    message = mapping(document)
    usage = mapping(message.get("usage"))
    fault = error_of(message) if message.get("error") and not usage else None
    return Answer(
        usage=NOTHING_USED if fault else usage_of(usage, final=True),
        model=label(message.get("model")),
        response_id=label(message.get("id")),
        service_tier=tier_of(usage),
        region=region_of(usage),
        complete=message.get("stop_reason") is not None or fault is not None,
        output_bytes=sum(_generated(mapping(block)) for block in items(message.get("content"))),
        error_type=fault,
    )


def error_of(document: Mapping[str, Any]) -> str:
    """The type of an error, which comes with status 200 too, as an event or from a router."""
    return word(mapping(document.get("error")).get("type")) or "error"


def usage_of(usage: Mapping[str, Any], final: bool) -> Usage:
    """Anthropic's counts in our sense: input includes cache reads and writes. Until the last
    `message_delta`, `output_tokens` is a placeholder, so it is left unknown."""
    plain = count(usage.get("input_tokens"))
    output = count(usage.get("output_tokens")) if final else None
    if plain is None and output is None:
        return Usage()
    extra = [mapping(entry) for entry in items(usage.get("iterations")) if _is_compaction(entry)]
    parts = [usage, *extra]
    read = _sum(parts, "cache_read_input_tokens")
    lives = [mapping(part.get("cache_creation")) for part in parts]
    long = _sum(lives, "ephemeral_1h_input_tokens")
    written = _sum(parts, "cache_creation_input_tokens")
    if written is None:  # told by its lifetimes alone
        written = total(long, _sum(lives, "ephemeral_5m_input_tokens"))
    return Usage(
        input_tokens=total(_sum(parts, "input_tokens"), read, written),
        output_tokens=None if output is None else _sum(parts, "output_tokens"),
        cache_read_tokens=read,
        cache_write_tokens=written,
        cache_write_1h_tokens=None if long is None else min(long, written or 0),
        reasoning_tokens=count(mapping(usage.get("output_tokens_details")).get("thinking_tokens")),
        tool_units=_tool_units(usage),
        source=UsageSource.REPORTED if final and None not in (plain, output) else UsageSource.PARTIAL,
    )


def tier_of(described: Mapping[str, Any]) -> str | None:
    """The service tier of a request or a usage. Fast mode is a field of its own, but priced as a tier is."""
    fast = described.get("speed") == "fast"
    return "fast" if fast else label(described.get("service_tier"), 64)


def region_of(described: Mapping[str, Any]) -> str | None:
    """Where a request is to be answered, or an answer was made (Anthropic docs, "Data residency")."""
    region = word(described.get("inference_geo"))
    return None if region == "not_available" else region


def _generated(block: Mapping[str, Any]) -> int:
    """The bytes of a content block that the model wrote."""
    return text_bytes(
        [block.get(name) for name in ("text", "thinking", "signature", "data", "name", "input")]
    )


def _is_compaction(entry: object) -> bool:
    return mapping(entry).get("type") == "compaction"


def _sum(parts: list[Mapping[str, Any]], name: str) -> int | None:
    return total(*(count(part.get(name)) for part in parts))


def _tool_units(usage: Mapping[str, Any]) -> dict[str, int]:
    searches = count(mapping(usage.get("server_tool_use")).get("web_search_requests"))
    units = {"web_search": searches} if searches else {}
    for entry in items(usage.get("iterations")):
        # A second, dearer model advised; its tokens are in no other figure and have their own price.
        if mapping(entry).get("type") == "advisor_message":
            for name in ("input_tokens", "output_tokens"):
                tokens = count(mapping(entry).get(name)) or 0
                units[f"advisor_{name}"] = units.get(f"advisor_{name}", 0) + tokens
    return units


class MessageMeter:
    """Meters a stream of Messages events. `output_bytes` are the JSON-escaped bytes of the text, thinking,
    tool arguments and signatures in the deltas; a delta of an unknown kind counts its event without the
    100 bytes that an envelope takes."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._message: Mapping[str, Any] = {}
        self._usage: Mapping[str, Any] = {}
        self._final = False
        self._counted = False
        self._output_bytes = 0
        self._next_block = 0
        self._open_block: tuple[int, str] | None = None
        self._error_type: str | None = None
        self.ended = False

    def event(self, event: bytes) -> None:
        name = name_of(event)
        if name == b"content_block_delta":
            self._delta(event)
        elif name != b"ping" and event:
            data = mapping(load(data_of(event)))
            kind = data.get("type") or name.decode("ascii", "replace")
            if kind == "content_block_delta":  # from a server that names no events
                self._delta(event)
            self._rare(kind, data)

    def _delta(self, event: bytes) -> None:
        generated = _GENERATED.search(event)
        size = len(event.strip()) - _ENVELOPE_BYTES if generated is None else len(generated[1])
        self._output_bytes += size if generated is not None else max(1, size)

    def _rare(self, kind: object, data: Mapping[str, Any]) -> None:
        if kind == "message_start":
            self._message = mapping(data.get("message"))
            self._usage = newer(self._usage, mapping(self._message.get("usage")))
        elif kind == "message_delta":
            self._final = self._final or mapping(data.get("delta")).get("stop_reason") is not None
            self._told(data)
        elif kind == "content_block_start":
            self._start(data)
        elif kind == "content_block_stop":
            self._open_block = None
        elif kind == "message_stop":
            self._told(data)
            self._final = self.ended = True
        elif kind == "message":  # whole, though a stream was asked for
            self._message = data
            self._told(data)
            self._output_bytes += sum(_generated(mapping(block)) for block in items(data.get("content")))
            self._final = self.ended = data.get("stop_reason") is not None
        elif kind == "error":
            self._error_type = error_of(data)
            self.ended = True

    def _told(self, data: Mapping[str, Any]) -> None:
        """Usage after the start: from then on the output's count is one."""
        usage = mapping(data.get("usage"))
        self._usage = newer(self._usage, usage)
        self._counted = self._counted or count(usage.get("output_tokens")) is not None

    def _start(self, data: Mapping[str, Any]) -> None:
        index = count(data.get("index"))
        block = mapping(data.get("content_block"))
        self._open_block = (self._next_block if index is None else index, str(block.get("type")))
        self._next_block = self._open_block[0] + 1
        self._output_bytes += _generated(block)  # redacted thinking and a tool's name come whole

    def answer(self) -> Answer:
        return Answer(
            usage=usage_of(self._usage, self._final and self._counted),
            model=label(self._message.get("model")),
            response_id=label(self._message.get("id")),
            service_tier=tier_of(self._usage),
            region=region_of(self._usage),
            complete=self.ended and self._error_type is None,
            output_bytes=self._output_bytes,
            error_type=self._error_type,
        )

    def cut(self, message: str) -> bytes:
        """A text block that is open takes the message; any other is closed first, so that the arguments of a
        tool stay what the model wrote."""
        events = [] if self._message else [_message_start(self._call)]
        if self._final:
            return render({"type": "message_stop"}, "message_stop")
        index, kind = self._open_block or (self._next_block, "")
        if kind and kind != "text":
            events.append(_stop(index))
            index, kind = self._next_block, ""
        if not kind:
            block = {"type": "text", "text": ""}
            start = {"type": "content_block_start", "index": index, "content_block": block}
            events.append(render(start, "content_block_start"))
        text = {"type": "text_delta", "text": message if not kind else f"\n\n{message}"}
        delta = {"type": "content_block_delta", "index": index, "delta": text}
        end: dict[str, object] = {
            "type": "message_delta",
            "delta": {"stop_reason": "max_tokens", "stop_sequence": None},
            "usage": {"output_tokens": max(1, self._output_bytes // _BYTES_PER_TOKEN)},
        }
        events += [render(delta, "content_block_delta"), _stop(index), render(end, "message_delta")]
        return b"".join([*events, render({"type": "message_stop"}, "message_stop")])

    def fail(self, refusal: Refusal, request_id: str) -> bytes:
        kind = "timeout_error" if refusal.kind is RefusalKind.TIMEOUT else "api_error"
        error = {"type": kind, "message": refusal.message}
        return render({"type": "error", "error": error, "request_id": request_id}, "error")


def _stop(index: int) -> bytes:
    return render({"type": "content_block_stop", "index": index}, "content_block_stop")


def _message_start(call: Call) -> bytes:
    message: dict[str, object] = {
        "id": "msg_sluiceway",
        "type": "message",
        "role": "assistant",
        "model": call.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 0, "output_tokens": 0},
    }
    return render({"type": "message_start", "message": message}, "message_start")
