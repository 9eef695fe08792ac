"""A counter starts at the ledger's sum of its window, never at zero, and stays equal to it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest
from databases import Database
from store_world import (
    DAY,
    MONTH,
    NOON,
    attempt,
    company,
    counter,
    ended,
    granted,
    person,
    spend,
    team,
)

from sluiceway.store import Discrepancy, Spent, Store, Want
from sluiceway.types import Cap, Outcome, Unit

YESTERDAY = NOON - timedelta(days=1)
LAST_MONTH = MONTH - timedelta(microseconds=1)


async def history(store: Store) -> None:
    """alice (core): 1 last month, 2 yesterday, 4 today. bob (core): 8. carol (ops): 16. robot (core): 32."""
    await spend(store, "h1", 1, started_at=LAST_MONTH)
    await spend(store, "h2", 2, started_at=YESTERDAY)
    await spend(store, "h3", 4)
    await spend(store, "h4", 8, principal="bob")
    await spend(store, "h5", 16, principal="carol", team="ops", project="apollo", cost_center="cc-1")
    await spend(store, "h6", 32, principal="robot", principal_kind="service")
    await spend(store, "h7", 64, principal="erin", budgeted=False)


def scoped(scope: tuple[tuple[str, str], ...], window: str = "month") -> Cap:
    cap = replace(company(10**6), scope=scope)
    if window == "lifetime":
        return replace(cap, window="lifetime", starts_at=MONTH - timedelta(days=3650), ends_at=None)
    return cap


OPENINGS = {
    "company this month": (company(10**6), {}, 2 + 4 + 8 + 16 + 32),
    "company for ever": (scoped((), "lifetime"), {}, 1 + 2 + 4 + 8 + 16 + 32),
    "team": (team(10**6), {}, 2 + 4 + 8 + 32),
    "employee this month": (scoped((("employee", "alice"),)), {}, 2 + 4),
    "employee today": (person(10**6), {}, 4),
    "service": (scoped((("service", "robot"),)), {"principal": "robot", "principal_kind": "service"}, 32),
    "project": (scoped((("project", "apollo"),)), {"project": "apollo"}, 16),
    "cost center": (scoped((("cost_center", "cc-1"),)), {"cost_center": "cc-1"}, 16),
    "employee in a team": (scoped((("team", "core"), ("employee", "bob"))), {"principal": "bob"}, 8),
    "nobody has spent there": (team(10**6, "new"), {"team": "new"}, 0),
}


async def history_in_units(store: Store) -> None:
    """On top: one refused before it was admitted, one crashed with 250 tokens reserved, one failed over."""
    await history(store)
    await store.ledger.record(replace(attempt("u1"), outcome=Outcome.REFUSED, cost_nusd=0))
    lost = granted(await store.ledger.admit(attempt("u2"), Want(9, 9, 250), (), 0))
    await store.ledger.settle(lost.reservation, replace(ended(attempt("u2"), 9), input_tokens=None))
    row, following = attempt("u3"), attempt("u3", attempt=2)
    first = granted(await store.ledger.admit(row, Want(9, 9, 70), (), 0))
    second = granted(
        await store.ledger.replace(first.reservation, ended(row, 0), following, Want(9, 9, 40), (), 0)
    )
    await store.ledger.settle(second.reservation, ended(following, 0))


def in_unit(unit: Unit, scope: tuple[tuple[str, str], ...] = (), **window: object) -> Cap:
    return replace(company(10**6), unit=unit, scope=scope, **window)  # type: ignore[arg-type]  # a window


ALICE = (("employee", "alice"),)
NOW = {"window": "now", "starts_at": MONTH.replace(year=1970), "ends_at": None}
# The history has 5 budgeted requests this month (2 of alice's, 1 last month) of 120 tokens each; on top come
# 2 requests with 250 + 120 + 120 tokens. `open` flies: one request with 30 tokens reserved.
UNITS = {
    "requests of the company": (in_unit("requests"), (7, 1)),
    "requests of alice": (in_unit("requests", ALICE), (4, 1)),
    "requests of bob": (in_unit("requests", (("employee", "bob"),)), (1, 0)),
    "tokens of the company": (in_unit("tokens"), (5 * 120 + 490, 30)),
    "tokens of alice": (in_unit("tokens", ALICE), (2 * 120 + 490, 30)),
    "open in the company": (in_unit("concurrent", **NOW), (0, 1)),
    "open of alice": (in_unit("concurrent", ALICE, **NOW), (0, 1)),
    "open of bob": (in_unit("concurrent", (("employee", "bob"),), **NOW), (0, 0)),
}


@pytest.mark.parametrize(("cap", "found"), UNITS.values(), ids=UNITS.keys())
async def test_a_new_cap_starts_at_what_the_ledger_has_in_its_unit(
    store: Store, database: Database, cap: Cap, found: tuple[int, int]
) -> None:
    await history_in_units(store)
    granted(await store.ledger.admit(attempt("open"), Want(9, 9, 30), (), 0))
    who = {"principal": dict(cap.scope).get("employee", "dave")}
    mine = granted(await store.ledger.admit(attempt("now", **who), Want(0, 0), (cap,), 0))
    await store.ledger.settle(
        mine.reservation, replace(ended(attempt("now", **who), 0), input_tokens=0, output_tokens=0)
    )
    spent, reserved = found
    assert counter(database, cap) == (spent + (cap.unit == "requests"), reserved)
    assert store.verify() == []


CHANGES = {
    "a request": ("requests", "UPDATE ledger SET requests = 0 WHERE request_id = 'h3'", (-1, 0)),
    "tokens": ("tokens", "UPDATE ledger SET charged_tokens = 119 WHERE request_id = 'h3'", (-1, 0)),
    "reserved tokens": (
        "tokens",
        "UPDATE ledger SET reserved_tokens = reserved_tokens + 5 WHERE request_id = 'open'",
        (0, 5),
    ),
    "an owner": ("concurrent", "UPDATE ledger SET owner = NULL WHERE request_id = 'open'", (0, -1)),
}


@pytest.mark.parametrize(("unit", "change", "differs"), CHANGES.values(), ids=CHANGES.keys())
async def test_verify_compares_each_unit(
    store: Store, database: Database, unit: Unit, change: str, differs: tuple[int, int]
) -> None:
    await history(store)
    cap = in_unit(unit, **(NOW if unit == "concurrent" else {}))
    granted(await store.ledger.admit(attempt("open"), Want(9, 9, 30), (cap,), 0))
    assert store.verify() == []
    with closing(database.connect()) as connection:
        connection.execute(change)
    spent, reserved = counter(database, cap) or (0, 0)
    sums = (spent + differs[0], reserved + differs[1])
    assert store.verify() == [Discrepancy(cap.counter, unit, spent, reserved, *sums)]


@pytest.mark.parametrize(("cap", "who", "spent"), OPENINGS.values(), ids=OPENINGS.keys())
async def test_a_new_cap_starts_at_what_its_scope_has_spent_in_its_window(
    store: Store, database: Database, cap: Cap, who: dict[str, object], spent: int
) -> None:
    await history(store)
    answer = granted(await store.ledger.admit(attempt("now", **who), Want(100, 10), (cap,), 0))
    assert counter(database, cap) == (spent, 100)
    assert answer.remaining_nusd == 10**6 - spent - 100
    assert store.verify() == []


async def test_a_new_cap_that_is_already_spent_refuses_the_first_request(store: Store) -> None:
    await history(store)
    answer = await store.ledger.admit(attempt("now"), Want(10, 10), (team(40),), 0)
    assert isinstance(answer, Spent)
    assert answer.spent_nusd == 46


async def test_a_renamed_budget_keeps_its_balance(store: Store, database: Database) -> None:
    await spend(store, "r1", 30, team(100, rule="old name"))
    await spend(store, "r2", 20, team(100, rule="new name"))
    assert counter(database, team(100)) == (50, 0)


async def test_a_budget_that_was_away_for_a_while_counts_what_it_missed(
    store: Store, database: Database
) -> None:
    await spend(store, "r1", 30, team(100))
    await spend(store, "r2", 50)  # no budget in force
    answer = await store.ledger.admit(attempt("r3"), Want(30, 30), (team(100),), 0)
    assert answer == Spent(team(100), 80, team(100).ends_at)


async def test_requests_in_flight_count_on_a_cap_that_came_later(store: Store, database: Database) -> None:
    row = attempt("r1")
    flying = granted(await store.ledger.admit(row, Want(70, 70), (), 0))
    cap = company(100)
    limited = granted(await store.ledger.admit(attempt("r2"), Want(30, 10), (cap,), 0))
    assert counter(database, cap) == (0, 100)
    await store.ledger.settle(flying.reservation, ended(row, 55))
    await store.ledger.settle(limited.reservation, ended(attempt("r2"), 5))
    assert counter(database, cap) == (60, 0)
    assert store.verify() == []


async def test_a_cap_opened_in_one_batch_with_the_rows_it_counts(store: Store, database: Database) -> None:
    """The sum is taken from the database, so what the batch has not yet written must be written first."""
    row, cap = attempt("r1"), company(10**6)
    first = granted(await store.ledger.admit(row, Want(70, 70), (), 0))
    answer = granted(
        await store.ledger.replace(
            first.reservation, ended(row, 40), attempt("r1", attempt=2), Want(5, 5), (cap,), 0
        )
    )
    assert counter(database, cap) == (40, 5)
    await store.ledger.settle(answer.reservation, ended(attempt("r1", attempt=2), 5))
    assert store.verify() == []


async def test_a_request_that_crosses_midnight_settles_into_the_day_it_began(
    store: Store, database: Database
) -> None:
    today, tomorrow = person(100), replace(person(100), starts_at=DAY + timedelta(days=1), ends_at=None)
    late = attempt("late", started_at=DAY + timedelta(hours=23, minutes=59))
    flying = granted(await store.ledger.admit(late, Want(60, 60), (today,), 0))
    early = attempt("early", started_at=DAY + timedelta(days=1))
    granted(await store.ledger.admit(early, Want(90, 90), (tomorrow,), 0))  # a new day, a new balance
    await store.ledger.settle(flying.reservation, ended(late, 50))
    assert (counter(database, today), counter(database, tomorrow)) == ((50, 0), (0, 90))
    assert store.verify() == []


async def test_a_late_row_reaches_the_counter_of_a_window_long_over(
    reopen: Callable[..., Store], database: Database
) -> None:
    past = MONTH.replace(year=2020)
    cap = replace(company(100), starts_at=past, ends_at=past + timedelta(days=30))
    store = reopen()
    await spend(store, "r1", 10, cap, started_at=past)
    store.close()
    store = reopen("boot-2")  # knows only windows that are not over
    await store.ledger.record(ended(attempt("r2", started_at=past), 7))
    assert counter(database, cap) == (17, 0)
    await spend(store, "r3", 1, cap, started_at=past)
    assert counter(database, cap) == (18, 0)
    assert store.verify() == []


async def test_a_late_request_reaches_every_counter_of_its_window(
    reopen: Callable[..., Store], database: Database
) -> None:
    past = MONTH.replace(year=2020)
    window = {"starts_at": past, "ends_at": past + timedelta(days=30)}
    asked, not_asked = replace(company(100), **window), replace(team(100), **window)
    store = reopen()
    await spend(store, "r1", 10, asked, not_asked, started_at=past)
    store.close()
    store = reopen("boot-2")
    await spend(store, "r2", 5, asked, started_at=past)
    assert (counter(database, asked), counter(database, not_asked)) == ((15, 0), (15, 0))
    assert store.verify() == []


@pytest.mark.parametrize(
    ("column", "value", "found"),
    [
        ("spent", 29, (29, 40, 30, 40)),
        ("spent", 31, (31, 40, 30, 40)),
        ("reserved", 0, (30, 0, 30, 40)),
    ],
)
async def test_verify_finds_a_counter_that_somebody_changed(
    store: Store, database: Database, column: str, value: int, found: tuple[int, int, int, int]
) -> None:
    await spend(store, "r1", 30, team(100), company(100))
    granted(await store.ledger.admit(attempt("r2"), Want(40, 40), (team(100), company(100)), 0))
    assert store.verify() == []
    with closing(database.connect()) as connection:
        connection.execute(f"UPDATE counters SET {column} = ? WHERE counter = ?", (value, team(1).counter))
    assert store.verify() == [Discrepancy(team(1).counter, "usd", *found)]


async def test_verify_finds_a_ledger_row_that_somebody_changed(store: Store, database: Database) -> None:
    await spend(store, "r1", 30, team(100))
    with closing(database.connect()) as connection:
        connection.execute("UPDATE ledger SET charged_nusd = 3")
    assert store.verify() == [Discrepancy(team(1).counter, "usd", 30, 0, 3, 0)]
