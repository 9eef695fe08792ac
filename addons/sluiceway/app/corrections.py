"""Puts costs right that turned out wrong: one row by hand, or what today's price book says of past rows.

History is never edited: both write rows beside it that carry the difference. The store compares and writes
in one transaction, so running this twice, or in two places at once, corrects nothing twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, func, select

from sluiceway.errors import StoreError
from sluiceway.pricing import regions
from sluiceway.pricing.book import PriceBook
from sluiceway.store import Store, rows
from sluiceway.store.corrections import BY_HAND, Event, Standing, Truth, Which
from sluiceway.store.moments import to_us
from sluiceway.store.tables import ledger
from sluiceway.types import CostBasis, KeyClass, LedgerRow, Outcome, Provider, Usage, UsageSource, to_nusd

STEP = 500  # rows sent to the running serve at once
LONGEST_REASON = 500
_FETCH_ROWS = 1000
_OURS = ("genai-prices ", "prices.yaml ")

type Arguments = Mapping[str, Any]


@dataclass(slots=True)
class Repriced:
    """What pricing a period anew comes to. Money in nano-dollars: `before` leaves unknown costs out."""

    looked_at: int = 0
    was_unknown: int = 0
    was_other: int = 0
    still_unknown: int = 0
    before_nusd: int = 0
    after_nusd: int = 0
    by_model: Counter[str] = field(default_factory=Counter)

    @property
    def rows(self) -> int:
        return self.was_unknown + self.was_other


@dataclass(frozen=True, slots=True)
class Repricing:
    """Looks at settled rows with the price book and providers as they are now."""

    prices: PriceBook
    providers: Mapping[str, Provider]

    def truths(
        self,
        connection: Connection,
        from_at: datetime,
        to_at: datetime,
        found: Repriced,
        progress: Callable[[int], None],
    ) -> Iterator[Truth]:
        """What rows of the period should say and do not; `found` is kept as they pass."""
        made = _corrections(connection, from_at, to_at)
        for row in _rows(connection, from_at, to_at):
            found.looked_at += 1
            if found.looked_at % 10_000 == 0:
                progress(found.looked_at)
            which = Which(row.request_id, row.attempt, row.turn)
            truth = self._truth(row, which, made.get(which), found)
            if truth is not None:
                yield truth

    def _truth(
        self, row: LedgerRow, which: Which, made: tuple[int | None, int, bool] | None, found: Repriced
    ) -> Truth | None:
        cost_nusd, charged_nusd, by_hand = made or (None, 0, False)
        if by_hand:
            return None
        known = row.cost_nusd is not None or cost_nusd is not None
        stands = (row.cost_nusd or 0) + (cost_nusd or 0) if known else None
        seen = Standing(stands, row.charged_nusd + charged_nusd)
        price = self._price(row)
        if price is None or price[0] == stands:
            found.still_unknown += stands is None and price is None
            return None
        now_nusd, basis, version = price
        found.was_unknown += stands is None
        found.was_other += stands is not None
        found.before_nusd += stands or 0
        found.after_nusd += now_nusd
        found.by_model[row.model_served or row.model_routed or "?"] += 1
        return Truth(which, now_nusd, now_nusd if spends(row) else 0, basis, version, seen)

    def _price(self, row: LedgerRow) -> tuple[int, str, str] | None:
        """Cost in nano-dollars, basis and version; None where the row or the book does not say enough."""
        provider = self.providers.get(row.provider)
        if provider is None:
            return None
        cost = self.prices.cost(
            provider=provider,
            model=row.model_served or row.model_routed,
            usage=usage_of(row),
            at=row.started_at,
            service_tier=row.service_tier,
            region=regions.of_host(row.host),
            operation=row.operation,
            dialect=row.dialect,
            key_class=KeyClass(row.key_class),
        )
        return None if cost.usd is None else (to_nusd(cost.usd), str(cost.basis), cost.price_version)


def spends(row: LedgerRow) -> bool:
    """Whether caps on money count the row. It does not say so itself, but what it was charged does: an
    unknown price is charged at its bound. Only of what was free it has to be told by the key."""
    if row.charged_nusd:
        return True
    free = row.cost_nusd == 0
    return row.budgeted and free and row.key_class in (KeyClass.COMPANY, KeyClass.UNKNOWN)


def usage_of(row: LedgerRow) -> Usage:
    """The tokens and pieces that a row says were used."""
    return Usage(
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        cache_read_tokens=row.cache_read_tokens,
        cache_write_tokens=row.cache_write_tokens,
        cache_write_1h_tokens=row.cache_write_1h_tokens,
        reasoning_tokens=row.reasoning_tokens,
        audio_input_tokens=row.audio_input_tokens,
        audio_output_tokens=row.audio_output_tokens,
        image_tokens=row.image_tokens,
        tool_units=row.tool_units,
        source=UsageSource(row.usage_source),
    )


def _rows(connection: Connection, from_at: datetime, to_at: datetime) -> Iterator[LedgerRow]:
    """Settled rows whose usage is known and whose price is ours: not a provider's own figure."""
    c = ledger.c
    ours = (c.price_version.is_(None), *(c.price_version.like(f"{start}%") for start in _OURS))
    query = (
        select(ledger)
        .where(
            c.kind == "request",
            c.started_at >= to_us(from_at),
            c.started_at < to_us(to_at),
            c.outcome != Outcome.OPEN,
            c.usage_source != UsageSource.NONE,
            func.coalesce(ours[0] | ours[1] | ours[2], False),
        )
        .order_by(c.started_at, c.id)
    )
    for stored in connection.execute(query, execution_options={"yield_per": _FETCH_ROWS}):
        yield rows.ledger_row(stored._asdict())


