"""Slices of hot budgets on two nodes: most admissions leave the counter alone, and no sum is ever wrong."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import closing

import pytest
from databases import Database
from sqlalchemy import select
from store_world import attempt, company, ended, granted, person

from sluiceway.store import Busy, Granted, Spent, Store, Want, leasing, locking, nodes, slices
from sluiceway.store.figures import RESERVED, SPENT
from sluiceway.store.shared_writer import SharedWriter
from sluiceway.store.tables import counters
from sluiceway.types import Cap


@pytest.fixture
def engine() -> str:
    return "postgres"


@pytest.fixture
def two(reopen: Callable[..., Store], monkeypatch: pytest.MonkeyPatch) -> tuple[Store, Store]:
    """Two nodes that know of each other, to whom every counter is hot."""
    monkeypatch.setattr(slices, "HOT_PER_S", 0.01)
    both = reopen("a"), reopen("b")
    for store in both:
        writer_of(store)._nodes = 2
    return both


def writer_of(store: Store) -> SharedWriter:
    assert isinstance(store._writer, SharedWriter)
    return store._writer


def sliced(database: Database) -> dict[str, int]:
    """What each node holds of any counter."""
    with closing(database.connect()) as connection:
        found = connection.execute("SELECT node, sum(unused) FROM slices GROUP BY node").fetchall()
    return {node: int(unused) for node, unused in found}


async def serve(store: Store, name: str, times: int, *caps: Cap) -> list[object]:
    """One request after the other, each reserving 20 and charged 13."""
    answers: list[object] = []
    for number in range(times):
        row = attempt(f"{name}-{number}", name)
        answer = await store.ledger.admit(row, Want(20, 20), caps, 30)
        answers.append(answer)
        if isinstance(answer, Granted):
            await store.ledger.settle(answer.reservation, ended(row, 13))
    return answers


async def test_lists_show_what_is_spent_and_reserved_whatever_is_out_in_slices(
    two: tuple[Store, Store],
) -> None:
    cap = company(100_000)
    answers = await serve(two[0], "alice", 20, cap)
    spent = 13 * sum(isinstance(answer, Granted) for answer in answers)
    with two[1].read() as connection:
        asked = select(counters.c.spent, SPENT, RESERVED).where(counters.c.counter == cap.counter)
        told, now, reserved = connection.execute(asked).one()
    assert (now, reserved) == (spent, 0)
    assert told < spent  # else nothing was out in slices, and the test shows nothing


async def test_most_admissions_leave_a_hot_counter_alone(
    two: tuple[Store, Store], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked: list[bool] = []
    real = locking.lock_counters

    def watched(*given: object) -> bool:
        done = real(*given)  # type: ignore[arg-type]  # passed on
        locked.append(not given[1].slices.apart)  # type: ignore[attr-defined]  # the accounts
        return done

    monkeypatch.setattr(locking, "lock_counters", watched)
    cap = company(10**9)
    await asyncio.gather(serve(two[0], "alice", 60, cap), serve(two[1], "bob", 60, cap))
    assert sum(locked) < len(locked) / 2
    assert sliced(database).keys() == {"a", "b"}
    assert two[0].verify() == []
    for store in two:
        store.close()
    assert sliced(database) == {}


async def test_a_cap_that_is_hot_is_used_up_and_never_passed(
    two: tuple[Store, Store], database: Database
) -> None:
    """Worth 3,000 answers of at most 20 to 40 clients on two nodes; money that lies in slices comes back."""
    cap, alices, dice, spent = company(9_000), person(10**6), random.Random(3), [0]
    answers: list[object] = []

    async def client(number: int) -> None:
        store = two[number % 2]
        for turn in range(40):
            row = attempt(f"r{number}-{turn}")
            answer = await store.ledger.admit(row, Want(20, 20), (cap, alices), 60)
            answers.append(answer)
            if not isinstance(answer, Granted):
                return
            charged = dice.randint(5, 20)
            spent[0] += charged
            assert spent[0] <= 9_000
            await store.ledger.settle(answer.reservation, ended(row, charged))

    await asyncio.gather(*(client(number) for number in range(40)))
    assert not [answer for answer in answers if isinstance(answer, Busy)]
    assert any(isinstance(answer, Spent) for answer in answers)
    assert spent[0] > 8_980
    assert two[0].verify() == []


async def test_who_waits_gets_what_lies_idle_on_another_node(
    two: tuple[Store, Store], database: Database
) -> None:
    cap = company(100_000)
    await serve(two[0], "alice", 40, cap)
    held = sliced(database)["a"]
    assert held > 0
    everything = 100_000 - 40 * 13
    answer = await two[1].ledger.admit(attempt("big", "bob"), Want(everything, everything), (cap,), 30)
    assert granted(answer).nusd == everything
    assert two[1].verify() == []


async def test_the_slices_of_a_dead_node_come_back(
    two: tuple[Store, Store], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    cap = company(100_000)
    await serve(two[0], "alice", 40, cap)
    granted(await two[0].ledger.admit(attempt("open"), Want(20, 20), (cap,), 0))
    assert sliced(database)["a"] > 0
    with closing(database.connect()) as connection:
        connection.execute("UPDATE nodes SET seen_at = 0 WHERE node = 'a'")
    monkeypatch.setattr(nodes, "_UP_S", "SELECT 1000000")  # the server has not just started
    writer = writer_of(two[1])
    with writer._turn:
        assert writer._sweep() == 1
    assert "a" not in sliced(database)
    assert two[1].verify() == []
    await serve(two[0], "carol", 3, cap)  # it comes back
    assert two[1].verify() == []


async def test_an_idle_node_gives_its_slices_back(
    two: tuple[Store, Store], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    cap = company(100_000)
    await serve(two[0], "alice", 40, cap)
    assert sliced(database)["a"] > 0
    monkeypatch.setattr(leasing.Leaser, "surplus", lambda self, unused, pool, now_s: unused)
    async with asyncio.timeout(30):
        while sliced(database):  # noqa: ASYNC110 - the writer is another thread
            await asyncio.sleep(0.05)
    assert two[0].verify() == []


async def test_a_charge_above_its_reservation_and_another_limit_go_to_the_counter(
    two: tuple[Store, Store], database: Database
) -> None:
    cap, lower = company(100_000), company(1_000)
    await serve(two[0], "alice", 40, cap)
    row = attempt("dear")
    answer = granted(await two[0].ledger.admit(row, Want(20, 20), (cap,), 0))
    await two[0].ledger.settle(answer.reservation, ended(row, 50_000))
    assert two[0].verify() == []
    assert isinstance(await two[0].ledger.admit(attempt("late"), Want(20, 20), (lower,), 0), Spent)
    await serve(two[0], "bob", 3, cap)
    assert two[0].verify() == []
