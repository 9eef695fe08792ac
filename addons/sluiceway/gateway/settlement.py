"""The one end of a request's ledger row, on whichever comes first: answer, no, failure or client gone."""

from __future__ import annotations

import logging
from dataclasses import replace

from sluiceway.errors import StoreError
from sluiceway.gateway.billing import billed, costless, learn
from sluiceway.gateway.exchange import UNLISTED, Exchange
from sluiceway.gateway.parts import GatewayParts
from sluiceway.gateway.upstream import Failed
from sluiceway.store.records import Reservation
from sluiceway.types import Answer, LedgerRow, Outcome, Refusal, RefusalKind

logger = logging.getLogger(__name__)

CLIENT_GONE = 499  # nginx's word for it: the client saw no status
NOTHING_SEEN = Answer()


class Settlement:
    """Ends the row of one exchange exactly once. Without a reservation the row is written only at its end."""

    def __init__(self, exchange: Exchange, parts: GatewayParts) -> None:
        self._exchange = exchange
        self._parts = parts
        self._reservation: Reservation | None = None
        self._open_row: LedgerRow | None = None
        self._done = False

    def opened(self, row: LedgerRow, reservation: Reservation) -> None:
        """The row is on disk and holds money."""
        self._open_row, self._reservation = row, reservation

    def answered(self, upstream_status: int, outcome: Outcome, answer: Answer | None) -> None:
        """The provider's answer is over, one way or another; `answer`: what the tap saw, if there is one."""
        row = replace(self._row(upstream_status, outcome), upstream_status=upstream_status)
        if answer is None:
            self._end(self._unmetered(row))
        elif not 200 <= upstream_status < 300:
            self._end(costless(replace(row, error_type=answer.error_type)))
        else:
            self._end(self._billed(row, answer))
            learn(self._exchange, self._parts, answer)

    def failed(self, status: int, failed: Failed) -> None:
        """No answer came that the client could have."""
        row = replace(self._row(status, Outcome.UPSTREAM_ERROR), upstream_status=failed.status)
        self._end(replace(self._owed(row, failed.sent), error_type=failed.refusal.code))

    async def refused(self, status: int, refusal: Refusal) -> None:
        """The client gets a no of ours, or our fault. On disk when this returns, if the disk allows."""
        if self._done:
            return
        row = self._refused(status, refusal)
        if self._reservation is not None:
            self._end(row)
            return
        self._done = True
        try:
            await self._parts.store.ledger.record(row)
        except StoreError:
            logger.error("a refusal could not be written to the ledger")

    def complained(self, status: int, refusal: Refusal) -> None:
        """As `refused`, for what is no request at all, without waiting for the disk."""
        self._end(self._refused(status, refusal))

    def _refused(self, status: int, refusal: Refusal) -> LedgerRow:
        internal = refusal.kind is RefusalKind.INTERNAL
        row = self._row(status, Outcome.INTERNAL_ERROR if internal else Outcome.REFUSED)
        row = self._owed(row, self._was_sent)
        return replace(row, refusal_code=refusal.code, refusal_rule=refusal.rule)

    def abandoned(self, outcome: Outcome = Outcome.CLIENT_CANCELLED) -> None:
        """Whatever else happened, the row ends here if it has not ended yet: the client went away."""
        if not self._done:
            self._end(self._owed(self._row(CLIENT_GONE, outcome), self._was_sent))

    @property
    def _was_sent(self) -> bool:
        return self._exchange.sent_s > 0

    def _row(self, status: int, outcome: Outcome) -> LedgerRow:
        row = self._open_row or self._exchange.row()
        return self._exchange.ended(row, status=status, outcome=outcome)

    def _owed(self, row: LedgerRow, sent: bool) -> LedgerRow:
        """A row without an answer. If the request may have arrived, the provider may bill its input."""
        if not row.metered:
            return self._unmetered(row)
        if not sent or self._reservation is None:
            return costless(row)
        return self._billed(row, NOTHING_SEEN)

    def _billed(self, row: LedgerRow, answer: Answer) -> LedgerRow:
        """The row at its price; where pricing fails, at what was reserved, so that it ends all the same."""
        try:
            return billed(self._exchange, self._parts, row, answer)
        except Exception as error:
            logger.error("request %s could not be priced: %s", row.request_id, type(error).__name__)
            reserved = self._reservation.nusd if self._reservation and row.budgeted else 0
            return replace(row, outcome=Outcome.INTERNAL_ERROR, charged_nusd=reserved)

    def _unmetered(self, row: LedgerRow) -> LedgerRow:
        """Listed paths are known to be free; of an unlisted one that was let through nothing is known."""
        passed = self._was_sent and self._exchange.operation == UNLISTED
        return row if passed else costless(row)

    def _end(self, row: LedgerRow) -> None:
        if self._done:
            return
        self._done = True
        if self._reservation is None:
            self._parts.record_soon(row)
        else:
            self._parts.store.ledger.settle(self._reservation, row)
