"""What the rules say to the frames of one WebSocket, before they are sent or a turn goes on."""

from __future__ import annotations

from dataclasses import replace

from sluiceway.errors import Refused, WireError
from sluiceway.gateway import auditing, injection, refusals
from sluiceway.gateway.body import Upload
from sluiceway.gateway.exchange import Exchange
from sluiceway.gateway.guarding import inspect
from sluiceway.gateway.parts import GatewayParts
from sluiceway.gateway.tasks import tell_task
from sluiceway.gateway.turn import check, decided
from sluiceway.types import Call, Target
from sluiceway.wire import dialect
from sluiceway.wire.dialect import Reading
from sluiceway.wire.socket import Frame, Session, called, read_frame


class Judge:
    """`originals`: what was masked in any frame of this socket, by its placeholder; it may come back in the
    answers to later ones."""

    def __init__(self, session: Session, parts: GatewayParts) -> None:
        self._session = session
        self._parts = parts
        self.originals: dict[str, str] = {}

    async def asked(self, turn: Exchange, frame: Frame) -> Frame:
        """The client's frame as it may be sent: guarded, routed, announced to the audit. Raises Refused where
        a rule says no."""
        check(turn, self._parts)
        if frame.does == "unknown":
            raise Refused(refusals.unknown_frame(frame.kind, self._parts.contact))
        assert turn.call
        frame = replace(frame, reading=called(frame.reading, turn.call))
        if frame.does == "ask":
            tell_task(turn, self._parts, frame.reading)
        await injection.look_at_budgets(turn, self._parts)
        if turn.rules.policy.guard:
            frame = replace(frame, reading=await self._guarded(turn, frame))
        if frame.names_model:
            frame = replace(frame, reading=self._routed(turn, frame))
        if frame.does == "ask" and turn.rules.audit is not None:
            await auditing.consider(turn, self._parts, _upload(frame.reading))
        return frame

    async def begun(self, turn: Exchange, call: Call) -> None:
        """A turn that the provider began by itself. Raises Refused where it may not go on."""
        check(turn, self._parts)
        decided(turn, self._parts)
        if turn.rules.audit is not None:
            unsaid = read_frame(b"{}", dialect.Target("GET", turn.path))
            await auditing.consider(turn, self._parts, _upload(called(unsaid, call)))

    async def _guarded(self, turn: Exchange, frame: Frame) -> Reading:
        facts = injection.facts_of(turn, self._parts)
        model = decided(turn, self._parts) if frame.names_model else frame.reading.call.model
        target = Target(turn.provider.name, model or "")
        upload = await inspect(turn, self._parts, _upload(frame.reading), facts, target)
        self.originals |= turn.originals
        turn.originals = self.originals
        return upload.reading

    def _routed(self, turn: Exchange, frame: Frame) -> Reading:
        model = decided(turn, self._parts)
        if model == (frame.reading.call.model or ""):
            return frame.reading
        try:
            reading = self._session.with_model(frame, model)
        except WireError:
            raise Refused(refusals.no_way(turn.route_rule, model, self._parts.contact)) from None
        turn.call = reading.call
        return reading


def _upload(reading: Reading) -> Upload:
    """A frame as the guard and the audit take a request."""
    return Upload(reading.body, reading.body, reading)
