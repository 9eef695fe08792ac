"""Admission, top-ups and settlement against a real database: what holds under concurrency, exactly."""

from __future__ import annotations

import asyncio
import logging
import random
from dataclasses import replace
from datetime import timedelta

import pytest
from databases import Database
from store_world import (
    NEXT_MONTH,
    NOON,
    attempt,
    busy_writer,
    company,
    counter,
    ended,
    granted,
    line_of,
    person,
    rows_of,
    spend,
    team,
)

from sluiceway.errors import StoreError
from sluiceway.store import Busy, Granted, Spent, Store, Want
from sluiceway.types import KeyClass, Outcome


async def test_a_granted_attempt_is_an_open_row_with_its_reservation_on_every_cap(
    store: Store, database: Database
) -> None:
    caps = (company(1000), team(500), person(100))
    answer = granted(await store.ledger.admit(attempt("r1"), Want(30, 10), caps, 0))
    assert (answer.nusd, answer.limited) == (30, False)
    assert (answer.remaining_nusd, answer.cap) == (70, caps[2])  # 100 - 30 on the tightest
    assert [counter(database, cap) for cap in caps] == [(0, 30), (0, 30), (0, 30)]
    assert rows_of(database, "request_id, outcome, reserved_nusd, charged_nusd, owner") == [
        ("r1", "open", 30, 0, "boot-1")
    ]
    assert store.status()["open_reservations"] == 1


async def test_settling_moves_the_charge_from_reserved_to_spent(store: Store, database: Database) -> None:
    caps = (company(1000), person(100))
    row = attempt("r1")
    answer = granted(await store.ledger.admit(row, Want(30, 10), caps, 0))
    await store.ledger.settle(answer.reservation, ended(row, 12))
    assert [counter(database, cap) for cap in caps] == [(12, 0), (12, 0)]
    assert rows_of(database, "outcome, reserved_nusd, charged_nusd, cost_nusd, owner, input_tokens") == [
        ("ok", 0, 12, 12, None, 100)
    ]
    assert store.status()["open_reservations"] == 0


async def test_without_caps_there_is_just_the_open_row(store: Store, database: Database) -> None:
    answer = granted(await store.ledger.admit(attempt("r1"), Want(30, 10), (), 0))
    assert (answer.nusd, answer.remaining_nusd, answer.cap) == (30, None, None)
    assert rows_of(database, "outcome, reserved_nusd") == [("open", 30)]


async def test_a_settled_row_keeps_who_and_when_it_was_admitted_for(store: Store, database: Database) -> None:
    row = attempt("r1")
    answer = granted(await store.ledger.admit(row, Want(30, 10), (person(100),), 0))
    moved = replace(ended(row, 12), team="ops", principal="bob", started_at=NOON + timedelta(days=3))
    await store.ledger.settle(answer.reservation, moved)
    assert rows_of(database, "team, principal") == [("core", "alice")]
    assert store.verify() == []


async def test_a_reservation_is_made_on_all_caps_or_on_none(store: Store, database: Database) -> None:
    caps = (company(1000), team(500), person(100))
    await spend(store, "before", 95, *caps)
    answer = await store.ledger.admit(attempt("r1"), Want(30, 10), caps, 0)
    assert answer == Spent(caps[2], 95, caps[2].ends_at)
    assert [counter(database, cap) for cap in caps] == [(95, 0), (95, 0), (95, 0)]
    assert len(rows_of(database, "id")) == 1


async def test_what_is_spent_is_refused_at_once_even_while_others_hold_reservations(store: Store) -> None:
    cap = company(100)
    await spend(store, "r0", 85, cap)
    granted(await store.ledger.admit(attempt("r1"), Want(5, 5), (cap,), 0))
    answer = await asyncio.wait_for(store.ledger.admit(attempt("r2"), Want(30, 20), (cap,), 3600), 10)
    assert answer == Spent(cap, 85, NEXT_MONTH)


async def test_the_last_money_is_granted_as_a_limited_reservation(store: Store) -> None:
    cap = company(100)
    await spend(store, "r0", 85, cap)
    answer = granted(await store.ledger.admit(attempt("r1"), Want(30, 10), (cap,), 0))
    assert (answer.nusd, answer.limited, answer.remaining_nusd) == (15, True, 0)


