"""The ways one request may go, in order: the target decided on, its failover chain, and of each the
company's keys.

Keys that rest, whose breaker is open or whose own limit is used up are passed over; where nothing else is
left, a shut one is asked all the same, but never one past its limit.
"""

from __future__ import annotations

import time
from collections import deque
from copy import copy
from dataclasses import dataclass, field
from typing import Literal

from sluiceway.errors import Refused
from sluiceway.gateway import refusals
from sluiceway.gateway.aiming import aim
from sluiceway.gateway.billing import likely_input
from sluiceway.gateway.body import Upload
from sluiceway.gateway.breaker import Leave, Place
from sluiceway.gateway.exchange import Exchange
from sluiceway.gateway.failing import TOO_MANY, Failure
from sluiceway.gateway.guarding import inspect
from sluiceway.gateway.injection import facts_of
from sluiceway.gateway.parts import GatewayParts
from sluiceway.gateway.pools import Member
from sluiceway.types import Call, Decision, KeyClass, Target

BATCHES = frozenset({"batch", "batch_file"})


@dataclass(slots=True)
class Way:
    """A target with one key, and the request written for it. `judged`: what it was written from, until it is
    paid for. `tokens`: what its key's limit is charged."""

    target: Target
    exchange: Exchange
    upload: Upload = field(repr=False)
    judged: tuple[Exchange, Upload] | None = field(repr=False)
    member: Member | None = None
    leave: Leave | None = None
    tokens: int = 0

    @property
    def place(self) -> Place:
        return Place(self.target, self.exchange.key_fingerprint)


class Ways:
    """What is left to try of one request. `notes` tell what was passed over or failed, as the client's
    `x-sluiceway-route` does."""

    def __init__(self, judged: Exchange, decision: Decision, parts: GatewayParts) -> None:
        self._judged, self._decided, self._parts = judged, decision.target, parts
        self._chain_rule = decision.chain_rule
        self._queue: deque[Target | Way] = deque(targets(judged, decision))
        self._shut: list[Way] = []
        self._refused: Refused | None = None
        self.notes: list[str] = []

    @property
    def more(self) -> bool:
        """Whether there is somewhere else to go, as far as one can tell."""
        return bool(self._queue)

    async def first(self, upload: Upload) -> Way:
        """The way to begin with. Raises Refused where there is none."""
        if (way := await self.next(upload, first=True)) is not None:
            return way
        now_s = time.monotonic()
        for way in self._shut:
            if not self._waits_s(way, now_s):
                self.notes.clear()
                way.leave = self._parts.breakers.insist(way.place)
                self._take(way, now_s)
                return way
        if self._refused is not None:
            raise self._refused
        wait_s, member = min(
            ((self._waits_s(way, now_s), way.member) for way in self._shut), key=lambda each: each[0]
        )
        raise Refused(
            refusals.keys_limited(None if member is None else member.rule, wait_s, self._parts.contact)
        )

    async def next(self, upload: Upload, *, first: bool = False) -> Way | None:
        """The next that can be tried now; None: there is none. `first`: what is decided on has to be
        possible, else Refused is raised; what cannot be done for a later one only passes it over."""
        while self._queue:
            found = self._queue.popleft()
            if isinstance(found, Way):
                if (why := self._shut_by(found)) is None:
                    return found
                self._pass_over(found, why)
                continue
            try:
                self._queue.extendleft(reversed(await self._unfold(found, upload)))
            except Refused as refused:
                if first and found == self._decided:
                    raise
                self._refused = self._refused or refused
        return None

    def failed(self, way: Way, failure: Failure) -> None:
        """After anything but a 429, or a token that cannot be had, another key at the same host is no better,
        so those are left out."""
        self.notes.append(f"{way.target}({failure.reason})")
        if failure.status != TOO_MANY and failure.reason != refusals.NO_TOKEN:
            here = way.target, way.exchange.host
            self._queue = deque(
                each for each in self._queue if isinstance(each, Target) or _goes_to(each) != here
            )

    def once_more(self, way: Way) -> None:
        """The same target again, from the start."""
        self._queue.appendleft(way.target)

    def clear(self) -> None:
        """Nothing more will be tried: a stream may run for minutes, without what might have been sent."""
        self._queue.clear()
        self._shut.clear()

    async def _unfold(self, target: Target, upload: Upload) -> list[Way]:
        """The ways to a target: one for each key. Raises Refused where the request cannot go there."""
        judged, parts = self._judged, self._parts
        if target != self._decided:
            judged = copy(judged)
            judged.route_rule = self._chain_rule or judged.route_rule
        if target != self._decided and judged.rules.policy.guard:
            upload = await inspect(judged, parts, upload, facts_of(self._judged, parts), target)
            judged.originals = {**self._judged.originals, **judged.originals}
            judged.guard_findings = {**self._judged.guard_findings, **judged.guard_findings}
        exchange, aimed = aim(judged, upload, target, parts)
        members = exchange.pool if exchange.company_key is not None else (None,)
        if is_held(exchange.call):
            members = members[:1]  # one account alone has it
        source = judged, upload
        if len(members) == 1:
            return [_with_key(Way(target, exchange, aimed, source, members[0]))]
        return [_with_key(Way(target, copy(exchange), aimed, source, member)) for member in members]

    def _shut_by(self, way: Way) -> Literal["limit", "open"] | None:
        """Why it cannot be tried now; None: it has leave."""
        if way.member is not None:
            way.tokens = likely_input(way.exchange, self._parts)
        now_s = time.monotonic()
        if self._waits_s(way, now_s):
            return "limit"
        way.leave = self._parts.breakers.ask(way.place, now_s)
        if way.leave is None:
            return "open"
        self._take(way, now_s)
        return None

    def _take(self, way: Way, now_s: float) -> None:
        """Of its key's limit, before it waits for money: others would take it meanwhile."""
        if way.member is not None:
            self._parts.key_limits.take(way.member, way.tokens, now_s)

    def not_sent(self, way: Way) -> None:
        """It got leave and was not sent after all."""
        if way.member is not None:
            self._parts.key_limits.give_back(way.member, way.tokens, time.monotonic())

    def _waits_s(self, way: Way, now_s: float) -> float:
        return 0.0 if way.member is None else self._parts.key_limits.wait_s(way.member, way.tokens, now_s)

    def _pass_over(self, way: Way, why: str) -> None:
        self._shut.append(way)
        note = f"{way.target}({why})"
        if self.notes[-1:] != [note]:
            self.notes.append(note)


def targets(judged: Exchange, decision: Decision) -> list[Target]:
    """Where it may go, in order. Only the company's own requests have more than one choice."""
    if judged.key_class is not KeyClass.COMPANY or judged.sealed or is_held(judged.call):
        return [decision.target]
    return [decision.target, *(each for each in decision.chain if each != decision.target)]


def is_held(call: Call | None) -> bool:
    """Whether one provider alone has what it goes on from, or will have what comes of it."""
    return call is not None and (
        call.background or call.previous_response_id is not None or call.operation in BATCHES
    )


def _with_key(way: Way) -> Way:
    if way.member is not None:
        way.exchange.take(way.member)
    return way


def _goes_to(way: Way) -> tuple[Target, str]:
    return way.target, way.exchange.host
