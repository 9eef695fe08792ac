"""The Gemini API (generateContent, of Google's own and on Vertex AI) as a translator."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sluiceway.wire.fields import count, mapping
from sluiceway.wire.translation.gemini import answer, errors, request_in, request_out
from sluiceway.wire.translation.gemini.stream_in import PieceReader
from sluiceway.wire.translation.gemini.stream_out import PieceWriter
from sluiceway.wire.translation.limits import RateLimits
from sluiceway.wire.translation.neutral import Vendor
from sluiceway.wire.translation.translator import Asked, StreamReader, StreamWriter

_NO_LIMITS = RateLimits()


class GeminiTranslator:
    """Both ways of generateContent. Google tells no limits in headers."""

    name = "gemini"
    vendor: Vendor = "google"
    stream_type = "text/event-stream"

    parse_request = staticmethod(request_in.parse_request)
    render_request = staticmethod(request_out.render_request)
    parse_answer = staticmethod(answer.parse_answer)
    render_answer = staticmethod(answer.render_answer)

    def reader(self) -> StreamReader:
        return PieceReader()

    def writer(self, asked: Asked) -> StreamWriter:
        return PieceWriter(asked)

    parse_error = staticmethod(errors.parse_error)
    render_error = staticmethod(errors.render_error)

    def parse_count(self, document: object) -> int | None:
        return count(mapping(document).get("totalTokens"))

    def render_count(self, input_tokens: int) -> dict[str, Any]:
        details = [{"modality": "TEXT", "tokenCount": input_tokens}]
        return {"totalTokens": input_tokens, "promptTokensDetails": details}

    def parse_limits(self, headers: Mapping[str, str], at: datetime) -> RateLimits:
        return _NO_LIMITS

    def render_limits(self, limits: RateLimits, at: datetime) -> tuple[tuple[str, str], ...]:
        return ()
