"""A disk that is full, a database that is locked: nothing is granted, ends are kept, and then it goes on."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from databases import Database
from store_world import attempt, busy_writer, company, counter, ended, granted, line_of, rows_of, spend

from sluiceway.errors import StoreAway, StoreError
from sluiceway.store import Store, Want, orders, writer
from sluiceway.store.amounts import Amounts
from sluiceway.store.engines.connection import Connection
from sluiceway.types import Cap


@pytest.fixture
def engine() -> str:
    """What happens when PostgreSQL is away is in test_shared_failures."""
    return "sqlite"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "RETRY_S", 0.02)


@contextmanager
def full_disk(store: Store) -> Iterator[None]:
    """SQLite refuses to grow the file, as it does when the disk is full."""
    (pages,) = store._run(lambda connection: connection.execute("PRAGMA page_count").fetchone())
    store._run(lambda connection: connection.execute(f"PRAGMA max_page_count = {pages}").fetchone())
    try:
        yield
    finally:
        store._run(lambda connection: connection.execute("PRAGMA max_page_count = 1000000").fetchone())


@contextmanager
def locked(database: Database) -> Iterator[None]:
    """Somebody else holds SQLite's write lock."""
    with closing(database.connect()) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def fill(store: Store, cap: Cap) -> int:
    """Admits until the disk is full; how many were granted."""
    for number in range(10_000):
        row = attempt(f"fill-{number}", model_routed="x" * 500)
        try:
            granted(await store.ledger.admit(row, Want(1, 1), (cap,), 0))
        except StoreError:
            return number
    raise AssertionError("the disk never was full")


async def test_a_full_disk_grants_nothing_and_recovers(store: Store, database: Database) -> None:
    cap = company(10**9)
    await spend(store, "r1", 10, cap)
    with full_disk(store):
        taken = await fill(store, cap)
        with pytest.raises(StoreError, match="the store cannot write: database or disk is full"):
            await store.ledger.admit(attempt("one more", model_routed="x" * 5000), Want(1, 1), (cap,), 0)
        assert counter(database, cap) == (10, taken)
        assert len(rows_of(database, "id")) == 1 + taken
        assert store.verify() == []
    granted(await store.ledger.admit(attempt("after"), Want(5, 5), (cap,), 0))
    assert counter(database, cap) == (10, taken + 5)
    assert store.status()["open_reservations"] == taken + 1
    assert store.verify() == []


async def test_an_end_that_meets_a_locked_database_is_written_later(store: Store, database: Database) -> None:
    store._run(lambda connection: connection.execute("PRAGMA busy_timeout = 1").fetchone())
    cap = company(100)
    rows = [attempt(f"r{number}") for number in range(3)]
    taken = [granted(await store.ledger.admit(row, Want(30, 10), (cap,), 0)) for row in rows]
    with locked(database):
        ends = [
            store.ledger.settle(answer.reservation, ended(row, 12))
            for row, answer in zip(rows, taken, strict=True)
        ]
        with pytest.raises(StoreError, match="locked"):
            await store.ledger.admit(attempt("r9"), Want(5, 5), (cap,), 0)
        while store.status()["unsettled"] != 3:  # noqa: ASYNC110 - between two tries of another thread
            await asyncio.sleep(0.001)
        assert not any(end.done() for end in ends)
        assert counter(database, cap) == (0, 90)  # the reservations hold
    await asyncio.wait_for(asyncio.gather(*ends), 30)
    assert counter(database, cap) == (36, 0)
    assert rows_of(database, "request_id, outcome") == [("r0", "ok"), ("r1", "ok"), ("r2", "ok")]
    assert store.verify() == []


async def test_everybody_in_a_failing_batch_hears_of_it(store: Store, database: Database) -> None:
    store._run(lambda connection: connection.execute("PRAGMA busy_timeout = 1").fetchone())
    cap = company(100)
    answer = granted(await store.ledger.admit(attempt("r1"), Want(10, 10), (cap,), 0))
    with locked(database):
        tasks = [
            asyncio.create_task(store.ledger.admit(attempt("r2"), Want(10, 10), (cap,), 60)),
            asyncio.create_task(store.ledger.admit(attempt("r3"), Want(1000, 1000), (cap,), 60)),
            asyncio.create_task(store.ledger.top_up(answer.reservation, 10)),
            asyncio.create_task(store.ledger.record(ended(attempt("r4"), 0))),
        ]
        results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [StoreAway] * 4
    assert counter(database, cap) == (0, 10)
    assert store.verify() == []


async def test_a_failover_in_a_failing_batch_keeps_the_end_of_the_first_attempt(
    store: Store, database: Database
) -> None:
    store._run(lambda connection: connection.execute("PRAGMA busy_timeout = 1").fetchone())
    cap, row = company(100), attempt("r1")
    first = granted(await store.ledger.admit(row, Want(30, 10), (cap,), 0))
    with locked(database), pytest.raises(StoreError):
        await store.ledger.replace(
            first.reservation, ended(row, 9), attempt("r1", attempt=2), Want(30, 10), (cap,), 60
        )
    async with asyncio.timeout(30):
        while store.status()["unsettled"]:  # noqa: ASYNC110 - the writer is another thread
            await asyncio.sleep(0.005)
    assert counter(database, cap) == (9, 0)
    assert rows_of(database, "attempt, outcome") == [(1, "ok")]


