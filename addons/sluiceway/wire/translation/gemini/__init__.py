"""The Gemini API (generateContent, of Google's own and on Vertex AI) as a translator."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sluiceway.types import ErrorAnswer
from sluiceway.wire.dialect import Target
from sluiceway.wire.fields import count, mapping
from sluiceway.wire.translation.failure import Failure
from sluiceway.wire.translation.gemini import answer, errors, request_in, request_out
from sluiceway.wire.translation.gemini.stream_in import PieceReader
from sluiceway.wire.translation.gemini.stream_out import PieceWriter
from sluiceway.wire.translation.limits import RateLimits
from sluiceway.wire.translation.losses import Losses
from sluiceway.wire.translation.neutral import Answer, Request, Vendor
from sluiceway.wire.translation.translator import Aim, Asked, Rendered, StreamReader, StreamWriter

_NO_LIMITS = RateLimits()


class GeminiTranslator:
    """Both ways of generateContent. Google tells no limits in headers."""

    name = "gemini"
    vendor: Vendor = "google"
    stream_type = "text/event-stream"

    def parse_request(self, document: Mapping[str, Any], target: Target, losses: Losses) -> Request:
        return request_in.parse_request(document, target, losses)

    def render_request(self, request: Request, aim: Aim, losses: Losses) -> Rendered:
        return request_out.render_request(request, aim, losses)

    def parse_answer(self, document: object) -> Answer:
        return answer.parse_answer(document)

    def render_answer(self, answered: Answer, asked: Asked) -> dict[str, Any]:
        return answer.render_answer(answered, asked)

    def reader(self) -> StreamReader:
        return PieceReader()

    def writer(self, asked: Asked) -> StreamWriter:
        return PieceWriter(asked)

    def parse_error(self, status: int, document: object) -> Failure:
        return errors.parse_error(status, document)

    def render_error(self, failure: Failure, request_id: str) -> ErrorAnswer:
        return errors.render_error(failure, request_id)

    def parse_count(self, document: object) -> int | None:
        return count(mapping(document).get("totalTokens"))

    def render_count(self, input_tokens: int) -> dict[str, Any]:
        details = [{"modality": "TEXT", "tokenCount": input_tokens}]
        return {"totalTokens": input_tokens, "promptTokensDetails": details}

    def parse_limits(self, headers: Mapping[str, str], at: datetime) -> RateLimits:
        return _NO_LIMITS

    def render_limits(self, limits: RateLimits, at: datetime) -> tuple[tuple[str, str], ...]:
        return ()
