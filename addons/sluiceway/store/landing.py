"""Puts spooled rows into the ledger once it can be written again, each exactly once."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Sequence

from sluiceway.store import rows
from sluiceway.store.amounts import NOTHING
from sluiceway.store.moments import to_us
from sluiceway.store.orders import Record, log
from sluiceway.store.scope import who_is
from sluiceway.store.spool import Spool
from sluiceway.types import LedgerRow

STEP_ROWS = 500


def orders(spool: Spool) -> Sequence[Record]:
    """The rows that are due, if any: a step of what waits. No counter moves: what is spooled spends nothing,
    and nobody admitted it as a request."""
    waiting = spool.waiting()[:STEP_ROWS]
    if waiting:
        return _Step(spool, waiting).orders
    return ()


class _Step:
    """Rows on their way; forgotten by the spool together, when the last of them has its answer."""

    def __init__(self, spool: Spool, waiting: Sequence[LedgerRow]) -> None:
        self._spool, self._left = spool, len(waiting)
        self._landed: list[LedgerRow] = []
        self.orders = [self._order(row) for row in waiting]

    def _order(self, row: LedgerRow) -> Record:
        reply: concurrent.futures.Future[None] = concurrent.futures.Future()
        reply.add_done_callback(lambda done: self._answered(row, done))
        started_us = to_us(row.started_at)
        return Record(rows.final(row), who_is(row), started_us, row.budgeted, NOTHING, reply, once=row)

    def _answered(self, row: LedgerRow, done: concurrent.futures.Future[None]) -> None:
        """On the writer's thread."""
        self._left -= 1
        if done.exception() is None:
            self._landed.append(row)
        if self._left == 0 and self._landed:
            self._spool.landed(self._landed)
            log.warning("%d spooled rows are in the ledger", len(self._landed))
