"""Two nodes on one PostgreSQL database: caps hold, the dead are settled once, sleepers do no harm."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import closing

import pytest
from databases import Database
from store_world import (
    at_once,
    attempt,
    company,
    counter,
    ended,
    granted,
    line_of,
    minute,
    person,
    rows_of,
    spend,
    team,
)

from sluiceway.store import Busy, Granted, Spent, Store, Want, nodes
from sluiceway.store.corrections import Truth, Which
from sluiceway.store.shared_writer import SharedWriter


@pytest.fixture
def engine() -> str:
    return "postgres"


@pytest.fixture
def two(reopen: Callable[..., Store]) -> tuple[Store, Store]:
    return reopen("a"), reopen("b")


def silence(database: Database, boot: str) -> None:
    """As if the node had said nothing for a lease."""
    with closing(database.connect()) as connection:
        connection.execute("UPDATE nodes SET seen_at = 0 WHERE node = ?", (boot,))


def swept_by(store: Store, monkeypatch: pytest.MonkeyPatch) -> int:
    """What a node settles for the dead when it looks for them now."""
    monkeypatch.setattr(nodes, "_UP_S", "SELECT 1000000")  # the server has not just started
    writer = store._writer
    assert isinstance(writer, SharedWriter)
    with writer._turn:
        return writer._sweep()


async def test_two_nodes_together_never_pass_a_cap_and_use_all_of_it(
    two: tuple[Store, Store], database: Database
) -> None:
    """Worth 50 answers of at most 20: each reserves 20 and is charged 10 to 20, so at least 50 are served."""
    cap, alices, dice = company(1000), person(10**6), random.Random(7)
    answers: list[object] = []

    async def client(number: int) -> None:
        store, row = two[number % 2], attempt(f"r{number}", team=f"t{number % 3}")
        caps = (cap, alices, team(10**6, row.team))
        answer = await store.ledger.admit(row, Want(20, 20), caps, 60)
        answers.append(answer)
        spent, reserved = counter(database, cap) or (0, 0)
        assert spent + reserved <= 1000
        if isinstance(answer, Granted):
            await asyncio.sleep(0.001)
            await store.ledger.settle(answer.reservation, ended(row, dice.randint(10, 20)))

    await asyncio.gather(*(client(number) for number in range(200)))
    spent, reserved = counter(database, cap) or (0, 0)
    assert reserved == 0
    assert 980 < spent <= 1000
    assert not [answer for answer in answers if isinstance(answer, Busy)]
    assert sum(isinstance(answer, Spent) for answer in answers) <= 150
    assert [store.verify() for store in two] == [[], []]


async def test_money_that_another_node_frees_lets_in_who_waits_here(two: tuple[Store, Store]) -> None:
    cap, row = company(100), attempt("r1")
    first = granted(await two[0].ledger.admit(row, Want(90, 90), (cap,), 0))
    waiting = asyncio.create_task(two[1].ledger.admit(attempt("r2"), Want(50, 50), (cap,), 60))
    await line_of(two[1], 1)
    await two[0].ledger.settle(first.reservation, ended(row, 10))
    assert granted(await waiting).nusd == 50


async def test_nobody_is_finally_refused_while_money_is_only_reserved_elsewhere(
    two: tuple[Store, Store],
) -> None:
    cap = company(100)
    granted(await two[0].ledger.admit(attempt("r1"), Want(90, 90), (cap,), 0))
    assert isinstance(await two[1].ledger.admit(attempt("r2"), Want(50, 50), (cap,), 0.05), Busy)


async def test_a_counter_that_one_node_makes_covers_the_rows_of_the_other(
    two: tuple[Store, Store], database: Database
) -> None:
    row, caps = attempt("r1"), (person(100), at_once(9), minute(9))
    held = granted(await two[0].ledger.admit(row, Want(30, 30), (), 0))
    for number, cap in enumerate(caps):
        other = attempt(f"other-{number}", "bob", team="ops")
        granted(await two[1].ledger.admit(other, Want(1, 1), (company(10**6),), 0))
        granted(await two[1].ledger.admit(attempt(f"same-{number}"), Want(1, 1), (cap,), 0))
    await two[0].ledger.settle(held.reservation, ended(row, 12))
    assert counter(database, caps[0]) == (12, 3)  # r1 and what b holds
    assert counter(database, caps[1]) == (0, 3)
    assert two[0].verify() == []


async def test_many_new_counters_made_at_once_by_both_nodes_miss_nothing(two: tuple[Store, Store]) -> None:
    async def client(number: int) -> None:
        name = f"p{number % 7}"
        caps = (company(10**9), team(10**9, f"t{number % 3}"), person(10**9, name), minute(10**6))
        caps = caps[: 1 + number % 4] if name == "alice" else caps[: 1 + number % 3]
        row = attempt(f"r{number}", name, team=f"t{number % 3}")
        answer = granted(await two[number % 2].ledger.admit(row, Want(5, 5), caps, 30))
        if number % 3:
            await two[number % 2].ledger.settle(answer.reservation, ended(row, 4))

    await asyncio.gather(*(client(number) for number in range(120)))
    assert two[0].verify() == []


async def test_the_rows_of_a_silent_node_are_settled_once_by_whoever_looks(
    two: tuple[Store, Store],
    reopen: Callable[..., Store],
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cap = company(1000)
    for number in range(5):
        granted(await two[0].ledger.admit(attempt(f"r{number}"), Want(30, 30), (cap,), 0))
    third = reopen("c")
    silence(database, "a")
    found = await asyncio.gather(
        *(asyncio.to_thread(swept_by, store, monkeypatch) for store in (two[1], third))
    )
    assert sum(found) == 5
    assert counter(database, cap) == (150, 0)
    assert (
        rows_of(database, "outcome, usage_source, charged_nusd, cost_nusd, owner, swept_from")
        == [("internal_error", "estimated", 30, None, None, "a")] * 5
    )
    assert third.verify() == []


ENDS: dict[str, tuple[int, tuple[int, int]]] = {"less": (12, (42, 0)), "more": (40, (70, 0))}


@pytest.mark.parametrize(("charged", "then"), ENDS.values(), ids=ENDS)
async def test_the_true_end_of_a_row_that_was_swept_takes_the_place_of_the_sweep(
    two: tuple[Store, Store],
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    charged: int,
    then: tuple[int, int],
) -> None:
    cap, row = company(1000), attempt("r1")
    answer = granted(await two[0].ledger.admit(row, Want(30, 30), (cap, at_once(9)), 0))
    granted(await two[0].ledger.admit(attempt("r2"), Want(30, 30), (cap,), 0))
    silence(database, "a")
    assert swept_by(two[1], monkeypatch) == 2
    assert counter(database, cap) == (60, 0)
    await two[0].ledger.settle(answer.reservation, ended(row, charged))
    assert counter(database, cap) == then
    assert rows_of(database, "outcome, charged_nusd, owner, swept_from") == [
        ("ok", charged, None, None),
        ("internal_error", 30, None, "a"),
    ]
    assert two[0].verify() == []
    granted(await two[0].ledger.admit(attempt("r3"), Want(30, 30), (cap,), 0))  # it is back


async def test_a_swept_row_that_somebody_corrected_stays_as_it_was_corrected(
    two: tuple[Store, Store], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    cap, row = company(1000), attempt("r1")
    answer = granted(await two[0].ledger.admit(row, Want(30, 30), (cap,), 0))
    silence(database, "a")
    assert swept_by(two[1], monkeypatch) == 1
    truth = Truth(Which("r1"), 20, 20, "list", "by hand")
    assert await asyncio.to_thread(two[1].corrections.write, [truth]) == [True]
    await two[0].ledger.settle(answer.reservation, ended(row, 12))
    assert counter(database, cap) == (20, 0)
    assert two[0].verify() == []


async def test_a_stream_whose_row_was_swept_may_be_topped_up_and_cancelled(
    two: tuple[Store, Store], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    cap, row = company(100), attempt("r1")
    answer = granted(await two[0].ledger.admit(row, Want(30, 30), (cap,), 0))
    silence(database, "a")
    assert swept_by(two[1], monkeypatch) == 1
    assert await two[0].ledger.top_up(answer.reservation, 90) == 70
    assert counter(database, cap) == (0, 100)
    await two[0].ledger.settle(answer.reservation, ended(row, 55))
    assert counter(database, cap) == (55, 0)


async def test_people_added_on_one_node_are_known_on_the_other(two: tuple[Store, Store]) -> None:
    _, token = await asyncio.to_thread(two[0].people.add, "alice", "employee", "core")
    await two[1].refresh_directory()
    assert two[1].directory.lookup("alice", token).principal.name == "alice"  # type: ignore[union-attr]  # known


async def test_counters_deleted_by_one_node_are_found_anew_by_the_other(
    two: tuple[Store, Store], database: Database
) -> None:
    cap = minute(9)
    await spend(two[0], "r1", 1, cap)
    with closing(database.connect()) as connection:
        connection.execute("DELETE FROM counters")
    await spend(two[0], "r2", 1, cap, company(100))
    assert counter(database, cap) == (2, 0)
    assert counter(database, company(100)) == (2, 0)


def test_status_counts_the_nodes(two: tuple[Store, Store], monkeypatch: pytest.MonkeyPatch) -> None:
    for store in two:
        assert isinstance(store._writer, SharedWriter)
        store._writer._next_beat = 0
        store.events.record("a", "deed", {})
    store.events.record("so that", "one batch is over", {})
    assert two[1].status()["nodes"] == 2
    assert two[1].status()["store_away"] == 0
