"""Errors as Bedrock tells them: by the status, in a stream by the exception's name (AWS, Bedrock API
reference, ConverseStream)."""

from __future__ import annotations

import orjson

from sluiceway.types import ErrorAnswer
from sluiceway.wire.eventstream import Frame
from sluiceway.wire.fields import load, mapping, word
from sluiceway.wire.translation.failure import Failure, FailureKind, kind_of

_NAMES: dict[FailureKind, tuple[int, str]] = {
    FailureKind.INVALID: (400, "ValidationException"),
    FailureKind.IDENTITY: (403, "AccessDeniedException"),
    FailureKind.BILLING: (400, "ServiceQuotaExceededException"),
    FailureKind.PERMISSION: (403, "AccessDeniedException"),
    FailureKind.NOT_FOUND: (404, "ResourceNotFoundException"),
    FailureKind.TOO_LARGE: (413, "ValidationException"),
    FailureKind.RATE: (429, "ThrottlingException"),
    FailureKind.OVERLOADED: (503, "ServiceUnavailableException"),
    FailureKind.TIMEOUT: (408, "ModelTimeoutException"),
    FailureKind.SERVER: (500, "InternalServerException"),
}
_IN_STREAM: dict[str, FailureKind] = {
    "validationException": FailureKind.INVALID,
    "throttlingException": FailureKind.RATE,
    "serviceUnavailableException": FailureKind.OVERLOADED,
}


def parse_error(status: int, document: object) -> Failure:
    """The kind stands in a header that is not seen here; the status says as much."""
    told = mapping(document)
    return Failure(kind_of(status), _message(told.get("message") or told.get("Message")), status)


def failure_of(frame: Frame) -> Failure:
    """An exception's frame, or an error's."""
    told = mapping(load(frame.payload)).get("message") or frame.headers.get("error-message")
    kind = _IN_STREAM.get(frame.name, FailureKind.SERVER)
    return Failure(kind, _message(told), code=word(frame.name) or word(frame.headers.get("error-code")))


def _message(told: object) -> str:
    return told if isinstance(told, str) and told else "The provider gave no reason."


def render_error(failure: Failure, request_id: str) -> ErrorAnswer:
    status, name = _NAMES[failure.kind]
    headers = (
        ("content-type", "application/json"),
        ("x-amzn-errortype", name),
        ("x-amzn-requestid", request_id),
    )
    return ErrorAnswer(status, headers, orjson.dumps({"message": failure.message}))