async def test_who_waits_goes_on_waiting_through_a_failed_batch(store: Store, database: Database) -> None:
    store._run(lambda connection: connection.execute("PRAGMA busy_timeout = 1").fetchone())
    cap, row = company(100), attempt("r1")
    first = granted(await store.ledger.admit(row, Want(90, 90), (cap,), 0))
    waiting = asyncio.create_task(store.ledger.admit(attempt("r2"), Want(50, 50), (cap,), 60))
    await line_of(store, 1)
    with locked(database):
        done = store.ledger.settle(first.reservation, ended(row, 10))
        with pytest.raises(StoreError):
            await store.ledger.record(ended(attempt("r3"), 0))
    await done
    assert granted(await waiting).nusd == 50
    assert counter(database, cap) == (10, 50)


async def test_who_waits_is_not_forgotten_when_the_database_stays_away(
    store: Store, database: Database
) -> None:
    store._run(lambda connection: connection.execute("PRAGMA busy_timeout = 1").fetchone())
    cap = company(100)
    granted(await store.ledger.admit(attempt("r1"), Want(90, 90), (cap,), 0))
    waiting = asyncio.create_task(store.ledger.admit(attempt("r2"), Want(50, 50), (cap,), 0.2))
    await line_of(store, 1)
    with locked(database), pytest.raises(StoreError):
        await waiting
    assert store.status()["waiting"] == 0


class FlakyDisk:
    """The writer's connection on a disk that reports one failed commit, which may yet have landed."""

    def __init__(self, real: sqlite3.Connection, lands: bool) -> None:
        self._real = real
        self._lands = lands
        self._fails = True

    def execute(self, statement: str, *parameters: object) -> sqlite3.Cursor:
        if statement != "COMMIT" or not self._fails:
            return self._real.execute(statement, *parameters)  # type: ignore[arg-type]  # passed on as given
        self._fails = False
        if self._lands:
            self._real.execute("COMMIT")
        raise sqlite3.OperationalError("disk I/O error")

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)


def let_next_commit_fail(store: Store, lands: bool) -> None:
    assert store._writer is not None
    store._writer._file = FlakyDisk(store._writer._file, lands)  # type: ignore[assignment]  # a fake


@pytest.mark.parametrize("lands", [True, False], ids=["yet it landed", "it did not land"])
async def test_an_admission_whose_commit_failed_holds_nothing(
    store: Store, database: Database, lands: bool
) -> None:
    cap = company(100)
    await spend(store, "r0", 10, cap)
    let_next_commit_fail(store, lands)
    with pytest.raises(StoreError, match="disk I/O error"):
        await store.ledger.admit(attempt("r1"), Want(30, 10), (cap,), 60)
    await store.ledger.record(ended(attempt("r2"), 0))
    assert counter(database, cap) == (10, 0)
    assert store.status()["open_reservations"] == store.status()["unsettled"] == 0
    assert store.verify() == []


@pytest.mark.parametrize("lands", [True, False], ids=["yet it landed", "it did not land"])
async def test_an_end_whose_commit_failed_is_written_once(
    store: Store, database: Database, lands: bool
) -> None:
    cap = company(100)
    answer = granted(await store.ledger.admit(attempt("r1"), Want(30, 10), (cap,), 0))
    let_next_commit_fail(store, lands)
    await store.ledger.settle(answer.reservation, ended(attempt("r1"), 12))
    assert counter(database, cap) == (12, 0)
    assert store.verify() == []


@pytest.mark.parametrize("lands", [True, False], ids=["yet it landed", "it did not land"])
async def test_who_was_let_in_by_a_batch_that_failed_is_told(
    store: Store, database: Database, lands: bool
) -> None:
    cap, row = company(100), attempt("r1")
    first = granted(await store.ledger.admit(row, Want(90, 90), (cap,), 0))
    waiting = asyncio.create_task(store.ledger.admit(attempt("r2"), Want(50, 50), (cap,), 60))
    await line_of(store, 1)
    let_next_commit_fail(store, lands)
    done = store.ledger.settle(first.reservation, ended(row, 10))
    with pytest.raises(StoreError):
        await waiting
    await done
    await store.ledger.record(ended(attempt("r3"), 0))
    assert counter(database, cap) == (10, 0)
    assert store.verify() == []


async def test_who_waits_for_a_counter_that_was_undone_gets_it_again(
    store: Store, database: Database
) -> None:
    cap, row = company(100), attempt("r1")
    first = granted(await store.ledger.admit(row, Want(90, 90), (), 0))
    let_next_commit_fail(store, lands=False)
    waiting = asyncio.create_task(store.ledger.admit(attempt("r2"), Want(50, 50), (cap,), 60))
    await line_of(store, 1)
    await store.ledger.settle(first.reservation, ended(row, 10))
    assert granted(await waiting).nusd == 50
    assert counter(database, cap) == (10, 50)
    assert store.verify() == []


