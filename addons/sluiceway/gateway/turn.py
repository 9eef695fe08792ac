"""One answer on a WebSocket, from its reservation to its row: what `life.py` is for a request."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime

from sluiceway.errors import Refused
from sluiceway.gateway import auditing, injection, refusals
from sluiceway.gateway.allowance import Allowance
from sluiceway.gateway.exchange import Exchange
from sluiceway.gateway.parts import GatewayParts
from sluiceway.gateway.reservation import reserve
from sluiceway.gateway.restoring import Restoring
from sluiceway.gateway.settlement import CLIENT_GONE, Settlement
from sluiceway.policy import decide, leads_away
from sluiceway.types import Answer, Call, KeyClass, Outcome, Refusal, Rejected, Route
from sluiceway.wire.dialect import Dialect, Metered, Tap
from sluiceway.wire.frames import EVENTS, Passing, as_event, as_frames


class Turn:
    """Holds money while its answer runs, and ends its row exactly once.

    `denied`: why the client is not shown an answer that the provider began by itself. `was_cut`: a cap ended
    it, and only its last frame is shown any more.
    """

    def __init__(self, exchange: Exchange, parts: GatewayParts) -> None:
        self.exchange = exchange
        self.denied: Refusal | None = None
        self.was_cut = False
        self._parts = parts
        self._settlement = Settlement(exchange, parts)
        self._allowance: Allowance | None = None
        self._meter: Metered | None = None
        self._restoring: Restoring | None = None
        self._listener: Tap | None = None

    async def reserve(self) -> None:
        """Opens the row with the money for it. Raises Refused."""
        exchange = self.exchange
        assert exchange.call
        row = exchange.row()
        granted, guess = await reserve(exchange, self._parts, row)
        self._settlement.opened(row, granted.reservation)
        if (granted.remaining_nusd, granted.remaining_tokens) != (None, None):
            self._allowance = Allowance(self._parts, granted, guess, exchange.call)

    async def refuse(self, refusal: Refusal) -> None:
        """It does not begin. On disk when this returns, if the disk allows."""
        await self._settlement.refused(self.exchange.refusal(refusal).status, refusal)

    def runs(self, meter: Metered) -> None:
        """From now on the provider may bill it."""
        self._meter = meter
        exchange = self.exchange
        exchange.sent_s = time.monotonic()
        assert exchange.dialect and exchange.call
        if exchange.originals:
            self._restoring = Restoring(exchange.originals, exchange.dialect, exchange.call, EVENTS)
        if exchange.trail is not None:
            self._listener = exchange.trail.hearing(Passing(), exchange.dialect, exchange.call, EVENTS)

    async def announce(self) -> None:
        """Just before it is sent: what the audit has to know of it. Raises Refused."""
        if self.exchange.trail is not None:
            await auditing.begin(self.exchange.trail)

    def joins(self) -> None:
        """It was not sent as a turn of its own, mostly since the provider had begun one by itself meanwhile:
        what was asked is part of that."""
        self._settlement.answered(CLIENT_GONE, Outcome.CLIENT_CANCELLED, Answer())

    def leaves(self) -> None:
        """The socket ended before it was sent: it holds no money any more, and the audit nothing of it."""
        if self._settlement.is_open_for(self.exchange):
            self.joins()
        elif self.exchange.trail is not None:
            self.exchange.trail.ended(self.exchange.row())

    def heard(self) -> None:
        """A frame of the provider belongs to it."""
        if not self.exchange.first_s:
            self.exchange.first_s = time.monotonic()

    def shown(self, data: bytes, last: bool) -> list[bytes]:
        """The frames the client gets for one of the provider's: itself, unless masked values are put back in
        it. The audit hears what the client gets."""
        if self._restoring is None and self._listener is None:
            return [data]
        event = as_event(data)
        out, frames = event, [data]
        if self._restoring is not None:
            out = self._restoring.feed(event) + (self._restoring.finish() if last else b"")
            frames = [data] if out == event else as_frames(out)
        if self._listener is not None:
            self._listener.feed(out)
        return frames

    def hides(self, last: bool) -> bool:
        """Whether a frame of it, or its last, is kept from the client."""
        return self.denied is not None or (self.was_cut and not last)

    async def is_spent(self, length: int) -> bool:
        """Whether the caps carry no more of it after a frame of `length` bytes."""
        if self._allowance is None or self._meter is None or self.was_cut or self.denied is not None:
            return False
        covered = await self._allowance.covers(self._meter, length)
        return not covered and not self._meter.answer().complete

    @property
    def last_words(self) -> str:
        """What the client is told where it is spent."""
        assert self._allowance
        return self._allowance.last_words()

    def end(self, otherwise: Outcome, status: int = 200) -> None:
        """Its end, by what was metered; `otherwise`: how it ended if the provider's ending was not seen.
        `status` is the provider's word: 400 and more where it turned the turn down."""
        assert self._meter
        answer = self._meter.answer()
        outcome = otherwise
        if self.denied is not None:
            outcome = Outcome.REFUSED
        elif self.was_cut:
            outcome = Outcome.CAPPED
        elif status >= 400:
            outcome = Outcome.UPSTREAM_ERROR
        elif answer.complete:
            outcome = Outcome.OK
        elif answer.error_type is not None:
            outcome = Outcome.UPSTREAM_ERROR
        self._settlement.answered(status, outcome, answer, self.denied)


