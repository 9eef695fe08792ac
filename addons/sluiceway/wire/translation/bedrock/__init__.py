"""Bedrock's Converse API as a translator: written for and read from, but not spoken to clients."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sluiceway.errors import WireError
from sluiceway.types import ErrorAnswer
from sluiceway.wire.dialect import Target
from sluiceway.wire.eventstream import CONTENT_TYPE
from sluiceway.wire.fields import count, mapping
from sluiceway.wire.translation.bedrock import answer, errors, request_out
from sluiceway.wire.translation.bedrock.stream_in import FrameReader
from sluiceway.wire.translation.failure import Failure
from sluiceway.wire.translation.limits import RateLimits
from sluiceway.wire.translation.losses import Losses
from sluiceway.wire.translation.neutral import Answer, Request, Vendor
from sluiceway.wire.translation.translator import Aim, Asked, Rendered, StreamReader, StreamWriter

_NO_LIMITS = RateLimits()
_ONLY_TARGET = "a request to Converse is not translated into another API"


class BedrockTranslator:
    """Clients of Converse stay at Bedrock: what would speak to them refuses."""

    name = "bedrock_converse"
    vendor: Vendor = "other"
    stream_type = CONTENT_TYPE

    def parse_request(self, document: Mapping[str, Any], target: Target, losses: Losses) -> Request:
        raise WireError(_ONLY_TARGET)

    def render_request(self, request: Request, aim: Aim, losses: Losses) -> Rendered:
        return request_out.render_request(request, aim, losses)

    def parse_answer(self, document: object) -> Answer:
        return answer.parse_answer(document)

    def render_answer(self, answered: Answer, asked: Asked) -> dict[str, Any]:
        raise WireError(_ONLY_TARGET)

    def reader(self) -> StreamReader:
        return FrameReader()

    def writer(self, asked: Asked) -> StreamWriter:
        raise WireError(_ONLY_TARGET)

    def parse_error(self, status: int, document: object) -> Failure:
        return errors.parse_error(status, document)

    def render_error(self, failure: Failure, request_id: str) -> ErrorAnswer:
        return errors.render_error(failure, request_id)

    def parse_count(self, document: object) -> int | None:
        return count(mapping(document).get("inputTokens"))

    def render_count(self, input_tokens: int) -> dict[str, Any]:
        return {"inputTokens": input_tokens}

    def parse_limits(self, headers: Mapping[str, str], at: datetime) -> RateLimits:
        return _NO_LIMITS

    def render_limits(self, limits: RateLimits, at: datetime) -> tuple[tuple[str, str], ...]:
        return ()
