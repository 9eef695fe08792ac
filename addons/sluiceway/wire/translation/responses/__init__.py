"""The Responses API of OpenAI and all who speak it as a translator."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sluiceway.types import ErrorAnswer
from sluiceway.wire.dialect import Target
from sluiceway.wire.fields import count, mapping
from sluiceway.wire.translation.chat import errors
from sluiceway.wire.translation.failure import Failure
from sluiceway.wire.translation.limits import RateLimits
from sluiceway.wire.translation.losses import Losses
from sluiceway.wire.translation.neutral import Answer, Request, Vendor
from sluiceway.wire.translation.responses import answer, request_in, request_out
from sluiceway.wire.translation.responses.stream_in import ResponseReader
from sluiceway.wire.translation.responses.stream_out import ResponseWriter
from sluiceway.wire.translation.translator import Aim, Asked, Rendered, StreamReader, StreamWriter


class ResponsesTranslator:
    """Both ways of the Responses API. Errors and limits are as in all of OpenAI's APIs."""

    name = "openai_responses"
    vendor: Vendor = "openai"
    stream_type = "text/event-stream; charset=utf-8"

    def parse_request(self, document: Mapping[str, Any], target: Target, losses: Losses) -> Request:
        return request_in.parse_request(document, target, losses)

    def render_request(self, request: Request, aim: Aim, losses: Losses) -> Rendered:
        return request_out.render_request(request, aim, losses)

    def parse_answer(self, document: object) -> Answer:
        return answer.parse_answer(document)

    def render_answer(self, answered: Answer, asked: Asked) -> dict[str, Any]:
        return answer.render_answer(answered, asked)

    def reader(self) -> StreamReader:
        return ResponseReader()

    def writer(self, asked: Asked) -> StreamWriter:
        return ResponseWriter(asked)

    def parse_error(self, status: int, document: object) -> Failure:
        return errors.parse_error(status, document)

    def render_error(self, failure: Failure, request_id: str) -> ErrorAnswer:
        return errors.render_error(failure, request_id)

    def parse_count(self, document: object) -> int | None:
        return count(mapping(document).get("input_tokens"))

    def render_count(self, input_tokens: int) -> dict[str, Any]:
        return {"object": "response.input_tokens", "input_tokens": input_tokens}

    def parse_limits(self, headers: Mapping[str, str], at: datetime) -> RateLimits:
        return errors.parse_limits(headers, at)

    def render_limits(self, limits: RateLimits, at: datetime) -> tuple[tuple[str, str], ...]:
        return errors.render_limits(limits, at)
