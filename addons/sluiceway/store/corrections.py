"""Corrections: a settled row is never changed; a row beside it carries the difference to what it should say.

A correction belongs to the moment its request began (`started_at`), so that it counts in the same windows and
days, and says in `ended_at` when it was made. Row and corrections together are what a request cost.
"""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import orjson

from sluiceway.errors import StoreError
from sluiceway.store import rows
from sluiceway.store.engines.connection import Connection
from sluiceway.store.moments import from_us
from sluiceway.store.orders import Correct, Order
from sluiceway.types import NO_UNITS, LedgerRow, Outcome, UsageSource

BY_HAND = "by hand"  # the price version of what a person decided; no price list overrules it

_FOUND = (
    "SELECT * FROM ledger WHERE kind = 'request' AND request_id = ? AND attempt = ? "
    "AND coalesce(turn, -1) = coalesce(?, -1)"
)
_MADE = (
    "SELECT sum(cost_nusd), coalesce(sum(charged_nusd), 0), count(*) FROM ledger WHERE kind = 'correction' "
    "AND corrects = ? AND attempt = ? AND coalesce(turn, -1) = coalesce(?, -1)"
)


@dataclass(frozen=True, slots=True)
class Which:
    """One row: a request's attempt, and of a socket the turn."""

    request_id: str
    attempt: int = 1
    turn: int | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What a row and its corrections say together. `cost_nusd` None: unknown."""

    cost_nusd: int | None
    charged_nusd: int


@dataclass(frozen=True, slots=True)
class Truth:
    """What a row should say. `seen`: how it stood when that was worked out; it is not corrected if somebody
    else has corrected it since. None: whatever it says."""

    which: Which
    cost_nusd: int
    charged_nusd: int
    cost_basis: str
    price_version: str
    seen: Standing | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """What is recorded in the same transaction: who did it, and why."""

    kind: str
    actor: str
    detail: dict[str, object]


class Corrections:
    """Each method blocks until it is on disk. Counters move with the rows."""

    def __init__(self, submit: Callable[[Order], None]) -> None:
        self._submit = submit

    def write(self, truths: Sequence[Truth], event: Event | None = None) -> list[bool]:
        """Corrects rows, and says of each whether it needed it: False where it says so already, or is no more
        what was `seen`. Raises StoreError for a row that is not there or still open, unless it was seen; the
        others are corrected all the same."""
        replies: list[concurrent.futures.Future[bool]] = []
        for truth in truths:
            reply: concurrent.futures.Future[bool] = concurrent.futures.Future()
            self._submit(Correct(truth, event, reply))
            replies.append(reply)
        return [reply.result() for reply in replies]


def find(connection: Connection, which: Which) -> tuple[LedgerRow, Standing]:
    """A settled row, and how it stands. Raises StoreError."""
    cursor = connection.execute(_FOUND, (which.request_id, which.attempt, which.turn))
    stored = cursor.fetchone()
    if stored is None:
        raise StoreError(f"the ledger has no request {which.request_id!r} with attempt {which.attempt}")
    names = [column[0] for column in cursor.description]
    row = rows.ledger_row(dict(zip(names, stored, strict=True)))
    if row.outcome == Outcome.OPEN:
        raise StoreError(f"request {which.request_id!r} is still in flight; correct it when it has ended")
    made = (which.request_id, which.attempt, which.turn)
    cost_nusd, charged_nusd, _ = connection.execute(_MADE, made).fetchone()
    known = row.cost_nusd is not None or cost_nusd is not None
    total = (row.cost_nusd or 0) + (cost_nusd or 0) if known else None
    return row, Standing(total, row.charged_nusd + charged_nusd)


def compensation(row: LedgerRow, standing: Standing, truth: Truth, row_id: str, now_us: int) -> LedgerRow:
    """The row that carries the difference. It used no tokens and was no request: both are counted already."""
    return replace(
        row,
        kind="correction",
        corrects=row.request_id,
        request_id=row_id,
        ended_at=from_us(now_us),
        input_tokens=None,
        cache_read_tokens=None,
        cache_write_tokens=None,
        cache_write_1h_tokens=None,
        output_tokens=None,
        reasoning_tokens=None,
        audio_input_tokens=None,
        audio_output_tokens=None,
        image_tokens=None,
        tool_units=NO_UNITS,
        usage_source=UsageSource.NONE,
        cost_nusd=truth.cost_nusd - (standing.cost_nusd or 0),
        charged_nusd=truth.charged_nusd - standing.charged_nusd,
        cost_basis=truth.cost_basis,
        price_version=truth.price_version,
        cost_as_requested_nusd=None,
        ttft_ms=None,
        duration_ms=None,
        overhead_ms=None,
        outcome=Outcome.OK,
        guard_findings=NO_UNITS,
    )


def differs(standing: Standing, truth: Truth) -> bool:
    """Whether there is anything to correct, as far as nobody did it meanwhile."""
    if truth.seen is not None and truth.seen != standing:
        return False
    return (standing.cost_nusd, standing.charged_nusd) != (truth.cost_nusd, truth.charged_nusd)


def note(event: Event, now_us: int) -> tuple[int, str, str, str]:
    """The event as the columns of `events`."""
    return now_us, event.kind, event.actor, orjson.dumps(event.detail).decode()
