"""Refusals as Cohere's clients know them: a `message`, and the status says the rest.

The SDK retries 408, 409, 429 and 5xx (cohere 7, `_should_retry`), so a spent budget is a 402. Voyage's
clients look for `detail` (Voyage API reference, Errors).
"""

from __future__ import annotations

from sluiceway.types import Answer, ErrorAnswer, Refusal
from sluiceway.wire.fields import mapping, word
from sluiceway.wire.refusal import STATUS, error_answer


def refuse(refusal: Refusal, request_id: str) -> ErrorAnswer:
    """The refusal in a body that Cohere's and Voyage's clients show."""
    body: dict[str, object] = {
        "id": request_id,
        "message": refusal.message,
        "detail": refusal.message,
        "code": refusal.code,
    }
    return error_answer(STATUS[refusal.kind], body, refusal)


def parse_error(document: object) -> Answer:
    """Cohere and Voyage name no type of error, but for a rare `code`; the status has to do."""
    error = mapping(document)
    return Answer(error_type=word(error.get("code")) or word(error.get("type")), complete=True)
