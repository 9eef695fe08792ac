"""What the ledger is asked for and what it answers: a want, a reservation, and the three answers to admit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sluiceway.types import Cap


@dataclass(frozen=True, slots=True)
class Want:
    """The money an attempt would like to reserve, and the least with which it makes sense to start.

    `nusd` is the estimated input plus the expected output; `floor_nusd` the input plus a little output.
    """

    nusd: int
    floor_nusd: int

    def __post_init__(self) -> None:
        if not 0 <= self.floor_nusd <= self.nusd:
            raise ValueError(f"a want needs 0 <= floor <= nusd, not {self.floor_nusd} and {self.nusd}")


@dataclass(frozen=True, slots=True)
class Reservation:
    """An open ledger row and the money first reserved for it. Settle it exactly once."""

    ledger_id: int
    nusd: int
    caps: tuple[Cap, ...]


@dataclass(frozen=True, slots=True)
class Granted:
    """Go ahead: row and reservation are on disk.

    `limited`: the reservation is less than was wanted, because no more can be had before the window ends.
    `remaining_nusd` is what `cap`, the tightest one, has left after this reservation; None without caps.
    """

    reservation: Reservation
    limited: bool
    remaining_nusd: int | None
    cap: Cap | None

    @property
    def nusd(self) -> int:
        """The reservation, in nano-dollars."""
        return self.reservation.nusd


@dataclass(frozen=True, slots=True)
class Spent:
    """A final no until `resets_at` (None: never): the money of `cap` is spent, not merely reserved."""

    cap: Cap
    spent_nusd: int
    resets_at: datetime | None


@dataclass(frozen=True, slots=True)
class Busy:
    """Not now: the money of `cap` is reserved by requests in flight and was not freed in time."""

    cap: Cap
    retry_after_s: int


type Answer = Granted | Spent | Busy


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """A counter that does not equal the ledger: what is stored, and what the ledger's rows add up to."""

    counter: str
    spent_nusd: int
    reserved_nusd: int
    ledger_spent_nusd: int
    ledger_reserved_nusd: int
