"""Errors in each simulated provider's own form, whole and in the middle of a stream."""

from __future__ import annotations

import orjson

from sluiceway.demo.dialects import family, google_oauth
from sluiceway.demo.exchange import Json, Rejected, Reply, new_id, sse
from sluiceway.demo.headers import answer_headers
from sluiceway.wire.eventstream import render

_ANTHROPIC = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_OPENAI = {
    401: ("invalid_request_error", "invalid_api_key"),
    429: ("requests", "rate_limit_exceeded"),
}
_GOOGLE = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_AWS = {
    400: "ValidationException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
}
_MESSAGES = {
    401: "Incorrect API key provided.",
    403: "Your account is not allowed to do this.",
    429: "Rate limit reached. Please try again in a moment.",
    500: "The server had an error while processing your request. Sorry about that!",
    502: "Bad gateway.",
    503: "The model is overloaded. Please try again later.",
    504: "The request took too long.",
    529: "Overloaded",
}


def plain(status: int) -> Rejected:
    """The rejection a fault asks for by its status alone."""
    return Rejected(status, _MESSAGES.get(status, "The request was not accepted."))


def reply(provider: str, rejected: Rejected, now: int, *, retry_after_s: str | None = None) -> Reply:
    """The whole answer to a request the provider turns down."""
    request_id = new_id("req_")
    headers = answer_headers(provider, request_id, now)
    if provider == google_oauth.PROVIDER:
        headers = google_oauth.headers(now)
    if retry_after_s is not None and provider != "gemini":  # Gemini says it in the body: RetryInfo
        headers += (("retry-after", retry_after_s),)
    if provider == "bedrock":
        headers += (("x-amzn-errortype", _aws_type(rejected)),)
    body = orjson.dumps(_body(provider, rejected, request_id, retry_after_s))
    return Reply(rejected.status, request_id, headers, body=body)


def stream_event(provider: str, path: str) -> bytes:
    """An overload in mid-stream, after a good start: how the provider says so there."""
    rejected = plain(529 if provider == "anthropic" else 503)
    body = _body(provider, rejected, new_id("req_"), None)
    if provider == "bedrock" and path.startswith("/model/"):
        return render({"message": rejected.message}, "modelStreamErrorException", kind="exception")
    if provider == "anthropic":
        return sse("error", body)
    if path.endswith("/responses"):
        error: Json = {"code": "server_error", "message": rejected.message, "param": None}
        return sse("error", {"type": "error", "sequence_number": 0, **error})
    return sse(None, body)


def _body(provider: str, rejected: Rejected, request_id: str, retry_after_s: str | None) -> Json:
    if provider == "anthropic":
        error = {"type": _ANTHROPIC.get(rejected.status, "api_error"), "message": rejected.message}
        return {"type": "error", "error": error, "request_id": request_id}
    if provider == "bedrock":
        return {"message": rejected.message}
    if provider == google_oauth.PROVIDER:
        return google_oauth.error_body(rejected)
    if provider in ("gemini", "vertex"):
        return {"error": _google(rejected, retry_after_s)}
    if (own := family.error_body(provider, rejected.message, rejected.status)) is not None:
        return own
    if provider == "xai":
        return {"code": _GOOGLE.get(rejected.status, "INTERNAL").lower(), "error": rejected.message}
    usual = "server_error" if rejected.status >= 500 else "invalid_request_error"
    kind, code = _OPENAI.get(rejected.status, (usual, None))
    return {
        "error": {
            "message": rejected.message,
            "type": kind,
            "param": rejected.param,
            "code": rejected.code or code,
        }
    }


def _aws_type(rejected: Rejected) -> str:
    return rejected.code or _AWS.get(rejected.status, "InternalServerException")


def _google(rejected: Rejected, retry_after_s: str | None) -> Json:
    error: Json = {
        "code": rejected.status,
        "message": rejected.message,
        "status": _GOOGLE.get(rejected.status, "UNKNOWN"),
    }
    if rejected.code is not None:
        kind = "type.googleapis.com/google.rpc.ErrorInfo"
        error["details"] = [{"@type": kind, "reason": rejected.code, "domain": "googleapis.com"}]
    elif retry_after_s is not None:
        kind = "type.googleapis.com/google.rpc.RetryInfo"
        error["details"] = [{"@type": kind, "retryDelay": f"{retry_after_s}s"}]
    return error
