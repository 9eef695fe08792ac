"""The one end of a request's ledger row, on whichever comes first: answer, no, failure or client gone."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sluiceway.errors import StoreError
from sluiceway.gateway.billing import COSTLESS, billed, learn, likely_input
from sluiceway.gateway.deferred import keep_file, later
from sluiceway.gateway.exchange import UNLISTED, Exchange
from sluiceway.gateway.parts import GatewayParts
from sluiceway.gateway.upstream import Failed
from sluiceway.store.records import Reservation
from sluiceway.types import Answer, Call, KeyClass, LedgerRow, Outcome, Refusal, RefusalKind, UsageSource
from sluiceway.wire import seats

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
        self._is_put_off = False

    async def put_off(self, upstream_status: int, answer: Answer) -> None:
        """The provider works on, whatever becomes of this request: the row waits for what it will say
        (deferred.py). Does nothing the second time, and where the ledger cannot be written: then it ends with
        the request, charged what it had reserved."""
        if self._done or self._is_put_off or self._reservation is None or answer.response_id is None:
            return
        call = self._exchange.call
        if call is not None and call.operation == "batch_file":
            if call.choices:  # else it is no file of requests
                await self._keep_file(answer.response_id, call)
            return
        row = self._row()
        told = self._exchange.ending(upstream_status, Outcome.OPEN) | {"upstream_status": upstream_status}
        row = replace(row, response_id=answer.response_id, **told)
        guess = likely_input(self._exchange, self._parts)
        try:
            waits = later(self._parts, row, answer.response_id, guess)
            await self._parts.store.ledger.defer(self._reservation, row, waits)
            self._is_put_off = True
        except StoreError:
            logger.error("request %s cannot wait for its usage", row.request_id)

    async def _keep_file(self, file_id: str, call: Call) -> None:
        try:
            await keep_file(self._parts, self._exchange.provider.name, file_id, call)
        except StoreError:
            logger.error("a file of requests could not be remembered: its batch will be refused")

    def opened(self, row: LedgerRow, reservation: Reservation) -> None:
        """The row is on disk and holds money."""
        self._open_row, self._reservation = row, reservation

    def began(self, upstream_status: int, headers: Iterable[tuple[str, str]]) -> None:
        """The head of an answer is there: of a login's, it says how full the subscription's windows are."""
        exchange = self._exchange
        if exchange.key_class is not KeyClass.SUBSCRIPTION:
            return
        at = datetime.now(UTC)
        if told := seats.windows(headers, upstream_status, at):
            self._parts.store.seats.saw(exchange.principal.name, exchange.provider.name, told, at)

    def answered(
        self, upstream_status: int, outcome: Outcome, answer: Answer | None, refusal: Refusal | None = None
    ) -> None:
        """The provider's answer is over, one way or another; `answer`: what the tap saw, if there is one.
        `refusal`: why the client did not get it, though it may have cost something."""
        row = self._row()
        if answer is not None and answer.complete:
            self._is_put_off = False  # its own stream told all of it
        if answer is None:
            changes = self._unmetered()
        elif not 200 <= upstream_status < 300:
            changes = {**COSTLESS, "error_type": answer.error_type}
        elif self._works_on and not answer.complete:
            changes = self._reserved(row)
        else:
            changes = self._billed(row, answer)
        if refusal is not None:
            changes = {**changes, "refusal_code": refusal.code, "refusal_rule": refusal.rule}
        self._end(row, upstream_status, outcome, {**changes, "upstream_status": upstream_status})
        if answer is not None and 200 <= upstream_status < 300:
            learn(self._exchange, self._parts, answer)

    def failed(self, status: int, failed: Failed) -> None:
        """No answer came that the client could have."""
        row = self._row()
        if self._exchange.trail is not None:
            self._exchange.trail.sent = failed.sent
        changes = self._owed(row, failed.sent)
        changes |= {"upstream_status": failed.status, "error_type": failed.refusal.code}
        self._end(row, status, Outcome.UPSTREAM_ERROR, changes)

    async def refused(self, status: int, refusal: Refusal) -> None:
        """The client gets a no of ours, or our fault. On disk when this returns, if the disk allows."""
        if self._done or self._reservation is not None:
            self.complained(status, refusal)
            return
        self._done = True
        row = self._row()
        final = self._ended(row, status, *self._refusal(row, refusal))
        self._parts.metrics.ended(final)
        try:
            await self._parts.store.ledger.record(final)
        except StoreError:
            logger.error("a refusal could not be written to the ledger")

    def complained(self, status: int, refusal: Refusal) -> None:
        """As `refused`, for what is no request at all, without waiting for the disk."""
        row = self._row()
        self._end(row, status, *self._refusal(row, refusal))

    def _refusal(self, row: LedgerRow, refusal: Refusal) -> tuple[Outcome, dict[str, Any]]:
        internal = refusal.kind is RefusalKind.INTERNAL
        changes = self._owed(row, self._was_sent)
        changes |= {"refusal_code": refusal.code, "refusal_rule": refusal.rule}
        return Outcome.INTERNAL_ERROR if internal else Outcome.REFUSED, changes

    def abandoned(self, outcome: Outcome = Outcome.CLIENT_CANCELLED) -> None:
        """Whatever else happened, the row ends here if it has not ended yet: the client went away."""
        if not self._done:
            row = self._row()
            self._end(row, CLIENT_GONE, outcome, self._owed(row, self._was_sent))

    @property
    def _was_sent(self) -> bool:
        return self._exchange.sent_s > 0

    def _row(self) -> LedgerRow:
        return self._open_row or self._exchange.row()

    def _owed(self, row: LedgerRow, sent: bool) -> dict[str, Any]:
        """Without an answer: if the request may have arrived, the provider may bill its input."""
        if not row.metered:
            return self._unmetered()
        if not sent or self._reservation is None:
            return dict(COSTLESS)
        if self._works_on:
            return self._reserved(row)
        return self._billed(row, NOTHING_SEEN)

    def _billed(self, row: LedgerRow, answer: Answer) -> dict[str, Any]:
        """Usage and price; where pricing fails, what was reserved, so that the row ends all the same."""
        try:
            return billed(self._exchange, self._parts, row, answer)
        except Exception as error:
            logger.error("request %s could not be priced: %s", row.request_id, type(error).__name__)
            reserved = self._reservation.nusd if self._reservation and row.spends else 0
            return {"outcome": Outcome.INTERNAL_ERROR, "charged_nusd": reserved}

    @property
    def _works_on(self) -> bool:
        """Whether the provider goes on without us, and nobody will hear what it used."""
        return self._exchange.call is not None and self._exchange.call.background

    def _reserved(self, row: LedgerRow) -> dict[str, Any]:
        reserved = self._reservation.nusd if self._reservation and row.spends else 0
        return {"usage_source": UsageSource.ESTIMATED, "charged_nusd": reserved}

    def _unmetered(self) -> dict[str, Any]:
        """Listed paths are known to be free; of an unlisted one that was let through nothing is known."""
        passed = self._was_sent and self._exchange.operation == UNLISTED
        return {} if passed else dict(COSTLESS)

    def _ended(self, row: LedgerRow, status: int, outcome: Outcome, changes: dict[str, Any]) -> LedgerRow:
        if (trail := self._exchange.trail) is not None and not self._was_sent:
            trail.sent = False  # announced, then turned away: the provider has nothing of it
        # In one go: each copy of a row this wide costs as much as a small query.
        final = replace(row, **(self._exchange.ending(status, outcome) | changes))
        if trail is not None:
            trail.ended(final)
        return final

    def _end(self, row: LedgerRow, status: int, outcome: Outcome, changes: dict[str, Any]) -> None:
        if self._done:
            return
        self._done = True
        final = self._ended(row, status, outcome, changes)
        if self._is_put_off:
            return  # the row stays open, until what it used is seen or overdue
        self._parts.metrics.ended(final)
        if self._reservation is None:
            self._parts.record_soon(final)
        else:
            self._parts.store.ledger.settle(self._reservation, final)
