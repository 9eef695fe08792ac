"""The one end of a request's ledger row, on whichever comes first: answer, no, failure or client gone."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sluiceway.errors import StoreError
from sluiceway.gateway.billing import COSTLESS, billed, learn, likely_input
from sluiceway.gateway.deferred import keep_file, later
from sluiceway.gateway.exchange import UNLISTED, Exchange
from sluiceway.gateway.failing import Failure
from sluiceway.gateway.parts import GatewayParts
from sluiceway.gateway.reservation import Admission
from sluiceway.gateway.upstream import Failed
from sluiceway.store.records import Answer as Admitted
from sluiceway.store.records import Reservation, Want
from sluiceway.types import (
    Answer,
    Call,
    Cap,
    KeyClass,
    LedgerRow,
    Outcome,
    Refusal,
    RefusalKind,
    UsageSource,
)
from sluiceway.wire import seats

logger = logging.getLogger(__name__)

CLIENT_GONE = 499  # nginx's word for it: the client saw no status
NOTHING_SEEN = Answer()


class Settlement:
    """Ends the row of one exchange exactly once. Without a reservation the row is written only at its end.

    Where a request is tried again, `exchange` is the attempt that runs: its row takes the place of the one
    that failed, which ends in the same transaction.
    """

    def __init__(self, exchange: Exchange, parts: GatewayParts, *, shown: bool = True) -> None:
        self._shown = shown  # to a client, who then got a status
        self.exchange = exchange
        self.final: LedgerRow | None = None  # of the last attempt, once it has ended
        self._parts = parts
        self._reservation: Reservation | None = None
        self._open_row: LedgerRow | None = None
        self._failure: Failure | None = None
        self._done = False
        self._is_put_off = False

    async def put_off(self, upstream_status: int, answer: Answer) -> None:
        """The provider works on, whatever becomes of this request: the row waits for what it will say
        (deferred.py). Does nothing the second time, and where the ledger cannot be written: then it ends with
        the request, charged what it had reserved."""
        if self._done or self._is_put_off or self._reservation is None or answer.response_id is None:
            return
        call = self.exchange.call
        if call is not None and call.operation == "batch_file":
            if call.choices:  # else it is no file of requests
                await self._keep_file(answer.response_id, call)
            return
        row = self._row()
        told = self.exchange.ending(upstream_status, Outcome.OPEN) | {"upstream_status": upstream_status}
        row = replace(row, response_id=answer.response_id, **told)
        guess = likely_input(self.exchange, self._parts)
        try:
            waits = later(self._parts, row, answer.response_id, guess)
            await self._parts.store.ledger.defer(self._reservation, row, waits)
            self._is_put_off = True
        except StoreError:
            logger.error("request %s cannot wait for its usage", row.request_id)

    async def _keep_file(self, file_id: str, call: Call) -> None:
        try:
            await keep_file(self._parts, self.exchange.provider.name, file_id, call)
        except StoreError:
            logger.error("a file of requests could not be remembered: its batch will be refused")

    def opened(self, row: LedgerRow, reservation: Reservation, exchange: Exchange | None = None) -> None:
        """The row is on disk and holds money. `exchange`: of the attempt it is for, where that is another."""
        left = self.exchange
        if exchange is not None and exchange is not left and left.trail is not None:
            left.trail.ended(left.row())  # it took the place of a failed one, and was not paid for either
        self._open_row, self._reservation, self._failure = row, reservation, None
        self.exchange = exchange or self.exchange

    def fails(self, failure: Failure) -> None:
        """The attempt did not do. Its row stays open until another takes its place, or it is the last."""
        self._failure = failure

    def admission(self, exchange: Exchange) -> Admission:
        """How the ledger is asked for the attempt `exchange`: in the place of one that failed, if there is
        one. That one has ended then, whatever the answer, and what comes is about the next."""
        ledger = self._parts.store.ledger

        async def admit(row: LedgerRow, want: Want, caps: Sequence[Cap], wait_s: float) -> Admitted:
            reservation, failure = self._reservation, self._failure
            if reservation is None or failure is None:
                return await ledger.admit(row, want, caps, wait_s)
            failed = self._row()
            ended = self._ended(failed, None, Outcome.UPSTREAM_ERROR, self._lost(failed, failure))
            self._parts.metrics.ended(ended)
            self._reservation = self._open_row = self._failure = None
            self.exchange = exchange
            return await ledger.replace(reservation, ended, row, want, caps, wait_s)

        return admit

    def is_open_for(self, exchange: Exchange) -> bool:
        """Whether the open row is this attempt's."""
        return self._reservation is not None and self.exchange is exchange

    def turned_down(self, refusal: Refusal, status: int) -> None:
        """The attempt was not paid for, and the one before had ended for it: the client gets that one's
        `status`, and a row says why there was no other."""
        row = self._row()
        changes = {**COSTLESS, "refusal_code": refusal.code, "refusal_rule": refusal.rule}
        self._end(row, status, Outcome.REFUSED, changes)

    def _lost(self, row: LedgerRow, failure: Failure) -> dict[str, Any]:
        """The end of an attempt that another takes over from."""
        if failure.seen is not None:
            changes = self._billed(row, failure.seen)
        elif failure.status is None:
            changes = self._unanswered(row, failure.sent)
        else:
            changes = dict(COSTLESS)
        told = failure.error_type or (failure.reason if failure.status is None else None)
        return {**changes, "upstream_status": failure.status, "error_type": told}

    def began(self, upstream_status: int, headers: Iterable[tuple[str, str]]) -> None:
        """The head of an answer is there: of a login's, it says how full the subscription's windows are."""
        exchange = self.exchange
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
        crossing = self.exchange.crossing
        shown = upstream_status if crossing is None else crossing.status(upstream_status)
        self._end(row, shown, outcome, {**changes, "upstream_status": upstream_status})
        if answer is not None and 200 <= upstream_status < 300:
            learn(self.exchange, self._parts, answer)

    def answered_here(self) -> None:
        """We said it ourselves; no provider was asked."""
        self._end(self._row(), 200, Outcome.OK, dict(COSTLESS))

    def failed(self, status: int, failed: Failed) -> None:
        """No answer came that the client could have."""
        row = self._row()
        if self.exchange.trail is not None:
            self.exchange.trail.sent = failed.sent
        seen = self._failure.seen if self._failure is not None else None
        changes = self._owed(row, failed.sent) if seen is None else self._billed(row, seen)
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
        return self.exchange.sent_s > 0

    def _row(self) -> LedgerRow:
        return self._open_row or self.exchange.row()

    def _owed(self, row: LedgerRow, sent: bool) -> dict[str, Any]:
        """Without an answer: if the request may have arrived, the provider may bill its input. Of an attempt
        that failed, and that nobody took over from, it is known what it came to."""
        return self._unanswered(row, sent) if self._failure is None else self._lost(row, self._failure)

    def _unanswered(self, row: LedgerRow, sent: bool) -> dict[str, Any]:
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
            return billed(self.exchange, self._parts, row, answer)
        except Exception as error:
            logger.error("request %s could not be priced: %s", row.request_id, type(error).__name__)
            reserved = self._reservation.nusd if self._reservation and row.spends else 0
            return {"outcome": Outcome.INTERNAL_ERROR, "charged_nusd": reserved}

    @property
    def _works_on(self) -> bool:
        """Whether the provider goes on without us, and nobody will hear what it used."""
        return self.exchange.call is not None and self.exchange.call.background

    def _reserved(self, row: LedgerRow) -> dict[str, Any]:
        reserved = self._reservation.nusd if self._reservation and row.spends else 0
        return {"usage_source": UsageSource.ESTIMATED, "charged_nusd": reserved}

    def _unmetered(self) -> dict[str, Any]:
        """Listed paths are known to be free; of an unlisted one that was let through nothing is known."""
        passed = self._was_sent and self.exchange.operation == UNLISTED
        return {} if passed else dict(COSTLESS)

    def _ended(
        self, row: LedgerRow, status: int | None, outcome: Outcome, changes: dict[str, Any]
    ) -> LedgerRow:
        if (trail := self.exchange.trail) is not None and not self._was_sent:
            trail.sent = False  # announced, then turned away: the provider has nothing of it
        # In one go: each copy of a row this wide costs as much as a small query.
        told = status if self._shown else None
        final = replace(row, **(self.exchange.ending(told, outcome) | changes))
        if trail is not None:
            trail.ended(final)
        self.final = final
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