def exchange_of(
    socket: Exchange, route: Route, parts: GatewayParts, call: Call, dialect: Dialect
) -> Exchange:
    """The exchange of one turn: the socket's, as of now, with the rules that are in force now."""
    now_s = time.monotonic()
    turn = replace(
        socket,
        rules=parts.rules,
        route=route,
        dialect=dialect,
        call=call,
        started_at=datetime.now(UTC),
        started_s=now_s,
        read_s=now_s,
        sent_s=0.0,
        first_s=0.0,
    )
    if turn.conversation is None:  # the turns of a socket are one conversation, whatever it is called
        turn.call = replace(call, conversation_id=socket.request_id)
    if turn.model_requested is None:
        turn.model_requested = call.model
    return turn


def decided(exchange: Exchange, parts: GatewayParts) -> str:
    """The model by the routes. A socket is at one provider, so one that leads elsewhere is a no: Refused."""
    call = exchange.call
    assert call
    if not exchange.rules.policy.routes:
        return call.model or ""
    facts = injection.outlook_of(exchange, parts)
    decision = decide(exchange.rules.policy, exchange.principal, call, facts)
    exchange.route_rule = decision.rule or exchange.route_rule
    if decision.refusal is not None:
        raise Refused(decision.refusal)
    if decision.target.provider != exchange.provider.name:
        raise Refused(refusals.no_way(decision.rule, decision.target.provider, parts.contact))
    return decision.target.model


def unbound(socket: Exchange, route: Route, parts: GatewayParts) -> None:
    """A client that can ask by HTTPS as well (Codex does, after a 426) is not bound to one provider where a
    route may lead to another. Raises Refused."""
    rules = socket.rules
    if route.operation != "chat" or not rules.policy.routes:
        return
    call = Call(route.dialect or "", route.operation, None, stream=True)
    usable = frozenset(name for name in rules.providers if rules.keys.key_for(name) is not None)
    rule = leads_away(rules.policy, socket.principal, call, injection.facts_of(socket, parts), usable)
    if rule is not None:
        raise Refused(refusals.socket_bound(rule))


def check(turn: Exchange, parts: GatewayParts) -> None:
    """Whether who opened the socket may go on, and with that key. Raises Refused."""
    if parts.draining:
        raise Refused(refusals.RESTARTING)
    identity, directory = turn.attachment.identity, parts.store.directory
    assert not isinstance(identity, Rejected)
    if (ended := directory.problem(identity, turn.attachment.client_address)) is not None:
        raise Refused(refusals.wrong_credentials(ended.reason, ended.user, parts.contact))
    turn.principal = directory.principal(identity.principal.id) or turn.principal
    known = turn.rules.keys.known.get(turn.key_fingerprint or "")
    if known is not None and known.retired and turn.key_class is KeyClass.COMPANY:
        raise Refused(refusals.key_retired(known.label, parts.contact))
