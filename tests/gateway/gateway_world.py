"""Fakes around the gateway's own pieces: prices one can do in the head, and a ledger that takes notes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast
from zoneinfo import ZoneInfo

from aiohttp import web

from sluiceway.errors import StoreError
from sluiceway.gateway.exchange import Exchange
from sluiceway.gateway.parts import GatewayParts, Rules
from sluiceway.gateway.upstream import Upstream
from sluiceway.policy import Policy
from sluiceway.policy.model import Budget
from sluiceway.pricing.book import PriceBook
from sluiceway.store import Store
from sluiceway.store.records import Answer, Granted, Reservation, Want
from sluiceway.types import (
    Attachment,
    Call,
    Cap,
    Cost,
    CostBasis,
    Identity,
    LedgerRow,
    Principal,
    Provider,
    Route,
    Usage,
)
from sluiceway.wire import by_name

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ALICE = Principal(1, "alice", "employee", "core")
PROVIDER = Provider("anthropic", ("api.anthropic.com",), (), "anthropic", "anthropic_messages")
INPUT_NUSD, OUTPUT_NUSD = 10, 100


class Prices:
    """An input token costs 10 nano-dollars, an output token 100."""

    def bound(self, *, input_tokens: int, output_tokens: int, **_: Any) -> tuple[Decimal, bool]:
        return Decimal(input_tokens * INPUT_NUSD + output_tokens * OUTPUT_NUSD).scaleb(-9), True

    def cost(self, *, usage: Usage, **_: Any) -> Cost:
        usd, _known = self.bound(input_tokens=usage.input_tokens or 0, output_tokens=usage.output_tokens or 0)
        return Cost(usd, usd, CostBasis.LIST, "test")


class NoPrices:
    """Fails whatever it is asked."""

    def cost(self, **_: Any) -> Cost:
        raise RuntimeError("a secret")


@dataclass
class Ledger:
    """Grants what it is told to. `topped_up` are the top-ups still to be had, in order; then 0."""

    answers: list[Answer] = field(default_factory=list)
    top_ups: list[int] = field(default_factory=list)
    fails: bool = False
    wants: list[tuple[Want, Sequence[Cap], float]] = field(default_factory=list)
    asked_nusd: list[int] = field(default_factory=list)
    settled: list[tuple[Reservation, LedgerRow]] = field(default_factory=list)
    recorded: list[LedgerRow] = field(default_factory=list)

    async def admit(self, row: LedgerRow, want: Want, caps: Sequence[Cap], wait_s: float) -> Answer:
        self._check()
        self.wants.append((want, caps, wait_s))
        return self.answers.pop(0)

    async def top_up(self, reservation: Reservation, extra_nusd: int) -> int:
        self._check()
        self.asked_nusd.append(extra_nusd)
        return min(extra_nusd, self.top_ups.pop(0)) if self.top_ups else 0

    def settle(self, reservation: Reservation, row: LedgerRow) -> asyncio.Future[None] | None:
        self.settled.append((reservation, row))
        return None

    async def record(self, row: LedgerRow) -> None:
        self._check()
        self.recorded.append(row)

    def _check(self) -> None:
        if self.fails:
            raise StoreError("the disk is full")


@dataclass
class Books:
    """A store that is only a ledger."""

    ledger: Ledger


def parts(ledger: Ledger, *budgets: Budget, prices: object | None = None) -> GatewayParts:
    return GatewayParts(
        Rules(Policy(budgets=budgets), cast(PriceBook, prices or Prices())),
        cast(Store, Books(ledger)),
        cast(Upstream, None),
        ZoneInfo("UTC"),
        "#ai-platform",
        bytes(32),
        body_bytes=1000,
        idle_s=1,
        wait_s=3,
    )


def call(**changes: Any) -> Call:
    """Thirty bytes of prose, so 26 tokens of estimated input: 16 for the frame and a third of the bytes."""
    usual = {"dialect": "anthropic_messages", "operation": "chat", "model": "m", "input_bytes": 30}
    return Call(**(usual | changes))


def exchange(of: GatewayParts, asked: Call | None) -> Exchange:
    """A request of alice's that was read into `asked`; None: nothing to meter."""
    dialect = by_name("anthropic_messages")
    return Exchange(
        cast(web.BaseRequest, None),
        Attachment(Identity(ALICE, 1), PROVIDER, "api.anthropic.com", "127.0.0.1"),
        of.rules,
        request_id="sw_1",
        started_at=AT,
        started_s=0.0,
        path="/v1/messages",
        sent_query="",
        voice=dialect,
        principal=ALICE,
        route=Route("POST", "/v1/messages", "anthropic_messages", "chat" if asked else "pass"),
        dialect=dialect if asked else None,
        call=asked,
    )


def granted(nusd: int, remaining_nusd: int | None = 0) -> Granted:
    return Granted(Reservation(1, nusd, ()), False, remaining_nusd, None)
