"""A row ends once, by whatever comes first, and never for nothing when something may have been billed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest
from gateway_world import PROVIDER, Ledger, NoPrices, Prices, call, exchange, parts

from sluiceway.gateway.exchange import Exchange
from sluiceway.gateway.failing import Failure
from sluiceway.gateway.parts import GatewayParts
from sluiceway.gateway.refusals import BROKEN_OFF, INTERNAL, NOT_HTTP
from sluiceway.gateway.settlement import Settlement
from sluiceway.gateway.trail import Trail
from sluiceway.gateway.upstream import Failed
from sluiceway.store.records import Reservation
from sluiceway.types import (
    Answer,
    Cost,
    CostBasis,
    KeyClass,
    LedgerRow,
    Outcome,
    Provider,
    Quirks,
    Usage,
    UsageSource,
)

RESERVED = Reservation(7, 5_000, ())
WHOLE = Answer(Usage(20, 30, source=UsageSource.REPORTED), model="m-1", complete=True, output_bytes=90)
# 20 x 10 + 30 x 100; and 26 estimated tokens of input at 10.
WHOLE_NUSD, INPUT_NUSD = 3_200, 260


class World:
    """One settlement over a ledger that takes notes."""

    def __init__(
        self, *, metered: bool = True, sent: bool = True, opened: bool = True, prices: object = None
    ) -> None:
        self.ledger = Ledger()
        self.parts: GatewayParts = parts(self.ledger, prices=prices)
        self.exchange: Exchange = exchange(self.parts, call() if metered else None)
        self.exchange.sent_s = 1.0 if sent else 0.0
        self.settlement = Settlement(self.exchange, self.parts)
        if metered and opened:
            self.settlement.opened(self.exchange.row(), RESERVED)

    async def row(self) -> LedgerRow:
        """The one row that ended."""
        await asyncio.sleep(0)  # rows without a reservation are written by a task
        ended = [row for _, row in self.ledger.settled] + self.ledger.recorded
        assert len(ended) == 1
        return ended[0]


async def test_an_answer_is_charged_by_the_providers_own_count() -> None:
    world = World()
    world.settlement.answered(200, Outcome.OK, WHOLE)
    row = await world.row()
    assert (row.cost_nusd, row.charged_nusd, row.usage_source) == (WHOLE_NUSD, WHOLE_NUSD, "reported")
    assert (row.outcome, row.status, row.upstream_status, row.model_served) == ("ok", 200, 200, "m-1")
    assert world.ledger.settled[0][0] is RESERVED


async def test_the_first_end_counts() -> None:
    world = World()
    world.settlement.answered(200, Outcome.OK, WHOLE)
    world.settlement.failed(502, Failed(BROKEN_OFF, sent=True))
    await world.settlement.refused(503, INTERNAL)
    world.settlement.abandoned()
    assert (await world.row()).outcome is Outcome.OK


class PricesByModel:
    """What was asked for costs five times as much, another provider's twice; of `m-odd` nothing is known."""

    def cost(self, *, provider: Provider, model: str, usage: Usage, **_: Any) -> Cost:
        plain = Prices().cost(usage=usage)
        factor = {"m-asked": 5, "m-1": 1}.get(model)
        if factor is None:
            return replace(plain, usd=None, basis=CostBasis.UNKNOWN)
        assert plain.usd is not None
        return replace(plain, usd=plain.usd * factor * (1 if provider is PROVIDER else 2))


@pytest.mark.parametrize(
    ("changes", "as_requested"),
    [
        ({"model_requested": "m-asked"}, 5 * WHOLE_NUSD),
        ({"model_requested": "m", "provider": "other"}, None),
        ({"model_requested": "m-asked", "provider": "other"}, 5 * WHOLE_NUSD),
        ({"model_requested": "m-odd"}, None),
        ({}, None),
    ],
    ids=["another model", "another provider, no price", "both", "no price for what was asked", "not moved"],
)
async def test_a_moved_row_knows_what_was_asked_for_would_have_cost(
    changes: dict[str, str], as_requested: int | None
) -> None:
    world = World(prices=PricesByModel())
    world.settlement.opened(replace(world.exchange.row(), **changes), RESERVED)
    world.settlement.answered(200, Outcome.OK, WHOLE)
    row = await world.row()
    assert (row.cost_nusd, row.cost_as_requested_nusd) == (WHOLE_NUSD, as_requested)


