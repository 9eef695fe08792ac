"""What a report is made from: the period, the caps as the caller saw them, and what asks for attention."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum

from sluiceway.audit.overview import Overview
from sluiceway.audit.verdict import Verdict
from sluiceway.store.records import Discrepancy
from sluiceway.types import Unit

Progress = Callable[[str, int, int], None]  # what is being worked on, parts done, parts in all

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_us(at: datetime) -> int:
    """The store's time: integer microseconds since the epoch."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def from_us(us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=us)


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time: `from_at` is in it, `to_at` is not."""

    from_at: datetime
    to_at: datetime

    def __post_init__(self) -> None:
        if self.from_at.tzinfo is None or self.to_at.tzinfo is None:
            raise ValueError("a period's times need a time zone")
        if self.to_at <= self.from_at:
            raise ValueError("a period ends after it starts")

    @property
    def from_us(self) -> int:
        return to_us(self.from_at)

    @property
    def to_us(self) -> int:
        return to_us(self.to_at)

    @property
    def days(self) -> tuple[str, str]:
        """First and last UTC day touched, as the day columns spell them (YYYY-MM-DD)."""
        last = self.to_at.astimezone(UTC) - timedelta(microseconds=1)
        return self.from_at.astimezone(UTC).date().isoformat(), last.date().isoformat()

    def previous(self) -> Period:
        """The equally long period that ended when this one began."""
        return Period(self.from_at - (self.to_at - self.from_at), self.from_at)


@dataclass(frozen=True, slots=True)
class CapState:
    """One budget and its counter at the moment the report is made; prepared by the caller.

    `limit`, `spent` and `reserved` are in nano-dollars for the unit "usd", else counts.
    `scope` holds (dimension, value) pairs as types.Cap has them, a registered key by its name; `who` is the
    team it belongs to, shown instead of a person unless the report was asked for names. `raised`: by how much
    the limit was raised for a while. `on_exceed`: block, warn or degrade. `starts_at`: of its window; None:
    not told.
    """

    rule: str
    scope: tuple[tuple[str, str], ...]
    window: str
    limit: int
    spent: int
    reserved: int
    ends_at: datetime | None
    who: str
    unit: Unit = "usd"
    raised: int = 0
    on_exceed: str = "block"
    starts_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class GuardState:
    """What looks for secrets and personal data, as the caller found it. `rules` are those in force.

    `model`: the installed model that recognises names, None: none, and `warning` says what that means.
    `personal` are the types the built-in detectors know, None: not told; others are the company's own.
    """

    rules: tuple[str, ...]
    model: str | None
    warning: str | None
    personal: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class AuditRule:
    """An audit rule as written; `in_force` when the report was made. `until` is its last day."""

    name: str
    mode: str
    purpose: str
    agreement: str
    until: date
    keep_days: int
    in_force: bool


@dataclass(frozen=True, slots=True)
class AuditState:
    """The audit of the period: on what ground, who could open, and what happened.

    `holders` are (name, role) of those who could take part in opening when the report was made.
    """

    rules: tuple[AuditRule, ...]
    holders: tuple[tuple[str, str], ...]
    can_open: bool
    overview: Overview


@dataclass(frozen=True, slots=True)
class LedgerCheck:
    """Every budget counter beside the ledger's rows, at one moment; `differences` is none where all agree."""

    at: datetime
    counters: int
    differences: tuple[Discrepancy, ...]


@dataclass(frozen=True, slots=True)
class LogCheck:
    """The audit log beside its signatures, at one moment.

    `keys` are the public keys it was checked with, `own_key` says they came from this machine itself;
    `shipped` is how many checkpoints from `checkpoints` there were. No keys: there is no audit log.
    """

    at: datetime
    keys: tuple[str, ...]
    own_key: bool
    checkpoints: str
    shipped: int
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Verification:
    """What was checked for this report, and nothing beyond it."""

    ledger: LedgerCheck
    log: LogCheck


class Weight(IntEnum):
    """How urgent a finding is; the page shows the heaviest first."""

    KNOW = 1
    LOOK = 2
    ACT = 3


@dataclass(frozen=True, slots=True)
class Attention:
    """One thing a reader should look at first: a sentence, why it matters, and where to read on."""

    weight: Weight
    headline: str
    detail: str
    anchor: str
