"""What a Converse answer says about itself, as one document or as a stream of frames, and how to end one.

Facts from AWS's Bedrock API reference (Converse, ConverseStream, TokenUsage). A text block has no start
event; usage comes in the last frame, `metadata`, after `messageStop`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluiceway.types import Answer, Call, Refusal
from sluiceway.wire import bedrock_error
from sluiceway.wire.bedrock_usage import usage_of
from sluiceway.wire.eventstream import Frame, render
from sluiceway.wire.extent import text_bytes
from sluiceway.wire.fields import count, items, label, load, mapping, newer, word

_BYTES_PER_TOKEN = 4


def parse_converse(document: object) -> Answer:
    """The answer to a request that was not streamed."""
    answer = mapping(document)
    message = mapping(mapping(answer.get("output")).get("message"))
    return Answer(
        usage=usage_of(mapping(answer.get("usage"))),
        model=_served(answer),
        service_tier=tier_of(answer),
        complete=answer.get("stopReason") is not None,
        output_bytes=sum(_generated(mapping(block)) for block in items(message.get("content"))),
    )


def tier_of(described: Mapping[str, Any]) -> str | None:
    """The service tier of a request or an answer. Latency-optimised inference is a setting of its own, but
    priced as a tier is (AWS, Bedrock pricing)."""
    optimised = mapping(described.get("performanceConfig")).get("latency") == "optimized"
    return "latency-optimized" if optimised else label(mapping(described.get("serviceTier")).get("type"), 64)


def _served(described: Mapping[str, Any]) -> str | None:
    """The model that answered, which only a prompt router says: it chose it."""
    return label(mapping(mapping(described.get("trace")).get("promptRouter")).get("invokedModelId"))


def _generated(block: Mapping[str, Any]) -> int:
    """The bytes of a content block, or of a delta, that the model wrote."""
    call = mapping(block.get("toolUse"))
    if call:
        return text_bytes([call.get("name"), call.get("input")])
    thought = mapping(block.get("reasoningContent"))
    if thought:  # a signature stands for thinking that is not shown
        return text_bytes([*thought.values(), mapping(thought.get("reasoningText")).get("signature")])
    return text_bytes([value for name, value in block.items() if name != "toolUse"])


class ConverseMeter:
    """Meters a stream of ConverseStream events."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._metadata: Mapping[str, Any] = {}
        self._output_bytes = 0
        self._begun = False
        self._stopped = False
        self._next_block = 0
        self._open: tuple[int, bool] | None = None  # the block, and whether it is of text
        self._error_type: str | None = None
        self.ended = False

    def frame(self, frame: Frame) -> None:
        if frame.kind != "event":
            self._error_type = word(frame.name) or word(frame.headers.get("error-code"))
            self.ended = True
            return
        data = mapping(load(frame.payload))
        match frame.name:
            case "contentBlockDelta":
                delta = mapping(data.get("delta"))
                self._output_bytes += _generated(delta)
                self._enter(data, "text" in delta)
            case "contentBlockStart":
                start = mapping(data.get("start"))
                self._output_bytes += _generated(start)
                self._enter(data, is_text=False)
            case "contentBlockStop":
                self._open = None
            case "messageStart":
                self._begun = True
            case "messageStop":
                self._stopped = True
            case "metadata":
                self._metadata = newer(self._metadata, data)
                self.ended = True

    def _enter(self, data: Mapping[str, Any], is_text: bool) -> None:
        index = count(data.get("contentBlockIndex"))
        self._open = (self._next_block if index is None else index, is_text)
        self._next_block = self._open[0] + 1

    def answer(self, unread_bytes: int) -> Answer:
        return Answer(
            usage=usage_of(mapping(self._metadata.get("usage"))),
            model=_served(self._metadata),
            service_tier=tier_of(self._metadata),
            complete=self.ended and self._error_type is None,
            output_bytes=self._output_bytes + unread_bytes,
            error_type=self._error_type,
        )

    def cut(self, message: str) -> bytes:
        """A text block that is open takes the message; any other is closed first, so that the arguments of a
        tool stay what the model wrote."""
        frames = [] if self._begun else [render({"role": "assistant"}, "messageStart")]
        if not self._stopped:
            index, is_text = self._open or (self._next_block, False)
            if self._open and not is_text:
                frames.append(render({"contentBlockIndex": index}, "contentBlockStop"))
                index = self._next_block
            frames += text_block(f"\n\n{message}" if is_text else message, index)
            frames.append(render({"stopReason": "max_tokens"}, "messageStop"))
        usage = {
            "inputTokens": self._call.input_bytes // _BYTES_PER_TOKEN,
            "outputTokens": max(1, self._output_bytes // _BYTES_PER_TOKEN),
        }
        return b"".join([*frames, metadata(usage)])

    def fail(self, refusal: Refusal, request_id: str) -> bytes:
        return bedrock_error.exception(refusal)


def text_block(text: str, index: int = 0) -> list[bytes]:
    """The frames of the rest of a text block."""
    delta = {"contentBlockIndex": index, "delta": {"text": text}}
    return [
        render(delta, "contentBlockDelta"),
        render({"contentBlockIndex": index}, "contentBlockStop"),
    ]


def metadata(usage: Mapping[str, int]) -> bytes:
    """The last frame of a stream."""
    whole = {**usage, "totalTokens": sum(usage.values())}
    return render({"usage": whole, "metrics": {"latencyMs": 0}}, "metadata")
