"""What the ledger is asked for and what it answers: a want, a reservation, and the three answers to admit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sluiceway.types import Cap, LedgerRow, Unit


@dataclass(frozen=True, slots=True)
class Want:
    """What an attempt would like to reserve, and the least with which it makes sense to start.

    Money and tokens alike: the estimated input plus the expected output; the floors hold the input plus a
    little output. `floor_tokens` None: it does not start with fewer than `tokens`. Besides, an attempt is
    always one open request, and the first attempt of a request is one request made.
    """

    nusd: int
    floor_nusd: int
    tokens: int = 0
    floor_tokens: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.floor_nusd <= self.nusd:
            raise ValueError(f"a want needs 0 <= floor <= nusd, not {self.floor_nusd} and {self.nusd}")
        if not 0 <= self.least_tokens <= self.tokens:
            raise ValueError(f"a want needs 0 <= floor <= tokens, not {self.least_tokens} and {self.tokens}")

    @property
    def least_tokens(self) -> int:
        """The floor in tokens, given or not."""
        return self.tokens if self.floor_tokens is None else self.floor_tokens


@dataclass(frozen=True, slots=True)
class Reservation:
    """An open ledger row and what was first reserved for it. Settle it exactly once."""

    ledger_id: int
    nusd: int
    caps: tuple[Cap, ...]
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Granted:
    """Go ahead: row and reservation are on disk.

    `limited`: less money or fewer tokens are reserved than were wanted, because no more can be had before the
    window ends. `remaining_nusd` is what `cap`, the tightest cap on money, has left after this reservation;
    None where no cap is on money. `remaining_tokens`: the same for caps on tokens.
    """

    reservation: Reservation
    limited: bool
    remaining_nusd: int | None
    cap: Cap | None
    remaining_tokens: int | None = None

    @property
    def nusd(self) -> int:
        """The reservation, in nano-dollars."""
        return self.reservation.nusd

    @property
    def tokens(self) -> int:
        """The reservation, in tokens of input and output."""
        return self.reservation.tokens


@dataclass(frozen=True, slots=True)
class Spent:
    """A final no until `resets_at` (None: never): `cap` is spent, not merely reserved.

    `spent` is in the cap's unit: nano-dollars or a count. Never a cap of a minute or an hour.
    """

    cap: Cap
    spent: int
    resets_at: datetime | None

    @property
    def spent_nusd(self) -> int:
        """What is spent of a cap on money."""
        return self.spent


@dataclass(frozen=True, slots=True)
class Busy:
    """Not now; worth asking again after `retry_after_s`, at most a minute.

    `resets_at` None: what is needed of `cap` is reserved by requests in flight (or they are as many as may be
    open at once), and was not freed in time. Else a cap of a minute or an hour is used up until then.
    """

    cap: Cap
    retry_after_s: int
    resets_at: datetime | None = None


type Answer = Granted | Spent | Busy


@dataclass(frozen=True, slots=True)
class Later:
    """Where the usage of an open row will be seen: the job that the provider works on, by its keyed digest.

    `input_tokens`: the estimate, for a job that ends without telling. Not seen by `expires_at`, it is charged
    what it has reserved.
    """

    kind: str
    digest: bytes
    input_tokens: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """A deferred row: as it was opened, and what it holds in nano-dollars."""

    ledger_id: int
    row: LedgerRow
    input_tokens: int
    reserved_nusd: int


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """A counter that does not equal the ledger: what is stored, and what the ledger's rows add up to.

    In nano-dollars for the unit "usd", else counted.
    """

    counter: str
    unit: Unit
    spent: int
    reserved: int
    ledger_spent: int
    ledger_reserved: int
