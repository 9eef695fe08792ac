"""A no, in words for the employee, and in the form of the API it is said in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class RefusalKind(StrEnum):
    """What sort of no: decides the status and error type each dialect answers with."""

    IDENTITY = "identity"  # wrong, expired or revoked credentials; disabled person
    BUDGET = "budget"  # money is spent: final until the window ends
    BUSY = "busy"  # money is only reserved by others: worth retrying soon
    RATE = "rate"  # too many requests: worth retrying soon
    POLICY = "policy"  # a rule says no
    REQUEST = "request"  # the request itself is wrong (400)
    TOO_LARGE = "too_large"  # 413
    UNSUPPORTED = "unsupported"  # content encoding and the like (415)
    MISDIRECTED = "misdirected"  # CONNECT, SNI and Host disagree (421)
    UPGRADE = "upgrade"  # a WebSocket we answer 426, so that Codex falls back to POST
    UNREACHABLE = "unreachable"  # the provider could not be reached, or its certificate is bad (502)
    TIMEOUT = "timeout"  # the provider did not answer in time (504)
    INTERNAL = "internal"  # our own fault (503)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A no, in words for the employee: what happened, by which rule, until when, whom to ask.

    `code` is a stable snake_case word (`x-sluiceway-refused`); `retry_after_s` only where waiting helps.
    """

    kind: RefusalKind
    code: str
    message: str
    rule: str | None = None
    retry_after_s: int | None = None
    resets_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """A refusal in a provider's own form. `headers` include the content type."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
