"""The Messages API of Anthropic as a translator."""

from __future__ import annotations

from typing import Any

from sluiceway.wire.fields import count, mapping
from sluiceway.wire.translation.anthropic import answer, errors, request_in, request_out
from sluiceway.wire.translation.anthropic.stream_in import MessageReader
from sluiceway.wire.translation.anthropic.stream_out import MessageWriter
from sluiceway.wire.translation.neutral import Vendor
from sluiceway.wire.translation.translator import Asked, StreamReader, StreamWriter


class AnthropicTranslator:
    """Both ways of the Messages API."""

    name = "anthropic_messages"
    vendor: Vendor = "anthropic"
    stream_type = "text/event-stream; charset=utf-8"

    parse_request = staticmethod(request_in.parse_request)
    render_request = staticmethod(request_out.render_request)
    parse_answer = staticmethod(answer.parse_answer)
    render_answer = staticmethod(answer.render_answer)

    def reader(self) -> StreamReader:
        return MessageReader()

    def writer(self, asked: Asked) -> StreamWriter:
        return MessageWriter(asked)

    parse_error = staticmethod(errors.parse_error)
    render_error = staticmethod(errors.render_error)

    def parse_count(self, document: object) -> int | None:
        return count(mapping(document).get("input_tokens"))

    def render_count(self, input_tokens: int) -> dict[str, Any]:
        return {"input_tokens": input_tokens}

    parse_limits = staticmethod(errors.parse_limits)
    render_limits = staticmethod(errors.render_limits)
