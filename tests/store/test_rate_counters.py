"""The counters of minutes and hours: when to come back, and that they come and go without piling up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest
from databases import Database
from store_world import (
    NOON,
    at_once,
    attempt,
    company,
    counted,
    counter,
    ended,
    granted,
    minute,
    person,
    spend,
)

from sluiceway.store import Busy, Store, Want
from sluiceway.store.accounts import Accounts
from sluiceway.store.admission import Line
from sluiceway.store.amounts import Amounts
from sluiceway.store.balances import OPEN_ROWS, OVER, let_go, load
from sluiceway.store.batch import Batch
from sluiceway.store.moments import to_us
from sluiceway.store.orders import Admit
from sluiceway.store.rows import opening
from sluiceway.store.scope import who_is
from sluiceway.types import Cap

HOUR = replace(minute(1), window="hour", ends_at=NOON + timedelta(hours=1))


def order(name: str, cap: Cap, deadline: float = 0.0) -> Admit:
    row, amounts = attempt(name), Amounts(1, 1, 100, 1)
    reply: asyncio.Future[object] = asyncio.get_running_loop().create_future()
    return Admit(
        params=opening(row),
        who=who_is(row),
        started_us=to_us(row.started_at),
        budgeted=True,
        most=amounts,
        least=amounts,
        caps=(cap,),
        keys=(cap.counter,),
        deadline=deadline,
        reply=reply,  # type: ignore[arg-type]  # its type is the answer's
    )


def second_of_two(database: Database, cap: Cap, after: timedelta, deadline: float = 0.0) -> object:
    """The answer, if there is one, to the second of two requests that come so long after noon, at 50 s on
    the monotonic clock; and until when it would wait."""
    with closing(database.connect()) as connection:
        now_us = to_us(NOON + after)
        batch = Batch(connection, load(connection, to_us(NOON)), Line(), "boot", now_us, 50.0)
        second = order("r2", cap, deadline)
        batch.run([order("r1", cap), second])
        answers = [answer for reply, answer in batch.replies if reply is second.reply]
    return answers[0] if answers else second.deadline


USED_UP = {
    "seconds before its end": (minute(1), timedelta(seconds=47.5), 13),
    "its first moment": (minute(1), timedelta(0), 60),
    "its last moment": (minute(1), timedelta(seconds=59.999), 1),
    "a second after its end": (minute(1), timedelta(seconds=61), 1),
    "an hour: no longer than a minute": (HOUR, timedelta(minutes=5), 60),
    "the end of an hour": (HOUR, timedelta(minutes=59, seconds=40), 20),
}


@pytest.mark.parametrize(("cap", "after", "seconds"), USED_UP.values(), ids=USED_UP.keys())
async def test_a_rate_that_is_used_up_says_when_to_come_back(
    database: Database, cap: Cap, after: timedelta, seconds: int
) -> None:
    assert second_of_two(database, cap, after) == Busy(cap, seconds, cap.ends_at)


RESERVED = {
    "soon": (minute(150, "tokens"), timedelta(seconds=10), 5),
    "the end of the minute is sooner": (minute(150, "tokens"), timedelta(seconds=57), 3),
    "a place": (at_once(1), timedelta(seconds=57), 5),
    "a month": (counted(150, "tokens"), timedelta(seconds=57), 5),
}


@pytest.mark.parametrize(("cap", "after", "seconds"), RESERVED.values(), ids=RESERVED.keys())
async def test_what_is_only_reserved_may_be_asked_for_again_soon(
    database: Database, cap: Cap, after: timedelta, seconds: int
) -> None:
    assert second_of_two(database, cap, after) == Busy(cap, seconds, None)


WAITS = {
    "a minute: until its end": (minute(150, "tokens"), 50.0 + 13.0),
    "a place: as long as it may": (at_once(1), 1000.0),
    "a month: as long as it may": (counted(150, "tokens"), 1000.0),
}


@pytest.mark.parametrize(("cap", "until"), WAITS.values(), ids=WAITS.keys())
async def test_the_wait_for_a_minute_ends_with_it(database: Database, cap: Cap, until: float) -> None:
    assert second_of_two(database, cap, timedelta(seconds=47), deadline=1000.0) == until


# Coming and going


NOBODY = Accounts(1, 0)


def clear(store: Store, at: timedelta, accounts: Accounts = NOBODY) -> None:
    """Deletes what ended until so long after noon and is not in the accounts, as housekeeping does."""
    store._run(lambda connection: let_go(connection, accounts, to_us(NOON + at)))


async def test_counters_of_minutes_and_hours_that_are_over_are_deleted_and_no_others(
    store: Store, database: Database
) -> None:
    hour = replace(HOUR, limit=9)
    day = replace(person(100), starts_at=NOON, ends_at=hour.ends_at)
    gone = (minute(9), minute(9, "usd"), hour)
    kept = (company(100), counted(9, "requests"), at_once(3), day)
    await spend(store, "r1", 1, *gone, *kept)
    clear(store, timedelta(hours=1))
    assert [counter(database, cap) for cap in gone] == [None, None, None]
    assert [counter(database, cap) for cap in kept] == [(1, 0), (1, 0), (0, 0), (1, 0)]
    assert store.verify() == []


async def test_a_minute_that_ends_this_moment_is_over_and_one_that_does_not_is_not(
    store: Store, database: Database
) -> None:
    await spend(store, "r1", 1, minute(9))
    clear(store, timedelta(seconds=59, microseconds=999_999))
    assert counter(database, minute(9)) == (1, 0)
    clear(store, timedelta(minutes=1))
    assert counter(database, minute(9)) is None


async def test_a_counter_in_use_is_not_deleted(store: Store, database: Database) -> None:
    cap, row = minute(9), attempt("r1")
    answer = granted(await store.ledger.admit(row, Want(1, 1), (cap,), 0))
    writer = store._writer
    assert writer is not None
    accounts = writer._accounts
    assert accounts is not None
    store._run(lambda _: accounts.forget(2**62, set()))
    clear(store, timedelta(days=9), accounts)
    assert counter(database, cap) == (0, 1)
    await store.ledger.settle(answer.reservation, ended(row, 1))
    assert counter(database, cap) == (1, 0)


async def test_a_deleted_counter_that_is_asked_for_again_has_its_balance(
    reopen: Callable[..., Store], database: Database
) -> None:
    cap = minute(3)
    store = reopen("boot-1")
    await spend(store, "r1", 1, cap)
    await spend(store, "r2", 1, cap)
    store.close()
    store = reopen("boot-2")
    clear(store, timedelta(days=1))
    await store.ledger.record(ended(attempt("r3", attempt=2), 5))
    assert counter(database, cap) is None
    await spend(store, "r4", 1, cap)
    assert counter(database, cap) == (3, 0)
    assert isinstance(await store.ledger.admit(attempt("r5"), Want(1, 1), (cap,), 0), Busy)
    assert store.verify() == []


async def test_housekeeping_deletes_after_a_day_and_forgets_after_minutes(
    reopen: Callable[..., Store], database: Database
) -> None:
    store = reopen("boot-1")  # by the wall clock, the minute at noon was days ago
    await spend(store, "r1", 1, minute(9), company(100))
    writer = store._writer
    assert writer is not None
    assert writer._accounts is not None
    assert len(writer._accounts.counters) == 2
    store.close()  # tidies up
    assert (counter(database, minute(9)), counter(database, company(100))) == (None, (1, 0))
    assert reopen("boot-2").verify() == []


@pytest.mark.parametrize("engine", ["sqlite"])
def test_the_search_for_old_counters_and_open_rows_does_not_grow_with_history(database: Database) -> None:
    with closing(database.connect()) as connection:
        plans = [
            str(connection.execute(f"EXPLAIN QUERY PLAN {query}", (5,)).fetchall())
            for query in (
                OVER,
                f"{OPEN_ROWS}SELECT count(*) FROM open_rows WHERE budgeted AND started_at >= ?",
            )
        ]
    assert "counters_rates" in plans[0]
    assert "ledger_open" in plans[1]
