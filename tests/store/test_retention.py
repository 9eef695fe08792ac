"""Old rows go; what budgets and checks say does not change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from databases import Database
from store_world import MONTH, NOON, attempt, company, counter, granted, rows_of, spend, team

from sluiceway.store import Spent, Store, Want
from sluiceway.types import Cap, Unit

LONG_AGO = MONTH - timedelta(days=500)
CUT = MONTH - timedelta(days=400)


def lifetime(unit: Unit, *scope: tuple[str, str]) -> Cap:
    starts_at = datetime(1970, 1, 1, tzinfo=UTC)
    return replace(
        company(1000), scope=scope, window="lifetime", starts_at=starts_at, ends_at=None, unit=unit
    )


LIFETIMES = {
    "company": (lifetime("usd"), 7),
    "team": (lifetime("usd", ("team", "core")), 5),
    "employee": (lifetime("usd", ("employee", "alice")), 5),
    "project": (lifetime("usd", ("project", "apollo")), 2),
    "requests": (lifetime("requests"), 3),
    "tokens": (lifetime("tokens", ("team", "ops")), 120),
}


async def history(store: Store, *caps: Cap) -> None:
    await spend(store, "old-1", 1, *caps, started_at=LONG_AGO)
    await spend(
        store, "old-2", 2, *caps, started_at=LONG_AGO, principal="carol", team="ops", project="apollo"
    )
    await spend(store, "new-1", 4, *caps)


async def test_only_settled_rows_from_before_the_cut_go(store: Store, database: Database) -> None:
    await history(store)
    still_open = attempt("open", started_at=LONG_AGO)
    granted(await store.ledger.admit(still_open, Want(8, 8), (), 0))
    assert store.retention.delete_rows(CUT) == 2
    assert rows_of(database, "request_id") == [("new-1",), ("open",)]
    assert store.retention.delete_rows(CUT) == 0


@pytest.mark.parametrize(("cap", "spent"), LIFETIMES.values(), ids=LIFETIMES)
async def test_a_lifetime_budget_counts_rows_that_are_gone(
    store: Store, database: Database, cap: Cap, spent: int
) -> None:
    await history(store)
    store.retention.delete_rows(CUT)
    if cap.unit != "usd":  # the counter opens as somebody asks for it
        row = attempt("asks", principal="carol", team="ops")
        granted(await store.ledger.admit(row, Want(0, 0), (cap,), 0))
    else:
        row = attempt("asks", principal="alice", project="apollo")
        await store.ledger.admit(row, Want(0, 0), (cap,), 0)
    found = counter(database, cap)
    assert found is not None and found[0] == spent
    assert store.verify() == []


async def test_a_counter_that_was_there_before_stays_right(
    reopen: Callable[..., Store], database: Database
) -> None:
    store, cap = reopen(), lifetime("usd")
    await history(store, cap)
    store.retention.delete_rows(CUT)
    assert counter(database, cap) == (7, 0)
    assert store.verify() == []
    store.close()
    again = reopen("boot-2")
    assert again.verify() == []
    refused = await again.ledger.admit(attempt("r"), Want(10, 10), (replace(cap, limit=7),), 0)
    assert isinstance(refused, Spent)


async def test_what_is_carried_adds_up_over_several_runs(store: Store, database: Database) -> None:
    cap = lifetime("usd")
    await history(store, cap)
    store.retention.delete_rows(CUT)
    await spend(store, "old-3", 16, cap, started_at=LONG_AGO)
    store.retention.delete_rows(CUT)
    assert counter(database, cap) == (23, 0)
    assert store.verify() == []


async def test_counters_of_windows_that_lost_rows_go_with_them(store: Store, database: Database) -> None:
    old = replace(team(100), starts_at=LONG_AGO, ends_at=LONG_AGO + timedelta(days=30))
    now = team(100)
    await spend(store, "old", 1, old, started_at=LONG_AGO)
    await spend(store, "new", 2, now)
    store.retention.delete_rows(CUT)
    assert counter(database, old) is None
    assert counter(database, now) == (2, 0)
    assert store.verify() == []


async def test_a_step_is_bounded(store: Store) -> None:
    await history(store)
    assert [store.retention.delete_rows(CUT, most=1) for _ in range(3)] == [1, 1, 0]
    assert store.verify() == []


def test_figures_of_undecrypted_traffic_go_by_the_day(store: Store) -> None:
    for day in ("2026-08-01", "2026-11-15"):
        store.traffic.tunnel(day, 1, 1)
        store.traffic.seen(day, "claude.ai", "watched", "core", 1, 1)
    for work in store.traffic.orders():
        store._run(work.do)
    assert store.retention.delete_discovery(NOON.date()) == 2
