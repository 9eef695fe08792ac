"""Chat Completions of OpenAI and all who speak it as a translator."""

from __future__ import annotations

from typing import Any

from sluiceway.wire.fields import count, mapping
from sluiceway.wire.translation.chat import answer, errors, request_in, request_out
from sluiceway.wire.translation.chat.stream_in import ChunkReader
from sluiceway.wire.translation.chat.stream_out import ChunkWriter
from sluiceway.wire.translation.neutral import Vendor
from sluiceway.wire.translation.translator import Asked, StreamReader, StreamWriter


class ChatTranslator:
    """Both ways of Chat Completions. It has no operation that counts: nobody asks for one here."""

    name = "openai_chat"
    vendor: Vendor = "openai"
    stream_type = "text/event-stream; charset=utf-8"

    parse_request = staticmethod(request_in.parse_request)
    render_request = staticmethod(request_out.render_request)
    parse_answer = staticmethod(answer.parse_answer)
    render_answer = staticmethod(answer.render_answer)

    def reader(self) -> StreamReader:
        return ChunkReader()

    def writer(self, asked: Asked) -> StreamWriter:
        return ChunkWriter(asked)

    parse_error = staticmethod(errors.parse_error)
    render_error = staticmethod(errors.render_error)

    def parse_count(self, document: object) -> int | None:
        return count(mapping(document).get("input_tokens"))

    def render_count(self, input_tokens: int) -> dict[str, Any]:
        return {"input_tokens": input_tokens}

    parse_limits = staticmethod(errors.parse_limits)
    render_limits = staticmethod(errors.render_limits)