async def test_who_waits_is_granted_when_another_settles(store: Store) -> None:
    cap = company(100)
    first_row = attempt("r1")
    first = granted(await store.ledger.admit(first_row, Want(80, 80), (cap,), 0))
    waiting = asyncio.create_task(store.ledger.admit(attempt("r2"), Want(50, 10), (cap,), 60))
    await line_of(store, 1)
    await store.ledger.settle(first.reservation, ended(first_row, 20))
    answer = granted(await waiting)
    assert (answer.nusd, answer.limited, answer.remaining_nusd) == (50, False, 30)  # 100 - 20 - 50


async def test_who_waits_is_refused_when_the_other_spends_it_all(store: Store) -> None:
    cap = company(100)
    first_row = attempt("r1")
    first = granted(await store.ledger.admit(first_row, Want(80, 80), (cap,), 0))
    waiting = asyncio.create_task(store.ledger.admit(attempt("r2"), Want(50, 10), (cap,), 60))
    await line_of(store, 1)
    await store.ledger.settle(first.reservation, ended(first_row, 95))
    assert await waiting == Spent(cap, 95, NEXT_MONTH)


async def test_waiting_ends_with_busy_and_a_cap_to_name(store: Store, database: Database) -> None:
    cap = company(100)
    granted(await store.ledger.admit(attempt("r1"), Want(80, 80), (cap,), 0))
    for wait_s in (0, 0.02):
        answer = await store.ledger.admit(attempt("r2"), Want(50, 10), (cap,), wait_s)
        assert isinstance(answer, Busy)
        assert answer.cap == cap
        assert answer.retry_after_s > 0
    assert counter(database, cap) == (0, 80)
    assert store.status()["waiting"] == 0


async def test_when_a_waiter_gives_up_those_behind_it_move_up(store: Store) -> None:
    cap = company(100)
    granted(await store.ledger.admit(attempt("r1"), Want(60, 60), (cap,), 0))
    large = asyncio.create_task(store.ledger.admit(attempt("large"), Want(80, 80), (cap,), 0.05))
    await asyncio.sleep(0)
    small = asyncio.create_task(store.ledger.admit(attempt("small"), Want(30, 30), (cap,), 60))
    assert isinstance(await large, Busy)
    assert granted(await small).nusd == 30


async def test_an_employee_stuck_on_an_own_cap_does_not_hold_up_the_team(store: Store) -> None:
    shared = company(1000)
    granted(await store.ledger.admit(attempt("r1"), Want(100, 10), (shared, person(100)), 0))
    stuck = asyncio.create_task(store.ledger.admit(attempt("r2"), Want(50, 10), (shared, person(100)), 60))
    await line_of(store, 1)
    for number in range(20):
        bob = attempt(f"bob-{number}", "bob")
        assert isinstance(
            await store.ledger.admit(bob, Want(10, 10), (shared, person(1000, "bob")), 0), Granted
        )
    assert not stuck.done()
    stuck.cancel()


async def test_two_hundred_at_once_never_pass_a_cap_and_use_all_of_it(
    store: Store, database: Database
) -> None:
    """Worth 50 answers of at most 20: each reserves 20 and is charged 10 to 20, so at least 50 are served."""
    cap, dice = company(1000), random.Random(7)
    highest = 0

    async def one(number: int) -> str:
        nonlocal highest
        row = attempt(f"r{number}", f"p{number % 7}")
        answer = await store.ledger.admit(row, Want(20, 20), (cap, person(10**6, f"p{number % 7}")), 60)
        if not isinstance(answer, Granted):
            return type(answer).__name__
        spent, reserved = counter(database, cap) or (0, 0)
        highest = max(highest, spent + reserved)
        await asyncio.sleep(dice.random() / 100)
        await store.ledger.settle(answer.reservation, ended(row, dice.randint(10, 20)))
        return "served"

    outcomes = await asyncio.gather(*(one(number) for number in range(200)))
    spent, reserved = counter(database, cap) or (0, 0)
    assert highest <= 1000
    assert reserved == 0
    assert 980 < spent <= 1000  # what is left could not carry one more
    assert outcomes.count("served") >= 50
    assert set(outcomes) == {"served", "Spent"}
    assert store.verify() == []


async def test_a_batch_of_waiters_is_served_in_the_order_they_came(store: Store) -> None:
    cap = company(100)
    row = attempt("r0")
    first = granted(await store.ledger.admit(row, Want(100, 100), (cap,), 0))
    order: list[int] = []

    async def one(number: int) -> None:
        own = attempt(f"r{number}")
        answer = granted(await store.ledger.admit(own, Want(50, 50), (cap,), 60))
        order.append(number)
        await store.ledger.settle(answer.reservation, ended(own, 1))

    tasks = [asyncio.create_task(one(number)) for number in range(1, 21)]
    await line_of(store, 20)
    await store.ledger.settle(first.reservation, ended(row, 10))
    await asyncio.gather(*tasks)
    assert order == list(range(1, 21))


