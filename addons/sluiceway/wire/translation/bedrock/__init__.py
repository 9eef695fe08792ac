"""Bedrock's Converse API as a translator: written for and read from, but not spoken to clients."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sluiceway.errors import WireError
from sluiceway.wire.dialect import Target
from sluiceway.wire.eventstream import CONTENT_TYPE
from sluiceway.wire.fields import count, mapping
from sluiceway.wire.translation.bedrock import answer, errors, request_out
from sluiceway.wire.translation.bedrock.stream_in import FrameReader
from sluiceway.wire.translation.limits import RateLimits
from sluiceway.wire.translation.losses import Losses
from sluiceway.wire.translation.neutral import Answer, Request, Vendor
from sluiceway.wire.translation.translator import Asked, StreamReader, StreamWriter

_NO_LIMITS = RateLimits()
_ONLY_TARGET = "a request to Converse is not translated into another API"


class BedrockTranslator:
    """Clients of Converse stay at Bedrock: what would speak to them refuses."""

    name = "bedrock_converse"
    vendor: Vendor = "other"
    stream_type = CONTENT_TYPE

    def parse_request(self, document: Mapping[str, Any], target: Target, losses: Losses) -> Request:
        raise WireError(_ONLY_TARGET)

    render_request = staticmethod(request_out.render_request)

    parse_answer = staticmethod(answer.parse_answer)

    def render_answer(self, answered: Answer, asked: Asked) -> dict[str, Any]:
        raise WireError(_ONLY_TARGET)

    def reader(self) -> StreamReader:
        return FrameReader()

    def writer(self, asked: Asked) -> StreamWriter:
        raise WireError(_ONLY_TARGET)

    parse_error = staticmethod(errors.parse_error)
    render_error = staticmethod(errors.render_error)

    def parse_count(self, document: object) -> int | None:
        return count(mapping(document).get("inputTokens"))

    def render_count(self, input_tokens: int) -> dict[str, Any]:
        return {"inputTokens": input_tokens}

    def parse_limits(self, headers: Mapping[str, str], at: datetime) -> RateLimits:
        return _NO_LIMITS

    def render_limits(self, limits: RateLimits, at: datetime) -> tuple[tuple[str, str], ...]:
        return ()