async def test_a_late_cancellation_cannot_touch_another_row(store: Store, database: Database) -> None:
    """The number of a row that was undone is not given to the next one."""
    cap = company(100)
    undone = store.ledger._admission(attempt("r1"), Want(30, 30), (cap,), 60)
    let_next_commit_fail(store, lands=False)
    with pytest.raises(StoreError):
        await store.ledger._admitted(undone, attempt("r1"))
    granted(await store.ledger.admit(attempt("r2"), Want(40, 40), (cap,), 0))
    assert store._writer is not None
    store._writer.submit(orders.Cancel(undone))
    await store.ledger.record(ended(attempt("r3"), 0))
    assert counter(database, cap) == (0, 40)


async def test_after_close_everything_is_refused(store: Store) -> None:
    answer = granted(await store.ledger.admit(attempt("r1"), Want(90, 90), (company(100),), 0))
    waiting = asyncio.create_task(store.ledger.admit(attempt("r2"), Want(50, 50), (company(100),), 60))
    await line_of(store, 1)
    store.close()
    with pytest.raises(StoreError, match="closing"):
        await waiting
    for act in (
        store.ledger.admit(attempt("r3"), Want(1, 1), (), 0),
        store.ledger.top_up(answer.reservation, 1),
        store.ledger.record(ended(attempt("r4"), 0)),
    ):
        with pytest.raises(StoreError, match="closed"):
            await act
    store.close()  # harmless


async def test_work_that_fails_is_undone_alone(store: Store, database: Database) -> None:
    store.people.add("alice", "employee", "core")
    with busy_writer(store):
        task = asyncio.create_task(store.ledger.record(ended(attempt("r1"), 0)))
        await asyncio.sleep(0)
        twice = asyncio.create_task(asyncio.to_thread(store.people.add, "alice", "employee", "core"))
        await asyncio.sleep(0.01)
    with pytest.raises(StoreError, match="exists"):
        await twice
    await task
    assert len(rows_of(database, "id")) == 1


async def test_a_writer_that_dies_leaves_nobody_waiting(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    cap = company(100)
    granted(await store.ledger.admit(attempt("r1"), Want(90, 90), (cap,), 0))
    waiting = asyncio.create_task(store.ledger.admit(attempt("r2"), Want(50, 50), (cap,), 60))
    await line_of(store, 1)

    def die(_: Connection) -> None:
        raise SystemExit

    with pytest.raises(StoreError):
        await asyncio.to_thread(store._run, die)
    with pytest.raises(StoreError):
        await waiting
    with pytest.raises(StoreError, match="closed"):
        await store.ledger.admit(attempt("r3"), Want(1, 1), (), 0)
    assert "SystemExit at test_store_failures.py" in caplog.text


async def test_a_fault_of_ours_fails_one_batch_and_is_logged_by_its_place(
    store: Store, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """A value that no check foresaw: nothing is granted, nothing hangs, the next request is served."""
    cap = company(100)
    order = store.ledger._admission(attempt("r1"), Want(10, 10), (cap,), 0)
    order.caps = ()  # no longer as many as keys
    with pytest.raises(StoreError, match=r"the store cannot write: ValueError at batch.py:\d+"):
        await store.ledger._admitted(order, attempt("r1"))
    granted(await store.ledger.admit(attempt("r2"), Want(10, 10), (cap,), 0))
    assert counter(database, cap) == (0, 10)
    assert "ValueError at batch.py" in caplog.text


LETS_SPEND = {
    "admission": (orders.Admit, {}, True),
    "top-up": (orders.TopUp, {}, False),
    "work": (orders.Work, {}, True),
    "a charge without a reservation": (orders.Record, {"charged": Amounts(usd=1)}, True),
    "refusal": (orders.Record, {"charged": Amounts(tokens=9)}, False),
    "end": (orders.Settle, {}, False),
    "cancellation": (orders.Cancel, {}, False),
}


@pytest.mark.parametrize(("kind", "values", "forced"), LETS_SPEND.values(), ids=LETS_SPEND.keys())
def test_whatever_lets_money_be_spent_waits_for_the_disk(
    kind: type, values: dict[str, Amounts], forced: bool
) -> None:
    order = object.__new__(kind)
    for name, value in values.items():
        setattr(order, name, value)
    assert orders.must_survive(order) is forced


async def test_a_batch_that_may_serve_the_line_waits_for_the_disk(store: Store) -> None:
    cap, row = company(100), attempt("r1")
    assert store._writer is not None
    first = granted(await store.ledger.admit(row, Want(90, 90), (cap,), 0))
    assert store._writer._forced
    await store.ledger.settle(first.reservation, ended(row, 10))
    assert not store._writer._forced
    second_row = attempt("r2")
    second = granted(await store.ledger.admit(second_row, Want(90, 90), (cap,), 0))
    waiting = asyncio.create_task(store.ledger.admit(attempt("r3"), Want(50, 50), (cap,), 60))
    await line_of(store, 1)
    await store.ledger.settle(second.reservation, ended(second_row, 10))
    granted(await waiting)
    assert store._writer._forced
