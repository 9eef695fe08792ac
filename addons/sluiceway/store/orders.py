"""What the writer can be asked to do, and how it gives each answer back."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sluiceway.store.amounts import Amounts
from sluiceway.store.engines.connection import Connection
from sluiceway.store.records import Answer
from sluiceway.store.rows import Value
from sluiceway.store.scope import Who
from sluiceway.types import Cap, LedgerRow, Unit

if TYPE_CHECKING:
    from sluiceway.store.corrections import Event, Truth

log = logging.getLogger("sluiceway.store")

# A value that the schema does not take: that order is at fault, not the disk and not the others in its batch.
BAD_VALUE = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.ProgrammingError, OverflowError, UnicodeError)

type Promise[T] = asyncio.Future[T] | concurrent.futures.Future[T]
# A future and its result, or the exception it fails with. Any: a list of promises of different types.
type Reply = tuple[Promise[Any], object]


@dataclass(slots=True, eq=False)
class Settle:
    """End an open row. Without `params` no more is known than that it ended: charged what it had reserved.
    `charged_tokens` None: unknown, so as many as it had reserved.

    `reply` is None for ends that nobody waits for. Kept and tried again until it is on disk.
    """

    ledger_id: int
    params: tuple[Value, ...] | None
    charged_nusd: int
    charged_tokens: int | None
    reply: Promise[None] | None = None


@dataclass(slots=True, eq=False)
class Admit:
    """Open a row with a reservation of `most`, or of no less than `least`, at once or until `deadline`.

    `closes`: the attempt it takes over from. `watched`: caps that only count, and refuse nothing.
    """

    params: tuple[Value, ...]
    who: Who
    started_us: int
    budgeted: bool
    most: Amounts
    least: Amounts
    caps: tuple[Cap, ...]
    keys: tuple[str, ...]
    deadline: float  # time.monotonic()
    reply: asyncio.Future[Answer]
    closes: Settle | None = None
    ledger_id: int = 0
    watched: tuple[Cap, ...] = ()
    watched_keys: tuple[str, ...] = ()


@dataclass(slots=True, eq=False)
class Cancel:
    """The client of this admission is gone: out of the line, or its row closed. Safe to repeat."""

    admit: Admit


@dataclass(slots=True, eq=False)
class TopUp:
    """Add to a reservation what the caps on this unit still have, up to `extra`."""

    ledger_id: int
    caps: tuple[Cap, ...]
    keys: tuple[str, ...]
    unit: Unit
    extra: int
    reply: Promise[int]


@dataclass(slots=True, eq=False)
class Defer:
    """Keep a row open beyond its request and this process, until its usage is seen or is overdue.

    `notes`: the parameters of rows.DEFER but for its last. `wait`: those of rows.WAIT.
    """

    ledger_id: int
    notes: tuple[Value, ...]
    wait: tuple[Value | bytes, ...]
    reply: Promise[None]


@dataclass(slots=True, eq=False)
class Record:
    """Write a row that never was open. `once`: the row, should it perhaps be there already."""

    params: tuple[Value, ...]
    who: Who
    started_us: int
    budgeted: bool
    charged: Amounts
    reply: Promise[None]
    once: LedgerRow | None = None


@dataclass(slots=True, eq=False)
class Correct:
    """Write what a settled row lacks to be true, and why, unless it says so already."""

    truth: Truth
    event: Event | None
    reply: Promise[bool]


@dataclass(slots=True, eq=False)
class Work:
    """Do something rarer in the same transaction: people, events, traffic. Fails alone on a bad value."""

    do: Callable[[Connection], Any]  # its result is the promise's
    reply: Promise[Any]


type Order = Admit | Settle | Cancel | TopUp | Defer | Record | Correct | Work


def must_survive(order: Order) -> bool:
    """Whether the order must be on the disk itself before it is answered: whatever lets money be spent.

    An end and a refusal need not: without it the reservation is charged, or nothing was sent. A top-up need
    not either: the row it belongs to is there, and its stream should not wait for the disk in the middle.
    """
    if isinstance(order, Settle | Cancel | TopUp):
        return False
    return not isinstance(order, Record) or order.charged.usd > 0


def deliver(replies: Iterable[Reply]) -> None:
    """Resolves promises from the writer thread: one wake-up per event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Reply]] = {}
    for promise, result in replies:
        if isinstance(promise, asyncio.Future):
            by_loop.setdefault(promise.get_loop(), []).append((promise, result))
        else:
            resolve([(promise, result)])
    for loop, group in by_loop.items():
        try:
            loop.call_soon_threadsafe(resolve, group)
        except (
            RuntimeError
        ):  # the loop is closed: nobody is left to tell, the next start settles what is open
            log.warning("%d answers of the store came after the event loop closed", len(group))


def resolve(replies: Iterable[Reply]) -> None:
    """Resolves promises of the event loop this runs on, or of no loop."""
    for promise, result in replies:
        if promise.done():
            continue
        if isinstance(result, Exception):
            promise.set_exception(result)
        else:
            promise.set_result(result)
