"""The Responses API of OpenAI and all who speak it as a translator."""

from __future__ import annotations

from typing import Any

from sluiceway.wire.fields import count, mapping
from sluiceway.wire.translation.chat import errors
from sluiceway.wire.translation.neutral import Vendor
from sluiceway.wire.translation.responses import answer, request_in, request_out
from sluiceway.wire.translation.responses.stream_in import ResponseReader
from sluiceway.wire.translation.responses.stream_out import ResponseWriter
from sluiceway.wire.translation.translator import Asked, StreamReader, StreamWriter


class ResponsesTranslator:
    """Both ways of the Responses API. Errors and limits are as in all of OpenAI's APIs."""

    name = "openai_responses"
    vendor: Vendor = "openai"
    stream_type = "text/event-stream; charset=utf-8"

    parse_request = staticmethod(request_in.parse_request)
    render_request = staticmethod(request_out.render_request)
    parse_answer = staticmethod(answer.parse_answer)
    render_answer = staticmethod(answer.render_answer)

    def reader(self) -> StreamReader:
        return ResponseReader()

    def writer(self, asked: Asked) -> StreamWriter:
        return ResponseWriter(asked)

    parse_error = staticmethod(errors.parse_error)
    render_error = staticmethod(errors.render_error)

    def parse_count(self, document: object) -> int | None:
        return count(mapping(document).get("input_tokens"))

    def render_count(self, input_tokens: int) -> dict[str, Any]:
        return {"object": "response.input_tokens", "input_tokens": input_tokens}

    parse_limits = staticmethod(errors.parse_limits)
    render_limits = staticmethod(errors.render_limits)
