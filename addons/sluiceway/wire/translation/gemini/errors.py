"""Errors as Google's APIs tell them (google.rpc.Status as JSON)."""

from __future__ import annotations

from typing import Any

import orjson

from sluiceway.types import ErrorAnswer
from sluiceway.wire.fields import items, mapping, word
from sluiceway.wire.translation.failure import Failure, FailureKind, kind_of

# A spent account is 403: Google's clients ask again for over a minute after a 429.
_STATUSES: dict[FailureKind, tuple[int, str]] = {
    FailureKind.INVALID: (400, "INVALID_ARGUMENT"),
    FailureKind.IDENTITY: (401, "UNAUTHENTICATED"),
    FailureKind.BILLING: (403, "PERMISSION_DENIED"),
    FailureKind.PERMISSION: (403, "PERMISSION_DENIED"),
    FailureKind.NOT_FOUND: (404, "NOT_FOUND"),
    FailureKind.TOO_LARGE: (400, "INVALID_ARGUMENT"),
    FailureKind.RATE: (429, "RESOURCE_EXHAUSTED"),
    FailureKind.OVERLOADED: (503, "UNAVAILABLE"),
    FailureKind.TIMEOUT: (504, "DEADLINE_EXCEEDED"),
    FailureKind.SERVER: (500, "INTERNAL"),
}
_KINDS: dict[str, FailureKind] = {
    "INVALID_ARGUMENT": FailureKind.INVALID,
    "FAILED_PRECONDITION": FailureKind.INVALID,
    "UNAUTHENTICATED": FailureKind.IDENTITY,
    "PERMISSION_DENIED": FailureKind.PERMISSION,
    "NOT_FOUND": FailureKind.NOT_FOUND,
    "RESOURCE_EXHAUSTED": FailureKind.RATE,
    "UNAVAILABLE": FailureKind.OVERLOADED,
    "DEADLINE_EXCEEDED": FailureKind.TIMEOUT,
    "INTERNAL": FailureKind.SERVER,
}
_BAD_KEYS = frozenset({"API_KEY_INVALID", "API_KEY_EXPIRED"})  # told with status 400


def parse_error(status: int, document: object) -> Failure:
    """By Google's own status, else by HTTP's."""
    failure = failure_in(document)
    known = failure.kind if failure.code in _KINDS or failure.code in _BAD_KEYS else kind_of(status)
    return Failure(known, failure.message, status, failure.code)


def failure_in(document: object) -> Failure:
    """The error of an answer or of a stream's piece."""
    error = mapping(mapping(document).get("error"))
    code, message = word(error.get("status")), error.get("message")
    reasons = {word(mapping(detail).get("reason")) for detail in items(error.get("details"))}
    told = message if isinstance(message, str) and message else "The provider gave no reason."
    if bad := next((reason for reason in reasons if reason in _BAD_KEYS), None):
        return Failure(FailureKind.IDENTITY, told, code=bad)
    return Failure(_KINDS.get(code or "", FailureKind.SERVER), told, code=code)


def error_object(failure: Failure) -> dict[str, Any]:
    """The `error` of an answer or of a stream's piece."""
    code, status = _STATUSES[failure.kind]
    return {"code": code, "message": failure.message, "status": status}


def render_error(failure: Failure, request_id: str) -> ErrorAnswer:
    info = {
        "@type": "type.googleapis.com/google.rpc.RequestInfo",
        "requestId": request_id,
    }
    body = {"error": error_object(failure) | {"details": [info]}}
    headers = (("content-type", "application/json; charset=UTF-8"),)
    return ErrorAnswer(_STATUSES[failure.kind][0], headers, orjson.dumps(body))