class Tiers(PricesByModel):
    """Notes on which tier each price was asked for."""

    def __init__(self) -> None:
        self.asked: list[str | None] = []

    def cost(self, *, service_tier: str | None, **given: Any) -> Cost:
        self.asked.append(service_tier)
        return super().cost(**given)


@pytest.mark.parametrize(
    ("provider", "tiers"), [("anthropic", ["priority", "priority"]), ("other", ["priority", "auto"])]
)
async def test_another_providers_tier_says_nothing_about_the_one_asked_for(
    provider: str, tiers: list[str]
) -> None:
    prices = Tiers()
    world = World(prices=prices)
    world.exchange.call = call(service_tier="auto")
    changes = {"model_requested": "m-asked", "provider": provider}
    world.settlement.opened(replace(world.exchange.row(), **changes), RESERVED)
    world.settlement.answered(200, Outcome.OK, replace(WHOLE, service_tier="priority"))
    assert (await world.row()).cost_as_requested_nusd == 5 * WHOLE_NUSD
    assert prices.asked == tiers


async def test_what_is_free_would_have_been_free_too() -> None:
    world = World()
    world.exchange.call = call(operation="count_tokens")
    world.settlement.opened(replace(world.exchange.row(), model_requested="m-asked"), RESERVED)
    world.settlement.answered(200, Outcome.OK, WHOLE)
    assert (await world.row()).cost_as_requested_nusd == 0


@pytest.mark.parametrize("status", [301, 400, 429, 500, 529])
async def test_what_is_no_success_costs_nothing_and_says_what_the_provider_called_it(status: int) -> None:
    world = World()
    error = Answer(error_type="overloaded_error", complete=True)
    world.settlement.answered(status, Outcome.UPSTREAM_ERROR, error)
    row = await world.row()
    assert (row.cost_nusd, row.charged_nusd, row.error_type) == (0, 0, "overloaded_error")


async def test_a_cut_answer_is_charged_by_what_was_seen_of_it() -> None:
    world = World()
    seen = Answer(Usage(20, source=UsageSource.PARTIAL), output_bytes=90)
    world.settlement.answered(200, Outcome.TRUNCATED, seen)
    row = await world.row()
    # 90 bytes are taken for 30 tokens.
    assert (row.output_tokens, row.charged_nusd, row.usage_source) == (30, WHOLE_NUSD, "partial")


async def test_a_cut_answer_is_not_estimated_beyond_its_own_limit() -> None:
    world = World()
    world.exchange.call = call(max_output_tokens=10)
    world.settlement.answered(200, Outcome.TRUNCATED, Answer(output_bytes=9_000))
    assert (await world.row()).output_tokens == 10


@pytest.mark.parametrize(("sent", "charged"), [(True, INPUT_NUSD), (False, 0)])
async def test_a_request_that_may_have_arrived_owes_its_input(sent: bool, charged: int) -> None:
    failed, abandoned, broken = World(sent=sent), World(sent=sent), World(sent=sent)
    failed.settlement.failed(504, Failed(BROKEN_OFF, sent=sent))
    abandoned.settlement.abandoned()
    await broken.settlement.refused(503, INTERNAL)
    rows = [await world.row() for world in (failed, abandoned, broken)]
    assert [row.charged_nusd for row in rows] == [charged] * 3
    assert [row.outcome for row in rows] == ["upstream_error", "client_cancelled", "internal_error"]
    assert [row.status for row in rows] == [504, 499, 503]
    assert (rows[0].error_type, rows[2].refusal_code) == ("stream_broken", "internal_error")


async def test_a_request_refused_before_it_was_sent_costs_nothing() -> None:
    world = World(sent=False, opened=False)
    await world.settlement.refused(400, NOT_HTTP)
    row = await world.row()
    assert (row.outcome, row.refusal_code, row.cost_nusd) == ("refused", "malformed_http", 0)
    assert world.ledger.recorded == [row]


