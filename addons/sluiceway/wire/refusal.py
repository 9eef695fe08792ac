"""How a refusal looks on the wire: what all dialects share, and the plain form for paths without one."""

from __future__ import annotations

import re

import orjson

from sluiceway.types import ErrorAnswer, Refusal, RefusalKind

STATUS: dict[RefusalKind, int] = {
    RefusalKind.IDENTITY: 401,
    RefusalKind.BUDGET: 402,
    RefusalKind.BUSY: 429,
    RefusalKind.RATE: 429,
    RefusalKind.POLICY: 403,
    RefusalKind.REQUEST: 400,
    RefusalKind.TOO_LARGE: 413,
    RefusalKind.UNSUPPORTED: 415,
    RefusalKind.MISDIRECTED: 421,
    RefusalKind.UPGRADE: 426,
    RefusalKind.UNREACHABLE: 502,
    RefusalKind.TIMEOUT: 504,
    RefusalKind.INTERNAL: 503,
}
"""The status of each kind of refusal where a dialect does not need another."""

RETRYABLE = frozenset({RefusalKind.BUSY, RefusalKind.RATE})
"""Waiting helps: the SDKs are told to try again."""

PASSING = frozenset({RefusalKind.UNREACHABLE, RefusalKind.TIMEOUT, RefusalKind.INTERNAL})
"""May help or not: the SDKs do what they do after any 5xx."""

MAX_HEADER_BYTES = 1_000
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def plain_refusal(refusal: Refusal, request_id: str) -> ErrorAnswer:
    """The refusal as plain JSON, for paths that no dialect reads."""
    error = {"code": refusal.code, "message": refusal.message, "request_id": request_id}
    return error_answer(STATUS[refusal.kind], {"error": error}, refusal)


def error_answer(
    status: int, body: dict[str, object], refusal: Refusal, *extra: tuple[str, str]
) -> ErrorAnswer:
    """An answer around a JSON body, with `retry-after` where the refusal says when, and `extra` headers."""
    headers = [("content-type", "application/json"), *extra]
    if refusal.retry_after_s is not None:
        headers.append(("retry-after", str(max(0, refusal.retry_after_s))))
    return ErrorAnswer(status, tuple(headers), orjson.dumps(body))


def should_retry(refusal: Refusal) -> tuple[tuple[str, str], ...]:
    """The header by which the Stainless SDKs (OpenAI, Anthropic) decide before they look at the status."""
    if refusal.kind in PASSING:
        return ()
    return (("x-should-retry", "true" if refusal.kind in RETRYABLE else "false"),)


def header_value(text: str) -> str:
    """The text as one header value: no control characters, nothing outside Latin-1, at most 1,000 bytes."""
    clean = _CONTROL.sub(" ", text).strip()
    return clean.encode("latin-1", "replace")[:MAX_HEADER_BYTES].decode("latin-1")
