"""Budgets in requests, tokens and open requests, and rates: what counts when, and who gets which answer."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from databases import Database
from store_world import (
    NEXT_MONTH,
    NOON,
    at_once,
    attempt,
    company,
    counted,
    counter,
    ended,
    granted,
    line_of,
    minute,
    rows_of,
    spend,
)

from sluiceway.store import Busy, Granted, Spent, Store, Want
from sluiceway.types import Cap, LedgerRow, Outcome, UsageSource

FREE = Want(0, 0)


async def admitted(store: Store, row: LedgerRow, *caps: Cap, want: Want = FREE) -> Granted:
    return granted(await store.ledger.admit(row, want, caps, 0))


def silent(row: LedgerRow, **fields: object) -> LedgerRow:
    """An end whose tokens nobody knows."""
    unknown = replace(ended(row, 5), input_tokens=None, output_tokens=None, usage_source=UsageSource.NONE)
    return replace(unknown, **fields)  # type: ignore[arg-type]  # field names are checked by replace itself


# Requests


async def test_a_request_counts_from_its_admission_on(store: Store, database: Database) -> None:
    cap, row = counted(2, "requests"), attempt("r1")
    answer = await admitted(store, row, cap)
    assert counter(database, cap) == (0, 1)
    await store.ledger.settle(answer.reservation, ended(row, 12))
    assert counter(database, cap) == (1, 0)
    assert (answer.remaining_nusd, answer.cap, answer.remaining_tokens) == (None, None, None)
    assert store.verify() == []


async def test_requests_in_flight_are_made_and_nobody_waits_for_them(store: Store) -> None:
    cap = counted(2, "requests")
    await spend(store, "r1", 5, cap)
    await admitted(store, attempt("r2"), cap)
    answer = await asyncio.wait_for(store.ledger.admit(attempt("r3"), FREE, (cap,), 3600), 10)
    assert answer == Spent(cap, 2, NEXT_MONTH)


async def test_rows_that_were_not_admitted_are_no_requests(store: Store, database: Database) -> None:
    cap = counted(10, "requests")
    await admitted(store, attempt("r1"), cap)
    refused = replace(attempt("r2"), outcome=Outcome.REFUSED, cost_nusd=0)
    await store.ledger.record(refused)
    await store.ledger.record(ended(attempt("r3", kind="correction", corrects="r1"), 7))
    assert counter(database, cap) == (0, 1)
    assert rows_of(database, "requests") == [(1,), (0,), (0,)]
    assert store.verify() == []


async def test_a_request_that_ends_badly_was_made_all_the_same(store: Store, database: Database) -> None:
    cap, row = counted(10, "requests"), attempt("r1")
    answer = await admitted(store, row, cap)
    await store.ledger.settle(answer.reservation, silent(row, outcome=Outcome.REFUSED, cost_nusd=0))
    assert counter(database, cap) == (1, 0)
    assert store.verify() == []


async def test_who_goes_away_while_it_is_decided_has_made_no_request(
    store: Store, database: Database
) -> None:
    caps = (counted(10, "requests"), counted(1000, "tokens"), at_once(5))
    task = asyncio.create_task(store.ledger.admit(attempt("r1"), Want(0, 0, 300), caps, 60))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    store.events.record("barrier", "test", {})
    assert [counter(database, cap) for cap in caps] == [(0, 0), (0, 0), (0, 0)]
    assert store.verify() == []


async def test_a_next_attempt_is_not_one_more_request(store: Store, database: Database) -> None:
    """The last request of the month fails over: it goes on, and still only one is open."""
    caps, row = (counted(1, "requests"), at_once(1)), attempt("r1")
    first = await admitted(store, row, *caps)
    failed = ended(row, 0, Outcome.UPSTREAM_ERROR)
    second = attempt("r1", attempt=2)
    answer = granted(await store.ledger.replace(first.reservation, failed, second, FREE, caps, 0))
    assert [counter(database, cap) for cap in caps] == [(1, 0), (0, 1)]
    await store.ledger.settle(answer.reservation, ended(second, 0))
    assert [counter(database, cap) for cap in caps] == [(1, 0), (0, 0)]
    assert store.verify() == []


# Tokens


async def test_tokens_are_reserved_as_estimated_and_charged_as_reported(
    store: Store, database: Database
) -> None:
    cap, row = counted(1000, "tokens"), attempt("r1")
    answer = await admitted(store, row, cap, want=Want(9, 9, 300))
    assert (answer.tokens, answer.limited, answer.remaining_tokens) == (300, False, 700)
    assert counter(database, cap) == (0, 300)
    await store.ledger.settle(answer.reservation, ended(row, 5))
    assert counter(database, cap) == (120, 0)  # 100 in, 20 out
    assert rows_of(database, "charged_tokens, reserved_tokens") == [(120, 0)]
    assert store.verify() == []


UNKNOWN = {
    "nobody knows": ({}, 300),
    "only the input is known": ({"input_tokens": 100}, 300),
    "the provider was not asked": ({"cost_nusd": 0}, 0),
    "an error that is not billed, with a count": ({"cost_nusd": 0, "input_tokens": 100}, 100),
}


@pytest.mark.parametrize(("fields", "tokens"), UNKNOWN.values(), ids=UNKNOWN.keys())
async def test_unknown_tokens_are_charged_as_reserved_unless_known_to_be_none(
    store: Store, database: Database, fields: dict[str, object], tokens: int
) -> None:
    cap, row = counted(1000, "tokens"), attempt("r1")
    answer = await admitted(store, row, cap, want=Want(9, 9, 250))
    assert await store.ledger.top_up(answer.reservation, 50, "tokens") == 50
    await store.ledger.settle(answer.reservation, silent(row, **fields))
    assert counter(database, cap) == (tokens, 0)
    assert store.verify() == []


async def test_an_end_that_cannot_be_stored_charges_the_reserved_tokens(
    store: Store, database: Database
) -> None:
    caps, row = (counted(1000, "tokens"), counted(9, "requests"), at_once(2)), attempt("r1")
    answer = await admitted(store, row, *caps, want=Want(9, 9, 300))
    await store.ledger.settle(answer.reservation, replace(ended(row, 5), output_tokens=10**12))
    assert [counter(database, cap) for cap in caps] == [(300, 0), (1, 0), (0, 0)]
    assert rows_of(database, "outcome, charged_tokens") == [("internal_error", 300)]
    assert store.verify() == []


async def test_the_last_tokens_are_granted_as_a_limited_reservation(store: Store) -> None:
    cap = counted(1000, "tokens")
    await spend(store, "r0", 5, cap)  # 120
    answer = await admitted(store, attempt("r1"), cap, want=Want(9, 9, 900, 400))
    assert (answer.tokens, answer.limited, answer.remaining_tokens) == (880, True, 0)
    assert answer.nusd == 9


async def test_without_a_floor_in_tokens_it_is_all_of_them_or_none(store: Store) -> None:
    cap = counted(1000, "tokens")
    await spend(store, "r0", 5, cap)
    answer = await store.ledger.admit(attempt("r1"), Want(9, 9, 900), (cap,), 0)
    assert answer == Spent(cap, 120, NEXT_MONTH)


async def test_topping_up_tokens_leaves_money_alone_and_money_tokens(
    store: Store, database: Database
) -> None:
    money, tokens, row = company(100), counted(1000, "tokens"), attempt("r1")
    answer = await admitted(store, row, money, tokens, want=Want(30, 30, 300))
    assert await store.ledger.top_up(answer.reservation, 800, "tokens") == 700
    assert await store.ledger.top_up(answer.reservation, 1, "tokens") == 0
    assert (counter(database, money), counter(database, tokens)) == ((0, 30), (0, 1000))
    assert await store.ledger.top_up(answer.reservation, 50) == 50
    assert (counter(database, money), counter(database, tokens)) == ((0, 80), (0, 1000))
    assert rows_of(database, "reserved_nusd, reserved_tokens") == [(80, 1000)]
    assert store.verify() == []


async def test_tokens_recorded_afterwards_count(store: Store, database: Database) -> None:
    cap = counted(1000, "tokens")
    await spend(store, "r0", 5, cap)
    await store.ledger.record(ended(attempt("r1", kind="correction", corrects="r0"), 0))
    assert counter(database, cap) == (240, 0)
    assert store.verify() == []


# Open at once


async def test_who_finds_all_places_taken_waits_for_one(store: Store, database: Database) -> None:
    cap, rows = at_once(2), [attempt("r1"), attempt("r2")]
    taken = [await admitted(store, row, cap) for row in rows]
    waiting = asyncio.create_task(store.ledger.admit(attempt("r3"), FREE, (cap,), 60))
    await line_of(store, 1)
    assert counter(database, cap) == (0, 2)
    await store.ledger.settle(taken[0].reservation, ended(rows[0], 10**6))
    assert isinstance(await waiting, Granted)
    assert counter(database, cap) == (0, 2)
    assert store.verify() == []


async def test_who_waited_in_vain_for_a_place_may_come_back_soon(store: Store) -> None:
    cap = at_once(1)
    await admitted(store, attempt("r1"), cap)
    for wait_s in (0, 0.02):
        answer = await store.ledger.admit(attempt("r2"), FREE, (cap,), wait_s)
        assert answer == Busy(cap, 5, None)


async def test_two_hundred_at_once_never_have_more_open_than_allowed(
    store: Store, database: Database
) -> None:
    cap, most = at_once(7), 0

    async def one(number: int) -> None:
        nonlocal most
        row = attempt(f"r{number}", f"p{number % 5}")
        answer = granted(await store.ledger.admit(row, Want(20, 20), (cap, company(10**9)), 60))
        most = max(most, (counter(database, cap) or (0, 0))[1])
        await asyncio.sleep(0.001)
        await store.ledger.settle(answer.reservation, ended(row, 10))

    await asyncio.gather(*(one(number) for number in range(200)))
    assert most == 7
    assert counter(database, cap) == (0, 0)
    assert store.verify() == []


# Rates


@pytest.mark.parametrize("unit", ["usd", "requests", "tokens"])
async def test_a_minute_that_is_used_up_is_busy_until_its_end_and_never_a_final_no(
    store: Store, unit: str
) -> None:
    cap = minute({"usd": 5, "requests": 1, "tokens": 120}[unit], unit)  # type: ignore[arg-type]  # a unit
    await spend(store, "r1", 5, cap)
    asked = store.ledger.admit(attempt("r2"), Want(1, 1, 1), (cap,), 3600)
    answer = await asyncio.wait_for(asked, 10)
    assert answer == Busy(cap, 1, cap.ends_at)  # that minute is long over


async def test_tokens_of_a_minute_that_are_only_reserved_are_waited_for(store: Store) -> None:
    cap = replace(minute(500, "tokens"), ends_at=NOON.replace(year=2126))
    row = attempt("r1")
    first = await admitted(store, row, cap, want=Want(9, 9, 450))
    waiting = asyncio.create_task(store.ledger.admit(attempt("r2"), Want(9, 9, 300), (cap,), 60))
    await line_of(store, 1)
    await store.ledger.settle(first.reservation, ended(row, 5))
    assert granted(await waiting).tokens == 300


async def test_nobody_waits_for_a_minute_beyond_its_end(store: Store) -> None:
    """The next minute's counter is empty, so it is better to ask again."""
    cap = minute(500, "tokens")
    await admitted(store, attempt("r1"), cap, want=Want(9, 9, 450))
    asked = store.ledger.admit(attempt("r2"), Want(9, 9, 300), (cap,), 3600)
    assert await asyncio.wait_for(asked, 10) == Busy(cap, 1, None)


