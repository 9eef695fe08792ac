"""Corrections stand beside rows, move the counters by the difference, and are made once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from databases import Database, file
from hypothesis import given, settings
from hypothesis import strategies as st
from store_world import NOON, attempt, company, counter, ended, granted, person, rows_of, spend, team

from sluiceway.errors import StoreError
from sluiceway.store import Store, Want
from sluiceway.store.corrections import Event, Standing, Truth, Which
from sluiceway.store.scope import Scope
from sluiceway.types import Cap, Outcome

CAPS = (company(1000), team(1000), person(1000))
FIGURES = "kind, corrects, cost_nusd, charged_nusd, charged_tokens, requests, input_tokens, usage_source"


def truth(
    request_id: str, nusd: int, charged: int | None = None, seen: Standing | None = None, attempt: int = 1
) -> Truth:
    return Truth(
        Which(request_id, attempt), nusd, nusd if charged is None else charged, "list", "by hand", seen
    )


@pytest.mark.parametrize("now", [0, 5, 40, 100])
async def test_the_difference_stands_beside_the_row_and_on_every_counter(
    store: Store, database: Database, now: int
) -> None:
    await spend(store, "r", 40, *CAPS)
    before = rows_of(database, "*")
    assert await asyncio.to_thread(store.corrections.write, [truth("r", now)]) == [now != 40]
    assert rows_of(database, "*")[:1] == before
    if now != 40:
        assert rows_of(database, FIGURES)[1:] == [("correction", "r", now - 40, now - 40, 0, 0, None, "none")]
    assert [counter(database, cap) for cap in CAPS] == [(now, 0)] * 3
    assert store.verify() == []


async def test_the_same_correction_is_made_once(store: Store, database: Database) -> None:
    await spend(store, "r", 40, *CAPS)
    seen = Standing(40, 40)
    made = await asyncio.gather(
        *(asyncio.to_thread(store.corrections.write, [truth("r", 50, seen=seen)]) for _ in range(5))
    )
    assert sorted(each for (each,) in made) == [False] * 4 + [True]
    assert store.corrections.write([truth("r", 50)]) == [False]
    assert counter(database, CAPS[0]) == (50, 0)


async def test_a_row_that_was_corrected_meanwhile_is_left_alone(store: Store, database: Database) -> None:
    await spend(store, "r", 40, *CAPS)
    assert store.corrections.write([truth("r", 50), truth("r", 60, seen=Standing(40, 40))]) == [True, False]
    assert store.corrections.write([truth("r", 30)]) == [True]
    assert rows_of(database, "cost_nusd") == [(40,), (10,), (-20,)]
    assert store.verify() == []


async def test_an_unknown_cost_becomes_known_and_its_bound_is_given_back(
    store: Store, database: Database
) -> None:
    row = attempt("r")
    answer = granted(await store.ledger.admit(row, Want(90, 90), CAPS, 0))
    await store.ledger.settle(
        answer.reservation, replace(ended(row, 90), cost_nusd=None, cost_basis="unknown")
    )
    assert store.corrections.write([truth("r", 30, seen=Standing(None, 90))]) == [True]
    assert rows_of(database, "cost_nusd, charged_nusd") == [(None, 90), (30, -60)]
    assert counter(database, CAPS[0]) == (30, 0)
    assert store.verify() == []


async def test_money_that_comes_back_lets_a_waiting_request_in(store: Store) -> None:
    cap = company(100)
    await spend(store, "r", 60, cap)
    held = granted(await store.ledger.admit(attempt("holds"), Want(40, 40), (cap,), 0))
    waiting = asyncio.create_task(store.ledger.admit(attempt("waits"), Want(20, 20), (cap,), 30))
    async with asyncio.timeout(30):
        while store.status()["waiting"] != 1:  # noqa: ASYNC110 - the line is the writer thread's
            await asyncio.sleep(0.001)
    await asyncio.to_thread(store.corrections.write, [truth("r", 10)])
    assert granted(await waiting).nusd == 20
    assert held.nusd == 40


async def test_corrections_of_a_month_that_is_over_count_there(store: Store, database: Database) -> None:
    early = datetime(2026, 10, 3, tzinfo=UTC)
    october = Cap(
        "company-month",
        (),
        "month",
        datetime(2026, 10, 1, tzinfo=UTC),
        datetime(2026, 11, 1, tzinfo=UTC),
        900,
    )
    await spend(store, "old", 7, october, started_at=early)
    await spend(store, "new", 8, *CAPS)
    store.corrections.write([truth("old", 9)])
    assert counter(database, october) == (9, 0)
    assert counter(database, CAPS[0]) == (8, 0)
    assert store.verify() == []


async def test_a_row_that_is_open_or_missing_is_refused_and_the_others_are_corrected(store: Store) -> None:
    granted(await store.ledger.admit(attempt("open"), Want(1, 1), (), 0))
    await spend(store, "r", 4)
    with pytest.raises(StoreError, match="still in flight"):
        store.corrections.write([truth("open", 5), truth("r", 5)])
    assert store.corrections.write([truth("r", 5)]) == [False]
    with pytest.raises(StoreError, match="no request 'nobody' with attempt 1"):
        store.corrections.write([truth("nobody", 5)])
    with pytest.raises(StoreError, match="with attempt 2"):
        store.corrections.write([truth("r", 5, attempt=2)])
    assert store.corrections.write([truth("nobody", 5, seen=Standing(1, 1))]) == [False]


async def test_the_reason_is_recorded_with_the_row_or_not_at_all(store: Store) -> None:
    await spend(store, "r", 4)
    why = Event("ledger_corrected", "alice", {"reason": "credit note"})
    assert store.corrections.write([truth("r", 5)], why) == [True]
    assert store.corrections.write([truth("r", 5)], why) == [False]
    events = store.events.list(datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
    assert [(each.kind, each.actor, dict(each.detail)) for each in events] == [
        ("ledger_corrected", "alice", {"reason": "credit note"})
    ]


async def test_what_caps_do_not_count_moves_no_counter(store: Store, database: Database) -> None:
    await spend(store, "r", 4, *CAPS)
    await store.ledger.record(replace(ended(attempt("apart"), 0), cost_nusd=9, budgeted=False))
    assert store.corrections.write([truth("apart", 12, 0)]) == [True]
    assert counter(database, CAPS[0]) == (4, 0)
    assert store.verify() == []


async def test_retention_takes_a_correction_along(store: Store, reopen: Callable[..., Store]) -> None:
    long_ago = datetime(2025, 1, 2, tzinfo=UTC)
    await spend(store, "r", 40, started_at=long_ago)
    store.corrections.write([truth("r", 10)])
    assert store.retention.delete_rows(datetime(2025, 6, 1, tzinfo=UTC)) == 2
    scope: Scope = ()
    lifetime = Cap("ever", scope, "lifetime", datetime(1970, 1, 1, tzinfo=UTC), None, 100)
    answer = granted(await store.ledger.admit(attempt("next"), Want(90, 1), (lifetime,), 0))
    assert answer.nusd == 90  # 10 of 100 are spent
    assert store.verify() == []


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 500)), max_size=8))
def test_after_any_corrections_the_counters_equal_the_ledger(
    tmp_path_factory: pytest.TempPathFactory, empty_database: Database, steps: list[tuple[str, int]]
) -> None:
    path = tmp_path_factory.mktemp("any") / "s.db"
    path.write_bytes(empty_database.read_bytes())

    async def run() -> None:
        store = Store.open(file(path).url, key=b"a key for the tests of the store", boot="b")
        try:
            for name in ("a", "b"):
                await spend(store, name, 100, *CAPS)
            last = {"a": 100, "b": 100}
            for name, nusd in steps:
                assert store.corrections.write([truth(name, nusd)]) == [last[name] != nusd]
                last[name] = nusd
            assert counter(file(path), CAPS[0]) == (sum(last.values()), 0)
            assert store.verify() == []
        finally:
            store.close()

    asyncio.run(run())


def test_a_correction_says_when_it_was_made_and_counts_when_the_request_began(
    store: Store, database: Database
) -> None:
    asyncio.run(_spend(store))
    store.corrections.write([truth("r", 5)])
    (first, second) = rows_of(database, "started_at, ended_at, outcome, principal")
    assert second[0] == first[0]
    assert second[1] != first[1]
    assert second[2:] == (Outcome.OK, "alice")
    assert first[0] == int(NOON.timestamp()) * 1_000_000


async def _spend(store: Store) -> None:
    await spend(store, "r", 4)
