"""What a report is made from: the period, the caps as the caller saw them, and what asks for attention."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum

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
    `scope` holds (dimension, value) pairs as types.Cap has them; `who` is the team it belongs to,
    shown instead of a person unless the report was asked for names.
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