async def test_a_final_no_comes_before_one_for_a_minute(store: Store) -> None:
    lasting, rate = counted(1, "requests"), minute(5, "usd")
    await spend(store, "r1", 5, lasting, rate)
    for caps in ((lasting, rate), (rate, lasting)):
        assert await store.ledger.admit(attempt("r2"), Want(1, 1), caps, 0) == Spent(lasting, 1, NEXT_MONTH)


# All together


@pytest.mark.parametrize("full", ["money", "requests", "tokens", "open"])
async def test_a_reservation_is_made_in_all_units_or_in_none(
    store: Store, database: Database, full: str
) -> None:
    caps = {
        "money": company(100),
        "requests": counted(3, "requests"),
        "tokens": counted(1000, "tokens"),
        "open": at_once(3),
    }
    caps[full] = replace(caps[full], limit=caps[full].limit // 3)
    first = await admitted(store, attempt("r1"), *caps.values(), want=Want(30, 30, 300))
    assert not isinstance(
        await store.ledger.admit(attempt("r2"), Want(30, 30, 300), tuple(caps.values()), 0), Granted
    )
    held = {name: counter(database, cap) for name, cap in caps.items()}
    assert held == {"money": (0, 30), "requests": (0, 1), "tokens": (0, 300), "open": (0, 1)}
    assert (first.remaining_nusd, first.cap) == (caps["money"].limit - 30, caps["money"])
    assert first.remaining_tokens == caps["tokens"].limit - 300


async def test_rows_that_are_not_budgeted_count_in_no_unit(store: Store, database: Database) -> None:
    caps = (counted(9, "requests"), counted(1000, "tokens"), at_once(5))
    await spend(store, "r0", 5, *caps)
    row = attempt("r1", budgeted=False)
    answer = await admitted(store, row, want=Want(9, 9, 300))
    assert [counter(database, cap) for cap in caps] == [(1, 0), (120, 0), (0, 0)]
    await store.ledger.settle(answer.reservation, ended(row, 0))
    assert [counter(database, cap) for cap in caps] == [(1, 0), (120, 0), (0, 0)]
    assert store.verify() == []
