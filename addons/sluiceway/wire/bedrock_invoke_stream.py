"""What the answers of InvokeModel say about themselves, and how to end a stream of them.

In a stream each frame is a `chunk` whose payload holds the vendor's own event in base64. The last one has
`amazon-bedrock-invocationMetrics` (AWS, Bedrock user guide, InvokeModelWithResponseStream).
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from dataclasses import replace

import orjson

from sluiceway.types import Answer, Call, Refusal, Usage, UsageSource
from sluiceway.wire import bedrock_error
from sluiceway.wire.anthropic_stream import MessageMeter, parse_message
from sluiceway.wire.bedrock_bodies import (
    ANTHROPIC,
    BODIES,
    completed,
    metrics_said,
    usage_said,
    written_bytes,
)
from sluiceway.wire.bedrock_usage import INVOCATION_METRICS, headers_of
from sluiceway.wire.eventstream import Frame, render
from sluiceway.wire.fields import label, load, mapping, word
from sluiceway.wire.sse import EventSplitter, data_of
from sluiceway.wire.tap import JsonTap

_BYTES_PER_TOKEN = 4


class InvokeTap(JsonTap):
    """A whole answer. Some vendors' say nothing of usage; then the headers do (AWS, "InvokeModel")."""

    def __init__(self, call: Call) -> None:
        self._parse_body = parse_message if is_messages(call) else _parse
        super().__init__(self._answer_of)
        self._headers = Usage()
        self._embeds = call.operation == "embeddings"

    def headers(self, headers: Mapping[str, str]) -> None:
        """The answer's headers, by lower-case name."""
        self._headers = headers_of(headers)

    def _answer_of(self, document: object) -> Answer:
        answer = self._parse_body(document)
        usage = completed(answer.usage, self._headers)
        if self._embeds and usage.input_tokens is not None:
            usage = replace(usage, output_tokens=0, source=UsageSource.REPORTED)
        return replace(answer, usage=usage)


def is_messages(call: Call) -> bool:
    """Whether the answer is a message of Anthropic's, as most are."""
    return (call.vendor or ANTHROPIC.vendor) == ANTHROPIC.vendor


def _parse(document: object) -> Answer:
    answer = mapping(document)
    return Answer(
        usage=usage_said(answer),
        response_id=label(answer.get("id")),
        complete=bool(answer),
        output_bytes=written_bytes(answer),
    )


def chunk_of(document: Mapping[str, object] | bytes) -> bytes:
    """A vendor's event as a frame."""
    data = document if isinstance(document, bytes) else orjson.dumps(document)
    return render({"bytes": binascii.b2a_base64(data, newline=False).decode()}, "chunk")


class InvokeMeter:
    """Meters the chunks of a stream. Anthropic's events go to the meter of its own API."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._body = BODIES.get(call.vendor or "")
        self._messages = MessageMeter(call) if is_messages(call) else None
        self._said = Usage()
        self._metrics = Usage()
        self._output_bytes = 0
        self._error_type: str | None = None
        self._has_metrics = False

    @property
    def ended(self) -> bool:
        return self._error_type is not None or self._has_metrics

    def frame(self, frame: Frame) -> None:
        if frame.kind != "event":
            self._error_type = word(frame.name) or word(frame.headers.get("error-code")) or "unknown"
            return
        try:
            data = binascii.a2b_base64(str(mapping(load(frame.payload)).get("bytes")))
        except ValueError:
            return
        event = mapping(load(data))
        if INVOCATION_METRICS in event:
            self._has_metrics = True
            self._metrics = completed(metrics_said(event), self._metrics)
        if self._messages is not None:
            kind = str(event.get("type")).encode("ascii", "replace")
            self._messages.event(b"event: " + kind + b"\ndata: " + data + b"\n\n")
        else:
            self._output_bytes += written_bytes(event)
            self._said = completed(usage_said(event), self._said)

    def answer(self, unread_bytes: int) -> Answer:
        if self._messages is None:
            own, usage = Answer(), completed(self._metrics, self._said)
        else:
            own = self._messages.answer()
            usage = completed(own.usage, self._metrics)
        complete = own.complete or (self._has_metrics and own.error_type is None)
        return replace(
            own,
            usage=usage,
            complete=complete and self._error_type is None,
            output_bytes=own.output_bytes + self._output_bytes + unread_bytes,
            error_type=self._error_type or own.error_type,
        )

    def cut(self, message: str) -> bytes:
        if self._messages is not None:
            if self._messages.ended:
                return b""
            events = EventSplitter().feed(self._messages.cut(message))
            return b"".join(chunk_of(data_of(event)) for event in events)
        text = f"\n\n{message}" if self._output_bytes else message
        chunks = [] if self._body is None else self._body.ending(text)
        metrics = {
            "inputTokenCount": self._call.input_bytes // _BYTES_PER_TOKEN,
            "outputTokenCount": max(1, self._output_bytes // _BYTES_PER_TOKEN),
        }
        if chunks:
            chunks[-1] = {**chunks[-1], INVOCATION_METRICS: metrics}
        return b"".join(chunk_of(chunk) for chunk in chunks)

    def fail(self, refusal: Refusal, request_id: str) -> bytes:
        return bedrock_error.exception(refusal)
