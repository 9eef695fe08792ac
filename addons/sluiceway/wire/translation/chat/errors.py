"""Errors and rate limits as OpenAI's APIs tell them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from sluiceway.types import ErrorAnswer
from sluiceway.wire.fields import mapping, word
from sluiceway.wire.translation.failure import Failure, FailureKind, kind_of
from sluiceway.wire.translation.limits import Limit, RateLimits

_TYPES: dict[FailureKind, tuple[int, str, str | None]] = {
    FailureKind.INVALID: (400, "invalid_request_error", None),
    FailureKind.IDENTITY: (401, "authentication_error", "invalid_api_key"),
    FailureKind.BILLING: (429, "insufficient_quota", "insufficient_quota"),
    FailureKind.PERMISSION: (403, "permission_error", None),
    FailureKind.NOT_FOUND: (404, "invalid_request_error", "model_not_found"),
    FailureKind.TOO_LARGE: (413, "invalid_request_error", None),
    FailureKind.RATE: (429, "rate_limit_error", "rate_limit_exceeded"),
    FailureKind.OVERLOADED: (503, "server_error", "overloaded"),
    FailureKind.TIMEOUT: (504, "server_error", "timeout"),
    FailureKind.SERVER: (500, "server_error", None),
}
_CODES = {
    "insufficient_quota": FailureKind.BILLING,
    "rate_limit_exceeded": FailureKind.RATE,
    "rate_limit_error": FailureKind.RATE,
    "model_not_found": FailureKind.NOT_FOUND,
    "invalid_api_key": FailureKind.IDENTITY,
    "context_length_exceeded": FailureKind.INVALID,
    "invalid_request_error": FailureKind.INVALID,
}
_UNITS_S = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "us": 1e-6, "µs": 1e-6}
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|us|µs|d|h|m|s)")


def parse_error(status: int, document: object) -> Failure:
    """By the status; only that a 429 may mean that the money is used up, its code says."""
    failure = failure_in(document)
    billing = failure.kind is FailureKind.BILLING and status in (402, 429)
    return Failure(FailureKind.BILLING if billing else kind_of(status), failure.message, status, failure.code)


def failure_in(document: object) -> Failure:
    """The error of an answer or of a stream's chunk. Mistral and xAI have no object around it."""
    told = mapping(document)
    error = mapping(told.get("error")) or told
    code, kind = word(error.get("code")), word(error.get("type"))
    message = error.get("message") or told.get("error")
    text = message if isinstance(message, str) and message else "The provider gave no reason."
    known = _CODES.get(code or "") or _CODES.get(kind or "") or FailureKind.SERVER
    return Failure(known, text, code=code or kind)


def error_object(failure: Failure) -> dict[str, Any]:
    """The `error` of an answer or of a stream's chunk."""
    _, kind, code = _TYPES[failure.kind]
    return {"message": failure.message, "type": kind, "param": None, "code": code}


def render_error(failure: Failure, request_id: str) -> ErrorAnswer:
    headers = (("content-type", "application/json"), ("x-request-id", request_id))
    return ErrorAnswer(_TYPES[failure.kind][0], headers, orjson.dumps({"error": error_object(failure)}))


def parse_limits(headers: Mapping[str, str], at: datetime) -> RateLimits:
    """By `x-ratelimit-*`, whose resets are spans of time (`6m0s`)."""
    return RateLimits(_limit(headers, "requests"), _limit(headers, "tokens"))


def _limit(headers: Mapping[str, str], what: str) -> Limit | None:
    told = [headers.get(f"x-ratelimit-{name}-{what}") for name in ("limit", "remaining", "reset")]
    if not any(told):
        return None
    limit, remaining, reset = told
    return Limit(_count(limit), _count(remaining), seconds_of(reset))


def _count(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else None


def seconds_of(text: str | None) -> float | None:
    """`1h2m3.5s` in seconds, None where it is none."""
    if not text or "".join(found[0] for found in _DURATION.finditer(text)) != text:
        return None
    return sum(float(found[1]) * _UNITS_S[found[2]] for found in _DURATION.finditer(text))


def render_limits(limits: RateLimits, at: datetime) -> tuple[tuple[str, str], ...]:
    fields: list[tuple[str, str]] = []
    for what, limit in (("requests", limits.requests), ("tokens", limits.tokens)):
        if limit is None:
            continue
        told = (("limit", limit.limit), ("remaining", limit.remaining))
        fields += [(f"x-ratelimit-{name}-{what}", str(value)) for name, value in told if value is not None]
        if limit.resets_in_s is not None:
            fields.append(
                (f"x-ratelimit-reset-{what}", f"{limit.resets_in_s:.3f}".rstrip("0").rstrip(".") + "s")
            )
    return tuple(fields)