def _corrections(
    connection: Connection, from_at: datetime, to_at: datetime
) -> dict[Which, tuple[int | None, int, bool]]:
    """What corrections of the period add: cost, charge, and whether a person decided."""
    c = ledger.c
    query = (
        select(
            c.corrects,
            c.attempt,
            c.turn,
            func.sum(c.cost_nusd).label("cost"),
            func.sum(c.charged_nusd).label("charged"),
            func.max(c.price_version == BY_HAND).label("by_hand"),
        )
        .where(c.kind == "correction", c.started_at >= to_us(from_at), c.started_at < to_us(to_at))
        .group_by(c.corrects, c.attempt, c.turn)
    )
    found: dict[Which, tuple[int | None, int, bool]] = {}
    for row in connection.execute(query):
        found[Which(row.corrects, row.attempt, row.turn)] = (row.cost, int(row.charged), bool(row.by_hand))
    return found


def attempts(connection: Connection, request_id: str) -> list[Row[Any]]:
    """The rows of a request, to choose one from: attempt, turn, model, cost."""
    c = ledger.c
    model = func.coalesce(c.model_served, c.model_routed, c.model_requested).label("model")
    query = select(c.attempt, c.turn, model, c.cost_nusd, c.outcome).where(
        c.kind == "request", c.request_id == request_id
    )
    return list(connection.execute(query.order_by(c.attempt, c.turn)))


def _correct(store: Store, given: Arguments) -> dict[str, Any]:
    """One row by hand: it costs what `cost_usd` says, whatever the price lists say then or later."""
    which = Which(given["request_id"], given["attempt"], given["turn"])
    with store.read() as connection:
        row = _row(connection, which)
    now_nusd = to_nusd(Decimal(given["cost_usd"]))
    basis = row.cost_basis if row.cost_basis != CostBasis.UNKNOWN else CostBasis.CONTRACT
    if row.key_class == KeyClass.SUBSCRIPTION:
        basis = CostBasis.NOTIONAL
    truth = Truth(which, now_nusd, now_nusd if spends(row) else 0, basis, BY_HAND)
    detail = {name: given[name] for name in ("request_id", "attempt", "turn", "cost_usd", "reason")}
    (needed,) = store.corrections.write([truth], Event("ledger_corrected", given["actor"], detail))
    return {"corrected": needed}


def _row(connection: Connection, which: Which) -> LedgerRow:
    c = ledger.c
    turn = func.coalesce(c.turn, -1) == (-1 if which.turn is None else which.turn)
    query = select(ledger).where(
        c.kind == "request", c.request_id == which.request_id, c.attempt == which.attempt, turn
    )
    stored = connection.execute(query).first()
    if stored is None:
        raise StoreError(f"the ledger has no request {which.request_id!r} with attempt {which.attempt}")
    return rows.ledger_row(stored._asdict())


def _reprice(store: Store, given: Arguments) -> dict[str, Any]:
    """A step of a repricing: rows that were settled, corrected or deleted meanwhile are left alone."""
    return {"written": sum(store.corrections.write([_from_plain(each) for each in given["truths"]]))}


def plain(truth: Truth) -> list[Any]:
    """A truth as JSON can carry it to the running serve."""
    which, seen = truth.which, truth.seen
    standing = None if seen is None else [seen.cost_nusd, seen.charged_nusd]
    money = [truth.cost_nusd, truth.charged_nusd, truth.cost_basis, truth.price_version]
    return [which.request_id, which.attempt, which.turn, *money, standing]


def _from_plain(given: list[Any]) -> Truth:
    *which, cost_nusd, charged_nusd, basis, version, standing = given
    return Truth(Which(*which), cost_nusd, charged_nusd, basis, version, standing and Standing(*standing))


OPERATIONS: Mapping[str, Callable[[Store, Arguments], dict[str, Any]]] = {
    "ledger.correct": _correct,
    "ledger.reprice": _reprice,
}