async def test_a_refusal_that_cannot_be_written_is_refused_all_the_same(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World(sent=False, opened=False)
    world.ledger.fails = True
    await world.settlement.refused(400, NOT_HTTP)
    assert "could not be written" in caplog.text


class Announced:
    """A trail that was begun."""

    subject = SimpleNamespace(mode="redacted")

    def __init__(self) -> None:
        self.sent = True
        self.ends: list[bool] = []

    @property
    def state(self) -> str:
        return "redacted" if self.sent else "off"

    def ended(self, row: LedgerRow) -> None:
        self.ends.append(self.sent)


@pytest.mark.parametrize("sent", [True, False], ids=["sent", "turned away at the last moment"])
async def test_of_a_request_that_was_announced_and_not_sent_the_audit_keeps_nothing(sent: bool) -> None:
    world = World(sent=sent)
    trail = Announced()
    world.exchange.trail = cast(Trail, trail)
    await world.settlement.refused(503, INTERNAL)
    assert trail.ends == [sent]
    assert (await world.row()).audit == trail.state


async def test_an_unmetered_answer_has_a_row_without_a_price() -> None:
    world = World(metered=False)
    world.settlement.answered(200, Outcome.OK, None)
    row = await world.row()
    assert (row.metered, row.cost_nusd, row.charged_nusd, row.budgeted) == (False, 0, 0, False)


@pytest.mark.parametrize(("sent", "cost"), [(True, None), (False, 0)])
async def test_nobody_knows_what_an_unlisted_path_costs(sent: bool, cost: int | None) -> None:
    world = World(metered=False, sent=sent)
    world.exchange.route = None
    world.settlement.answered(200, Outcome.OK, None)
    assert (await world.row()).cost_nusd == cost


async def test_counting_tokens_is_free_however_it_ends() -> None:
    for answer in (WHOLE, Answer(), Answer(output_bytes=1_000)):
        world = World()
        world.exchange.call = call(operation="count_tokens")
        world.settlement.answered(200, Outcome.OK, answer)
        assert (await world.row()).charged_nusd == 0
        assert world.parts.learned.output_expected("m", "") is None


async def test_counting_tokens_teaches_nothing_about_the_conversation() -> None:
    world = World()
    world.exchange.call = call(operation="count_tokens", conversation_id="c")
    free = Answer(Usage(0, 0, source=UsageSource.REPORTED), complete=True)
    world.settlement.answered(200, Outcome.OK, free)
    assert world.parts.conversations.last(("alice", "c")) is None
    again = World()
    again.exchange.call = call(conversation_id="c")
    again.settlement.answered(200, Outcome.OK, WHOLE)
    last = again.parts.conversations.last(("alice", "c"))
    assert last is not None
    assert (last.input_tokens, last.output_tokens, last.input_bytes) == (20, 30, 30)


async def test_what_cannot_be_priced_is_charged_what_was_reserved_and_the_log_does_not_quote(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World(prices=NoPrices())
    world.settlement.answered(200, Outcome.OK, WHOLE)
    row = await world.row()
    assert (row.cost_nusd, row.charged_nusd, row.outcome) == (None, RESERVED.nusd, "internal_error")
    assert "RuntimeError" in caplog.text
    assert "a secret" not in caplog.text


class Basis(Prices):
    """Prices of a basis of their own."""

    def __init__(self, basis: CostBasis) -> None:
        self.basis = basis

    def cost(self, **given: Any) -> Cost:
        return replace(super().cost(**given), basis=self.basis)


@pytest.mark.parametrize(
    ("cost", "basis", "told", "wanted"),
    [
        pytest.param("reported", CostBasis.LIST, "0.00001", (10_000, "list"), id="told-and-counts"),
        pytest.param("reported", CostBasis.UNKNOWN, "0", (0, "list"), id="told-to-be-free"),
        pytest.param("reported", CostBasis.LIST, None, (WHOLE_NUSD, "list"), id="not-told"),
        pytest.param("listed", CostBasis.LIST, "0.00001", (WHOLE_NUSD, "list"), id="told-and-does-not"),
        pytest.param(
            "reported", CostBasis.CONTRACT, "0.00001", (WHOLE_NUSD, "contract"), id="a-contract-is-known"
        ),
    ],
)
async def test_the_providers_own_figure_counts_where_its_entry_says_so(
    cost: Any, basis: CostBasis, told: str | None, wanted: tuple[int, str]
) -> None:
    world = World(prices=Basis(basis))
    world.exchange.provider = replace(PROVIDER, quirks=Quirks(cost=cost))
    usd = None if told is None else Decimal(told)
    world.settlement.answered(200, Outcome.OK, replace(WHOLE, cost_usd=usd))
    row = await world.row()
    assert (row.cost_nusd, row.charged_nusd, row.cost_basis) == (wanted[0], wanted[0], wanted[1])


async def test_a_figure_told_before_the_end_is_not_the_cost() -> None:
    world = World()
    world.exchange.provider = replace(PROVIDER, quirks=Quirks(cost="reported"))
    cut = replace(WHOLE, cost_usd=Decimal("0.0000001"), complete=False)
    world.settlement.answered(200, Outcome.TRUNCATED, cut)
    assert (await world.row()).cost_nusd >= WHOLE_NUSD


class Asked(Prices):
    """Takes note of what it was asked; of the models only `known` ones have a price."""

    def __init__(self, known: str) -> None:
        self.has = known
        self.asked: list[tuple[str | None, str | None]] = []

    def known(self, provider: Provider, model: str | None, at: object) -> bool:
        return model == self.has

    def cost(self, *, model: str | None = None, region: str | None = None, **given: Any) -> Cost:
        self.asked.append((model, region))
        return super().cost(**given)


@pytest.mark.parametrize(
    ("price_id", "known", "wanted"),
    [
        pytest.param("anthropic", "m", "m-1", id="by-the-answer"),
        pytest.param("aws", "m", "m", id="by-the-profile-that-was-asked"),
        pytest.param("huggingface", "m", "m", id="by-the-server-that-was-asked"),
        pytest.param("huggingface", "nothing", "m-1", id="the-router-chose"),
    ],
)
async def test_the_model_and_the_region_that_are_billed(price_id: str, known: str, wanted: str) -> None:
    prices = Asked(known)
    world = World(prices=prices)
    world.exchange.provider = replace(PROVIDER, price_id=price_id)
    world.settlement.answered(200, Outcome.OK, replace(WHOLE, region="us"))
    await world.row()
    assert prices.asked == [(wanted, "us")]


async def test_a_final_count_is_the_bill_though_the_last_event_never_came() -> None:
    world = World()
    much = replace(WHOLE, complete=False, output_bytes=1_000_000)
    world.settlement.answered(200, Outcome.TRUNCATED, much)
    row = await world.row()
    assert (row.cost_nusd, row.usage_source, row.outcome) == (WHOLE_NUSD, "reported", "truncated")


async def test_a_seat_keeps_its_notional_basis_whatever_is_told() -> None:
    world = World()
    world.exchange.provider = replace(PROVIDER, quirks=Quirks(cost="reported"))
    world.exchange.key_class = KeyClass.SUBSCRIPTION
    world.settlement.answered(200, Outcome.OK, replace(WHOLE, cost_usd=Decimal("0.00001")))
    assert (await world.row()).cost_basis == CostBasis.NOTIONAL


@pytest.mark.parametrize(
    ("failure", "charged_nusd"),
    [(Failure("529", sent=True, status=529), 0), (Failure("first_byte_timeout", sent=True), INPUT_NUSD)],
    ids=["answered with an error", "not answered"],
)
async def test_who_leaves_between_two_attempts_owes_what_the_first_came_to(
    failure: Failure, charged_nusd: int
) -> None:
    world = World()
    world.settlement.fails(failure)
    world.settlement.abandoned()
    row = await world.row()
    assert (row.outcome, row.charged_nusd) == ("client_cancelled", charged_nusd)


async def test_an_attempt_that_was_not_paid_for_lets_go_of_what_the_audit_holds() -> None:
    world, ended = World(), []
    left = cast(Trail, SimpleNamespace(ended=ended.append, state="off", subject=SimpleNamespace(mode="off")))
    world.exchange.trail = left
    world.settlement.opened(world.exchange.row(), RESERVED, exchange(world.parts, call()))
    assert len(ended) == 1
