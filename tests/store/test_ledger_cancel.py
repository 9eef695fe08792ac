"""Clients that go away: whenever it happens, nothing stays reserved and no row stays open."""

from __future__ import annotations

import asyncio
import concurrent.futures
from dataclasses import replace

import pytest
from databases import Database
from store_world import attempt, busy_writer, company, counter, ended, granted, line_of, rows_of, spend

from sluiceway.store import Granted, Store, Want
from sluiceway.store.sqlite_writer import SqliteWriter
from sluiceway.store.syncer import Unsynced
from sluiceway.types import LedgerRow, Outcome


async def settled_down(store: Store) -> None:
    await asyncio.to_thread(store.events.record, "barrier", "test", {})


async def committed(store: Store) -> None:
    """Two turns of the loop, then this thread blocks until what they ordered is on disk and answered."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    store.events.record("barrier", "test", {})
    if isinstance(store._writer, SqliteWriter):
        synced: concurrent.futures.Future[None] = concurrent.futures.Future()
        store._writer._syncer.force(Unsynced([(synced, None)], []))
        synced.result(10)


async def test_cancelled_before_the_writer_saw_it(store: Store, database: Database) -> None:
    cap = company(100)
    await spend(store, "r0", 10, cap)
    with busy_writer(store):
        task = asyncio.create_task(store.ledger.admit(attempt("r1"), Want(30, 10), (cap,), 60))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await settled_down(store)
    assert counter(database, cap) == (10, 0)
    assert store.status()["open_reservations"] == 0
    assert store.verify() == []


async def test_cancelled_while_waiting_leaves_no_row_and_lets_others_in(
    store: Store, database: Database
) -> None:
    cap = company(100)
    granted(await store.ledger.admit(attempt("r1"), Want(60, 60), (cap,), 0))
    waiting = asyncio.create_task(store.ledger.admit(attempt("r2"), Want(80, 80), (cap,), 60))
    behind = asyncio.create_task(store.ledger.admit(attempt("r3"), Want(40, 40), (cap,), 60))
    await line_of(store, 2)
    waiting.cancel()
    assert granted(await behind).nusd == 40
    assert rows_of(database, "request_id") == [("r1",), ("r3",)]
    assert counter(database, cap) == (0, 100)


@pytest.mark.parametrize("turns", range(5))
async def test_cancelled_around_the_moment_the_answer_arrives(
    store: Store, database: Database, turns: int
) -> None:
    """After 0 turns of the loop the answer is on disk but not delivered, after 1 delivered but not read."""
    cap = company(100)
    task = asyncio.create_task(store.ledger.admit(attempt("r1"), Want(30, 10), (cap,), 60))
    await committed(store)
    assert counter(database, cap) == (0, 30)
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    (answer,) = await asyncio.gather(task, return_exceptions=True)
    await settled_down(store)
    if isinstance(answer, Granted):
        assert counter(database, cap) == (0, 30)
        await store.ledger.settle(answer.reservation, ended(attempt("r1"), 3))
        assert counter(database, cap) == (3, 0)
    else:
        assert isinstance(answer, asyncio.CancelledError)
        assert counter(database, cap) == (0, 0)
        assert rows_of(database, "outcome, charged_nusd, reserved_nusd, owner") == [
            ("client_cancelled", 0, 0, None)
        ]
    assert store.verify() == []


@pytest.mark.parametrize("turns", range(5))
async def test_the_row_of_who_left_is_there_once_and_spoils_nobody_elses_batch(
    store: Store, database: Database, caplog: pytest.LogCaptureFixture, turns: int
) -> None:
    """Whoever asked writes the end of it as well, not knowing how far the writer had come."""
    cap = company(100)
    task = asyncio.create_task(store.ledger.admit(attempt("r1"), Want(30, 10), (cap,), 60))
    await committed(store)
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    (answer,) = await asyncio.gather(task, return_exceptions=True)
    if isinstance(answer, Granted):
        await store.ledger.settle(answer.reservation, gone())
    else:
        await asyncio.gather(store.ledger.record(gone()), spend(store, "r2", 0, cap))
    assert rows_of(database, "outcome, charged_nusd, owner")[0] == ("client_cancelled", 0, None)
    assert store.verify() == []
    assert "failed" not in caplog.text


async def test_who_left_the_line_has_a_row_too(store: Store, database: Database) -> None:
    cap = company(100)
    granted(await store.ledger.admit(attempt("r0"), Want(60, 60), (cap,), 0))
    waiting = asyncio.create_task(store.ledger.admit(attempt("r1"), Want(80, 80), (cap,), 60))
    await line_of(store, 1)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await store.ledger.record(gone())
    assert rows_of(database, "request_id, outcome") == [("r0", "open"), ("r1", "client_cancelled")]


def gone() -> LedgerRow:
    return replace(ended(attempt("r1"), 0), outcome=Outcome.CLIENT_CANCELLED)


async def test_both_sides_of_that_moment_are_tried(store: Store) -> None:
    """The test above would prove little if every number of turns ended the same way."""
    ends = set()
    for turns in range(5):
        task = asyncio.create_task(store.ledger.admit(attempt(f"r{turns}"), Want(1, 1), (), 60))
        await committed(store)
        for _ in range(turns):
            await asyncio.sleep(0)
        ends.add("done" if task.done() else "pending")
        await task
    assert ends == {"done", "pending"}


async def test_a_cancelled_failover_ends_the_first_attempt_all_the_same(
    store: Store, database: Database
) -> None:
    cap = company(100)
    row = attempt("r1")
    first = granted(await store.ledger.admit(row, Want(30, 10), (cap,), 0))
    with busy_writer(store):
        task = asyncio.create_task(
            store.ledger.replace(
                first.reservation, ended(row, 9), attempt("r1", attempt=2), Want(20, 10), (cap,), 60
            )
        )
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await settled_down(store)
    assert counter(database, cap) == (9, 0)
    assert rows_of(database, "attempt, outcome, charged_nusd") == [(1, "ok", 9), (2, "client_cancelled", 0)]


async def test_a_cancelled_top_up_is_given_back_with_the_rest(store: Store, database: Database) -> None:
    cap = company(100)
    answer = granted(await store.ledger.admit(attempt("r1"), Want(30, 10), (cap,), 0))
    with busy_writer(store):
        task = asyncio.create_task(store.ledger.top_up(answer.reservation, 40))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        done = store.ledger.settle(answer.reservation, ended(attempt("r1"), 12))
    await done
    assert counter(database, cap) == (12, 0)
    assert store.verify() == []


async def test_fifty_cancelled_at_random_leave_nothing_behind(store: Store, database: Database) -> None:
    cap = company(100)

    async def one(number: int) -> None:
        row = attempt(f"r{number}")
        answer = await store.ledger.admit(row, Want(20, 20), (cap,), 60)
        assert isinstance(answer, Granted)
        try:
            await asyncio.sleep(0.001)
        finally:
            store.ledger.settle(answer.reservation, ended(row, 0))

    tasks = [asyncio.create_task(one(number)) for number in range(50)]
    for number, task in enumerate(tasks):
        await asyncio.sleep(0.0005)
        if number % 3:
            task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await settled_down(store)
    assert counter(database, cap) == (0, 0)
    assert store.status()["open_reservations"] == store.status()["waiting"] == 0
    assert store.verify() == []
