"""What counts as a failure that another target may make good, and for how long a provider asks to be left
alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from sluiceway.gateway.breaker import NEITHER, SUCCESS, Ending
from sluiceway.types import Answer, LedgerRow, Outcome

TOO_MANY = 429
REQUEST_TIMEOUT = 408
# How long a key rests after a 429 that does not say, and at most.
REST_S, LONGEST_REST_S = 5.0, 600.0


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt did not do. `reason` is a status or a code of ours, fit for a header and the ledger;
    `sent`: the provider may bill its input; `seen`: what came of an answer that broke off, which is
    billed."""

    reason: str
    sent: bool
    status: int | None = None
    error_type: str | None = None
    seen: Answer | None = None
    retry_after_s: float | None = None

    @property
    def ending(self) -> Ending:
        """What it tells a breaker."""
        if self.status == TOO_MANY:
            return limited(self.retry_after_s)
        return Ending("failure", self.reason)


def is_failure(status: int) -> bool:
    """Whether an answer with this status may be had elsewhere. Other 4xx are the request's own fault."""
    return status in (TOO_MANY, REQUEST_TIMEOUT) or status >= 500


def limited(retry_after_s: float | None) -> Ending:
    """A 429: this key rests."""
    rest_s = REST_S if retry_after_s is None else retry_after_s
    return Ending("limited", str(TOO_MANY), min(rest_s, LONGEST_REST_S))


def ending_of(row: LedgerRow | None, retry_after_s: float | None, *, draining: bool) -> Ending:
    """What the end of a row tells a breaker; None: the answer broke off before anything of it could be
    shown."""
    if draining:
        return NEITHER
    if row is None:
        return Ending("failure", "broken_off")
    if row.outcome in (Outcome.CLIENT_CANCELLED, Outcome.INTERNAL_ERROR, Outcome.REFUSED):
        return NEITHER
    status = row.upstream_status
    if status == TOO_MANY:
        return limited(retry_after_s)
    if status is not None and 300 <= status < 500 and status != REQUEST_TIMEOUT:
        return SUCCESS  # it answered, if only to say that the request is wrong
    if row.outcome in (Outcome.UPSTREAM_ERROR, Outcome.TRUNCATED):
        return Ending("failure", "truncated" if row.outcome is Outcome.TRUNCATED else str(status or "failed"))
    return SUCCESS


def retry_after_s(headers: Mapping[str, str], now_at: datetime) -> float | None:
    """How long the provider asks to wait, in either form of RFC 9110 or in OpenAI's milliseconds; None: it
    does not say, or not in words one can read."""
    try:
        if (given := headers.get("retry-after-ms")) is not None:
            return max(0.0, float(given) / 1000)
        if (given := headers.get("retry-after")) is None:
            return None
        if given.strip().isdecimal():
            return float(given)
        until_at = parsedate_to_datetime(given)
        return max(0.0, (until_at.astimezone(UTC) - now_at).total_seconds())
    except (ValueError, OverflowError):
        return None