# Topping up


async def test_topping_up_takes_what_the_tightest_cap_has_left(store: Store, database: Database) -> None:
    caps = (company(1000), person(100))
    answer = granted(await store.ledger.admit(attempt("r1"), Want(30, 10), caps, 0))
    assert await store.ledger.top_up(answer.reservation, 50) == 50
    assert await store.ledger.top_up(answer.reservation, 50) == 20  # 100 - 30 - 50
    assert await store.ledger.top_up(answer.reservation, 50) == 0
    assert await store.ledger.top_up(answer.reservation, 0) == 0
    assert [counter(database, cap) for cap in caps] == [(0, 100), (0, 100)]
    assert rows_of(database, "reserved_nusd") == [(100,)]
    await store.ledger.settle(answer.reservation, ended(attempt("r1"), 90))
    assert [counter(database, cap) for cap in caps] == [(90, 0), (90, 0)]


async def test_without_caps_topping_up_has_no_end(store: Store) -> None:
    answer = granted(await store.ledger.admit(attempt("r1"), Want(30, 10), (), 0))
    assert await store.ledger.top_up(answer.reservation, 10**12) == 10**12


async def test_a_settled_row_is_not_topped_up(store: Store, database: Database) -> None:
    cap = company(1000)
    answer = granted(await store.ledger.admit(attempt("r1"), Want(30, 10), (cap,), 0))
    done = store.ledger.settle(answer.reservation, ended(attempt("r1"), 12))
    assert await store.ledger.top_up(answer.reservation, 50) == 0
    await done
    assert counter(database, cap) == (12, 0)


# Settling


