"""An error of a provider in neutral form, so that it can be told in another API's words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FailureKind(StrEnum):
    """What sort of error, as all APIs know it. The value is a stable word, used in no API."""

    INVALID = "invalid"  # 400: the request is wrong
    IDENTITY = "identity"  # 401
    BILLING = "billing"  # 402: the provider's account has no money
    PERMISSION = "permission"  # 403
    NOT_FOUND = "not_found"  # 404: no such model
    TOO_LARGE = "too_large"  # 413
    RATE = "rate"  # 429
    OVERLOADED = "overloaded"  # 503, Anthropic 529
    TIMEOUT = "timeout"  # 504, 408
    SERVER = "server"  # 500 and the rest


OF_STATUS: dict[int, FailureKind] = {
    400: FailureKind.INVALID,
    401: FailureKind.IDENTITY,
    402: FailureKind.BILLING,
    403: FailureKind.PERMISSION,
    404: FailureKind.NOT_FOUND,
    408: FailureKind.TIMEOUT,
    413: FailureKind.TOO_LARGE,
    422: FailureKind.INVALID,
    429: FailureKind.RATE,
    503: FailureKind.OVERLOADED,
    504: FailureKind.TIMEOUT,
    529: FailureKind.OVERLOADED,
}


@dataclass(frozen=True, slots=True)
class Failure:
    """`status` is the provider's own (0 within a stream); `message` its text, for the client alone."""

    kind: FailureKind
    message: str
    status: int = 0
    code: str | None = None


NO_JSON = Failure(FailureKind.SERVER, "The provider sent an event that cannot be read.")
"""An event that is no JSON: what it said is lost, so the stream cannot go on as if it had not been."""


def kind_of(status: int) -> FailureKind:
    """By the status alone."""
    known = OF_STATUS.get(status)
    if known is not None:
        return known
    return FailureKind.INVALID if 400 <= status < 500 else FailureKind.SERVER
