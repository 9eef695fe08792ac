"""Refusals and broken streams as OpenAI's clients know them, in Chat, Responses, Embeddings and Codex."""

from __future__ import annotations

from sluiceway.types import Answer, ErrorAnswer, Refusal, RefusalKind
from sluiceway.wire.fields import mapping, word
from sluiceway.wire.refusal import PASSING, RETRYABLE, STATUS, error_answer, header_value, should_retry

_TYPES: dict[RefusalKind, str] = {
    RefusalKind.IDENTITY: "authentication_error",
    RefusalKind.BUDGET: "insufficient_quota",
    RefusalKind.BUSY: "rate_limit_error",
    RefusalKind.RATE: "rate_limit_error",
    RefusalKind.POLICY: "permission_error",
    RefusalKind.UNREACHABLE: "server_error",
    RefusalKind.TIMEOUT: "server_error",
    RefusalKind.INTERNAL: "server_error",
}


def refuse(refusal: Refusal, request_id: str, codex: bool) -> ErrorAnswer:
    """A spent budget is 429 `insufficient_quota`, as OpenAI's own; the header keeps the SDKs from retrying.
    Codex would retry it and wants its own `usage_limit_reached`, whose text it takes from a header. Of all
    other final noes it takes only a 400 for one: it sends a 401, 403 or 413 five times more (Codex 0.171)."""
    if codex and refusal.kind is RefusalKind.BUDGET:
        return _codex_limit(refusal)
    status = 429 if refusal.kind is RefusalKind.BUDGET else STATUS[refusal.kind]
    if codex and refusal.kind not in RETRYABLE | PASSING | {RefusalKind.UPGRADE}:
        status = 400
    return error_answer(status, {"error": error_object(refusal)}, refusal, *should_retry(refusal))


def error_object(refusal: Refusal) -> dict[str, object]:
    """The `error` of an answer or of a stream."""
    kind = _TYPES.get(refusal.kind, "invalid_request_error")
    code = "rate_limit_exceeded" if refusal.kind in RETRYABLE else refusal.code
    if refusal.kind is RefusalKind.BUDGET:
        code = kind  # the SDKs and LangChain look at the code, not the type
    return {"message": refusal.message, "type": kind, "param": None, "code": code}


def failure_code(refusal: Refusal) -> str:
    """The code of a `response.failed`. Codex retries a server_error and shows an invalid_prompt at once."""
    return "server_error" if refusal.kind in PASSING | RETRYABLE else "invalid_prompt"


def parse_error(document: object) -> Answer:
    """The provider's error type, or its code where the type is missing. Mistral and xAI have no object around
    them (their API references, Errors)."""
    told = mapping(document)
    error = mapping(told.get("error")) or told
    return Answer(error_type=word(error.get("type")) or word(error.get("code")), complete=True)


def _codex_limit(refusal: Refusal) -> ErrorAnswer:
    error: dict[str, object] = {"type": "usage_limit_reached", "message": refusal.message}
    if refusal.resets_at is not None:
        error["resets_at"] = int(refusal.resets_at.timestamp())
    promo = ("x-codex-promo-message", header_value(refusal.message))
    return error_answer(429, {"error": error}, refusal, promo, *should_retry(refusal))
