"""Errors and rate limits as the Messages API tells them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson

from sluiceway.types import ErrorAnswer
from sluiceway.wire.fields import mapping, word
from sluiceway.wire.translation.failure import Failure, FailureKind, kind_of
from sluiceway.wire.translation.limits import Limit, RateLimits

_TYPES: dict[FailureKind, tuple[int, str]] = {
    FailureKind.INVALID: (400, "invalid_request_error"),
    FailureKind.IDENTITY: (401, "authentication_error"),
    FailureKind.BILLING: (402, "billing_error"),
    FailureKind.PERMISSION: (403, "permission_error"),
    FailureKind.NOT_FOUND: (404, "not_found_error"),
    FailureKind.TOO_LARGE: (413, "request_too_large"),
    FailureKind.RATE: (429, "rate_limit_error"),
    FailureKind.OVERLOADED: (529, "overloaded_error"),
    FailureKind.TIMEOUT: (504, "timeout_error"),
    FailureKind.SERVER: (500, "api_error"),
}
_KINDS = {told: kind for kind, (_, told) in _TYPES.items()}
_KINDS |= {"timeout": FailureKind.TIMEOUT}


def parse_error(status: int, document: object) -> Failure:
    """By its type, else by the status."""
    failure = failure_in(document)
    known = _KINDS.get(failure.code or "")
    return Failure(known or kind_of(status), failure.message, status, failure.code)


def failure_in(document: object) -> Failure:
    """The error of an answer or of a stream's event."""
    error = mapping(mapping(document).get("error"))
    code, message = word(error.get("type")), error.get("message")
    told = message if isinstance(message, str) and message else "The provider gave no reason."
    return Failure(_KINDS.get(code or "", FailureKind.SERVER), told, code=code)


def error_object(failure: Failure) -> dict[str, Any]:
    """The `error` of an answer or of a stream's event."""
    return {"type": _TYPES[failure.kind][1], "message": failure.message}


def render_error(failure: Failure, request_id: str) -> ErrorAnswer:
    body = {"type": "error", "error": error_object(failure), "request_id": request_id}
    headers = (("content-type", "application/json"),)
    return ErrorAnswer(_TYPES[failure.kind][0], headers, orjson.dumps(body))


def parse_limits(headers: Mapping[str, str], at: datetime) -> RateLimits:
    """By `anthropic-ratelimit-*`, whose resets are points in time."""
    return RateLimits(_limit(headers, "requests", at), _limit(headers, "tokens", at))


def _limit(headers: Mapping[str, str], what: str, at: datetime) -> Limit | None:
    told = [headers.get(f"anthropic-ratelimit-{what}-{name}") for name in ("limit", "remaining", "reset")]
    if not any(told):
        return None
    limit, remaining, reset = told
    return Limit(_count(limit), _count(remaining), _seconds_until(reset, at))


def _count(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else None


def _seconds_until(text: str | None, at: datetime) -> float | None:
    try:
        then = datetime.fromisoformat(text or "")
        return max(0.0, (then - at).total_seconds())
    except (ValueError, TypeError):  # no date, or one without a zone
        return None


def render_limits(limits: RateLimits, at: datetime) -> tuple[tuple[str, str], ...]:
    fields: list[tuple[str, str]] = []
    for what, limit in (("requests", limits.requests), ("tokens", limits.tokens)):
        if limit is None:
            continue
        start = f"anthropic-ratelimit-{what}-"
        fields += [(start + name, str(value)) for name, value in _counts(limit) if value is not None]
        if limit.resets_in_s is not None:
            then = at + timedelta(seconds=limit.resets_in_s)
            fields.append((f"{start}reset", then.strftime("%Y-%m-%dT%H:%M:%SZ")))
    return tuple(fields)


def _counts(limit: Limit) -> tuple[tuple[str, int | None], ...]:
    return ("limit", limit.limit), ("remaining", limit.remaining)
