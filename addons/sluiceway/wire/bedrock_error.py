"""A no in AWS's form: the status, the `x-amzn-errortype` header and a `message`, and as a frame of a stream.

What AWS's SDKs retry was tried with botocore 1.44 in its standard mode: 500, 502, 503, 504, and the
codes of throttling (ThrottlingException). Not retried: ServiceQuotaExceededException, ValidationException,
AccessDeniedException. Anthropic's SDK for Bedrock goes by `x-should-retry` and the status.
"""

from __future__ import annotations

from sluiceway.types import ErrorAnswer, Refusal, RefusalKind
from sluiceway.wire.eventstream import render
from sluiceway.wire.fields import mapping, word
from sluiceway.wire.refusal import STATUS, error_answer, should_retry

_ERRORS: dict[RefusalKind, tuple[int, str]] = {
    # Not UnrecognizedClientException or ExpiredTokenException: then SDKs fetch other AWS credentials.
    RefusalKind.IDENTITY: (403, "AccessDeniedException"),
    # 400 as in AWS's own model of the API: "exceeds the service quota for your account".
    RefusalKind.BUDGET: (400, "ServiceQuotaExceededException"),
    RefusalKind.BUSY: (429, "ThrottlingException"),
    RefusalKind.RATE: (429, "ThrottlingException"),
    RefusalKind.POLICY: (403, "AccessDeniedException"),
    RefusalKind.UNREACHABLE: (502, "ServiceUnavailableException"),
    RefusalKind.TIMEOUT: (504, "ServiceUnavailableException"),
    RefusalKind.INTERNAL: (503, "ServiceUnavailableException"),
}
# The members of ConverseStreamOutput and ResponseStream that are errors; SDKs know no others.
_IN_STREAM: dict[RefusalKind, str] = {
    RefusalKind.BUSY: "throttlingException",
    RefusalKind.RATE: "throttlingException",
    RefusalKind.UNREACHABLE: "modelStreamErrorException",
    RefusalKind.TIMEOUT: "modelStreamErrorException",
    RefusalKind.INTERNAL: "serviceUnavailableException",
}


def refuse(refusal: Refusal, request_id: str) -> ErrorAnswer:
    """The refusal as an AWS service says it."""
    status, kind = _ERRORS.get(refusal.kind, (STATUS[refusal.kind], "ValidationException"))
    names = ("x-amzn-errortype", kind), ("x-amzn-requestid", request_id)
    return error_answer(status, {"message": refusal.message}, refusal, *names, *should_retry(refusal))


def exception(refusal: Refusal) -> bytes:
    """The refusal as the last frame of a stream."""
    name = _IN_STREAM.get(refusal.kind, "validationException")
    return render({"message": refusal.message}, name, kind="exception")


def error_type(document: object) -> str | None:
    """The error's type where the body says it; AWS says it in a header, older services in `__type`."""
    said = mapping(document).get("__type") or mapping(document).get("code")
    return word(said.rpartition("#")[2]) if isinstance(said, str) else None
