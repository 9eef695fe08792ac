"""Rows that go to the spool while the ledger is away: only those that can never spend company money."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace

from sluiceway.errors import StoreError
from sluiceway.store.orders import log
from sluiceway.store.records import Granted, Reservation
from sluiceway.store.spool import Spool
from sluiceway.types import LedgerRow, Outcome


class Spooling:
    """Admits without asking any budget: the caller vouches that the row spends nothing of the company's.

    Its reservations have numbers below zero, which no ledger row has. Nobody counts requests meanwhile.
    """

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._numbers = itertools.count(1)
        self._open: set[int] = set()
        self._ends: set[asyncio.Future[None]] = set()

    async def admit(self, row: LedgerRow) -> Granted:
        """On the spool's disk when this returns. Raises StoreError when it is full."""
        opened = asyncio.ensure_future(asyncio.to_thread(self._spool.opened, row))
        try:
            await asyncio.shield(opened)
        except asyncio.CancelledError:
            self._kept(asyncio.ensure_future(self._forsake(opened, row)))
            raise
        number = -next(self._numbers)
        self._open.add(number)
        return Granted(Reservation(number, 0, ()), limited=False, remaining_nusd=None, cap=None)

    def has(self, reservation: Reservation) -> bool:
        """Whether a reservation is one of these."""
        return reservation.ledger_id < 0

    def settle(self, reservation: Reservation, row: LedgerRow) -> asyncio.Future[None]:
        """Ends it once, whether or not it is awaited. A disk that fails leaves it to the next start."""
        if reservation.ledger_id not in self._open:
            log.error("a spooled row was settled twice; the second end is ignored")
            return asyncio.ensure_future(asyncio.sleep(0))
        self._open.discard(reservation.ledger_id)
        return self._kept(asyncio.ensure_future(asyncio.to_thread(self._end, row)))

    async def record(self, row: LedgerRow) -> None:
        """A row that never was open. Raises StoreError when the spool is full."""
        await asyncio.to_thread(self._spool.ended, row)

    async def _forsake(self, opened: asyncio.Future[None], row: LedgerRow) -> None:
        """The client went away while its row was being written; nothing was forwarded."""
        await asyncio.wait([opened])
        if opened.exception() is None:
            await asyncio.to_thread(self._end, replace(row, outcome=Outcome.CLIENT_CANCELLED))

    def _end(self, row: LedgerRow) -> None:
        try:
            self._spool.ended(row)
        except (StoreError, TypeError, ValueError) as error:
            log.error("the end of a spooled row could not be kept: %s", type(error).__name__)

    def _kept(self, future: asyncio.Future[None]) -> asyncio.Future[None]:
        """Futures that nobody awaits must be held, or they may vanish half way."""
        self._ends.add(future)
        future.add_done_callback(self._ends.discard)
        return future