async def test_the_second_end_of_a_row_is_ignored_and_logged(
    store: Store, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    cap = company(1000)
    answer = granted(await store.ledger.admit(attempt("r1"), Want(30, 10), (cap,), 0))
    await store.ledger.settle(answer.reservation, ended(attempt("r1"), 12))
    await store.ledger.settle(answer.reservation, ended(attempt("r1"), 999))
    assert counter(database, cap) == (12, 0)
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "settled twice" in caplog.text


async def test_a_charge_above_its_reservation_is_spent_in_full(store: Store, database: Database) -> None:
    cap = company(100)
    answer = granted(await store.ledger.admit(attempt("r1"), Want(30, 10), (cap,), 0))
    await store.ledger.settle(answer.reservation, ended(attempt("r1"), 130))
    assert counter(database, cap) == (130, 0)
    assert await store.ledger.admit(attempt("r2"), Want(0, 0), (cap,), 60) == Spent(cap, 130, NEXT_MONTH)


async def test_an_end_survives_the_cancellation_of_whoever_awaits_it(
    store: Store, database: Database
) -> None:
    cap = company(100)
    answer = granted(await store.ledger.admit(attempt("r1"), Want(30, 10), (cap,), 0))

    async def settle() -> None:
        await store.ledger.settle(answer.reservation, ended(attempt("r1"), 12))

    with busy_writer(store):
        task = asyncio.create_task(settle())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    store.events.record("barrier", "test", {})
    assert counter(database, cap) == (12, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"outcome": Outcome.OPEN}, id="still open"),
        pytest.param({"charged_nusd": -1}, id="a negative charge"),
        pytest.param({"charged_nusd": 10**15 + 1}, id="more than a million dollars"),
        pytest.param({"tool_units": {"search": object()}}, id="units that are no numbers"),
        pytest.param({"input_tokens": 2**63}, id="a count beyond 64 bits"),
        pytest.param({"model_served": "\ud800"}, id="half a character"),
        pytest.param({"model_served": ["a", "list"]}, id="a list for a text"),
        pytest.param({"host": None}, id="nothing where something must be"),
    ],
)
async def test_an_end_that_cannot_be_stored_charges_the_reservation(
    store: Store, database: Database, wrong: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    cap = company(100)
    rows = [attempt("r1"), attempt("r2")]
    first, second = [granted(await store.ledger.admit(row, Want(30, 10), (cap,), 0)) for row in rows]
    with busy_writer(store):  # both ends in one batch: the good one must not suffer
        bad = store.ledger.settle(first.reservation, replace(ended(rows[0], 12), **wrong))  # type: ignore[arg-type]  # wrong on purpose
        good = store.ledger.settle(second.reservation, ended(rows[1], 12))
    await asyncio.gather(bad, good)
    assert counter(database, cap) == (42, 0)  # 30 for the bad end, 12 for the good one
    assert rows_of(database, "outcome, usage_source, charged_nusd, cost_nusd") == [
        ("internal_error", "estimated", 30, None),
        ("ok", "reported", 12, 12),
    ]
    assert "cannot be stored" in caplog.text


# Failover


async def test_the_next_attempt_takes_over_from_the_first_in_one_step(
    store: Store, database: Database
) -> None:
    cap = company(100)
    first_row, next_row = attempt("r1"), attempt("r1", attempt=2)
    first = granted(await store.ledger.admit(first_row, Want(90, 90), (cap,), 0))
    failed = ended(first_row, 5, Outcome.UPSTREAM_ERROR)
    answer = granted(await store.ledger.replace(first.reservation, failed, next_row, Want(95, 95), (cap,), 0))
    assert (answer.nusd, answer.remaining_nusd) == (95, 0)  # its own 90 were given back first
    await store.ledger.settle(answer.reservation, ended(next_row, 7))
    assert rows_of(database, "request_id, attempt, outcome, charged_nusd") == [
        ("r1", 1, "upstream_error", 5),
        ("r1", 2, "ok", 7),
    ]
    assert counter(database, cap) == (12, 0)


async def test_a_refused_next_attempt_still_ends_the_first(store: Store, database: Database) -> None:
    cap = company(100)
    first_row = attempt("r1")
    first = granted(await store.ledger.admit(first_row, Want(90, 90), (cap,), 0))
    answer = await store.ledger.replace(
        first.reservation, ended(first_row, 60), attempt("r1", attempt=2), Want(50, 50), (cap,), 60
    )
    assert answer == Spent(cap, 60, NEXT_MONTH)
    assert counter(database, cap) == (60, 0)


async def test_the_next_attempt_stands_before_those_who_wait(store: Store) -> None:
    cap = company(100)
    rows = [attempt("r1"), attempt("r2")]
    first, other = [granted(await store.ledger.admit(row, Want(50, 50), (cap,), 0)) for row in rows]
    waiting = asyncio.create_task(store.ledger.admit(attempt("r3"), Want(60, 60), (cap,), 60))
    await line_of(store, 1)
    follows = asyncio.create_task(
        store.ledger.replace(
            first.reservation, ended(rows[0], 0), attempt("r1", attempt=2), Want(70, 70), (cap,), 60
        )
    )
    await line_of(store, 2)
    await store.ledger.settle(other.reservation, ended(rows[1], 0))
    assert granted(await follows).nusd == 70
    assert not waiting.done()
    waiting.cancel()


async def test_the_next_attempt_takes_what_its_request_gave_back_though_others_wait(store: Store) -> None:
    cap = company(100)
    rows = [attempt("r1"), attempt("r2")]
    first, _ = [granted(await store.ledger.admit(row, Want(50, 50), (cap,), 0)) for row in rows]
    waiting = asyncio.create_task(store.ledger.admit(attempt("r3"), Want(60, 60), (cap,), 60))
    await line_of(store, 1)
    answer = await store.ledger.replace(
        first.reservation, ended(rows[0], 0), attempt("r1", attempt=2), Want(40, 40), (cap,), 0
    )
    assert granted(answer).nusd == 40
    waiting.cancel()


async def test_a_next_attempt_that_cannot_be_stored_still_ends_the_first(
    store: Store, database: Database
) -> None:
    cap, row = company(100), attempt("r1")
    first = granted(await store.ledger.admit(row, Want(50, 50), (cap,), 0))
    with pytest.raises(StoreError, match="does not take"):  # the same attempt again
        await store.ledger.replace(first.reservation, ended(row, 9), row, Want(40, 40), (cap,), 0)
    assert counter(database, cap) == (9, 0)


async def test_a_first_attempt_whose_end_cannot_be_stored_makes_way_for_the_next(
    store: Store, database: Database
) -> None:
    cap, row = company(100), attempt("r1")
    first = granted(await store.ledger.admit(row, Want(50, 50), (cap,), 0))
    bad_end = replace(ended(row, 9), input_tokens=2**63)
    answer = await store.ledger.replace(
        first.reservation, bad_end, attempt("r1", attempt=2), Want(40, 40), (cap,), 0
    )
    assert granted(answer).nusd == 40
    assert counter(database, cap) == (50, 40)


# Rows that never were open


async def test_a_refusal_is_a_row_and_moves_no_counter(store: Store, database: Database) -> None:
    cap = company(100)
    await spend(store, "r0", 10, cap)
    refused = replace(attempt("r1"), outcome=Outcome.REFUSED, refusal_code="budget_spent", status=402)
    await store.ledger.record(refused)
    assert rows_of(database, "outcome, refusal_code, reserved_nusd, owner")[1:] == [
        ("refused", "budget_spent", 0, None)
    ]
    assert counter(database, cap) == (10, 0)


async def test_a_recorded_charge_counts_on_the_counters_of_its_row(store: Store, database: Database) -> None:
    ours, theirs = person(100), person(100, "bob")
    await spend(store, "r0", 10, ours)
    await spend(store, "r1", 10, theirs, principal="bob")
    await store.ledger.record(ended(attempt("r2", kind="correction", corrects="r0"), 7))
    assert (counter(database, ours), counter(database, theirs)) == ((17, 0), (10, 0))
    assert store.verify() == []


async def test_rows_that_are_not_budgeted_move_no_counter(store: Store, database: Database) -> None:
    cap = company(100)
    await spend(store, "r0", 10, cap)
    row = attempt("r1", budgeted=False, key_class=KeyClass.SUBSCRIPTION)
    answer = granted(await store.ledger.admit(row, Want(1000, 1000), (), 0))
    await store.ledger.settle(answer.reservation, ended(row, 1000))
    assert counter(database, cap) == (10, 0)
    assert store.verify() == []


# Mistakes of the caller


@pytest.mark.parametrize(
    ("row", "caps", "says"),
    [
        pytest.param({}, (person(100, "bob"),), "does not cover", id="another person's cap"),
        pytest.param({"principal_kind": "service"}, (person(100),), "does not cover", id="no employee"),
        pytest.param({"started_at": NEXT_MONTH}, (company(100),), "does not cover", id="another month"),
        pytest.param({"budgeted": False}, (company(100),), "does not cover", id="not budgeted"),
        pytest.param(
            {},
            (replace(company(100), scope=(("colour", "red"),)),),
            "no budget by 'colour'",
            id="no such dimension",
        ),
        pytest.param({"outcome": Outcome.OK}, (), "open", id="ended already"),
        pytest.param({"charged_nusd": 5}, (), "open", id="charged already"),
    ],
)
async def test_an_admission_that_makes_no_sense_is_refused_whole(
    store: Store, database: Database, row: dict[str, object], caps: tuple[object, ...], says: str
) -> None:
    with pytest.raises(StoreError, match=says):
        await store.ledger.admit(attempt("r1", **row), Want(30, 10), caps, 0)  # type: ignore[arg-type]  # caps
    assert rows_of(database, "id") == []
    assert store.verify() == []


async def test_a_row_that_is_there_already_fails_alone_in_its_batch(store: Store, database: Database) -> None:
    cap = company(1000)
    await spend(store, "r1", 10, cap)
    with busy_writer(store):
        tasks = [
            asyncio.create_task(store.ledger.admit(attempt(name), Want(30, 10), (cap,), 0))
            for name in ("r2", "r1", "r3", "r3")
        ]
        await asyncio.sleep(0)
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(answer) for answer in answers] == [Granted, StoreError, Granted, StoreError]
    assert counter(database, cap) == (10, 60)
    assert store.verify() == []


async def test_who_was_behind_a_row_that_fails_is_admitted_once(store: Store, database: Database) -> None:
    """In the first try the bad row takes the money and the good one joins the line; then it is done again."""
    cap = company(100)
    await spend(store, "r1", 10, cap)
    with busy_writer(store):
        bad = asyncio.create_task(store.ledger.admit(attempt("r1"), Want(80, 80), (cap,), 60))
        good = asyncio.create_task(store.ledger.admit(attempt("r2"), Want(50, 50), (cap,), 60))
        await asyncio.sleep(0)
    with pytest.raises(StoreError):
        await bad
    assert granted(await good).nusd == 50
    assert store.status()["waiting"] == 0
    assert counter(database, cap) == (10, 50)


async def test_turns_of_one_attempt_are_rows_of_their_own(store: Store, database: Database) -> None:
    for turn in (None, 0, 1):
        await store.ledger.record(ended(attempt("r1", turn=turn), 0))
    with pytest.raises(StoreError):
        await store.ledger.record(ended(attempt("r1", turn=1), 0))
    assert rows_of(database, "turn") == [(None,), (0,), (1,)]
