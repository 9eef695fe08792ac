"""Rate limits as the headers of an answer tell them, in neutral form."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit: how much there is, how much is left, in how many seconds it is whole again."""

    limit: int | None = None
    remaining: int | None = None
    resets_in_s: float | None = None


@dataclass(frozen=True, slots=True)
class RateLimits:
    """Limits on requests and on tokens (input and output together, or whichever is told)."""

    requests: Limit | None = None
    tokens: Limit | None = None
