"""Rows whose usage comes with a later request: they outlive restarts, end once, and end when overdue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from databases import Database
from store_world import KEY, NOON, at_once, attempt, company, counter, ended, granted, rows_of

from sluiceway.store import Granted, Store, Want, ledger
from sluiceway.store.deferred import digest
from sluiceway.store.records import Later
from sluiceway.types import LedgerRow

TOMORROW = NOON + timedelta(hours=24)
JOB = digest(KEY, "openai", "response", "resp_1")
CAPS = company(100), at_once(1)


async def put_off(store: Store, request_id: str = "r1", job: bytes = JOB, **fields: object) -> Granted:
    """A request of 30 nano-dollars at most that is over before anybody knows what it used."""
    row = attempt(request_id, **fields)
    answer = granted(await store.ledger.admit(row, Want(30, 30, tokens=50), CAPS, 0))
    told = replace(row, response_id="resp_1", status=200, upstream_status=200)
    await store.ledger.defer(answer.reservation, told, Later("response", job, 7, TOMORROW))
    return answer


async def seen(store: Store, charged: int, job: bytes = JOB) -> None:
    waiting = store.deferred.find(job)
    assert waiting is not None
    done = store.ledger.collect(waiting, ended(waiting.row, charged))
    assert done is not None
    await done


async def test_a_deferred_row_holds_its_money_and_no_place_among_those_open_at_once(
    store: Store, database: Database
) -> None:
    await put_off(store)
    assert counter(database, company(100)) == (0, 30)
    assert counter(database, at_once(1)) == (0, 0)
    assert rows_of(database, "outcome, owner, response_id, status") == [("open", "deferred", "resp_1", 200)]
    assert store.verify() == []


async def test_it_survives_a_restart_and_is_charged_what_is_seen_then(
    reopen: Callable[..., Store], database: Database
) -> None:
    store = reopen("boot-1")
    await put_off(store, project="apollo")
    store.close()
    again = reopen("boot-2")
    assert again.recovered == 0
    assert counter(database, company(100)) == (0, 30)
    found = again.deferred.find(JOB)
    assert found is not None
    assert (found.input_tokens, found.reserved_nusd, found.row.project) == (7, 30, "apollo")
    await seen(again, 12)
    assert counter(database, company(100)) == (12, 0)
    assert rows_of(database, "outcome, owner, charged_nusd, charged_tokens") == [("ok", None, 12, 120)]
    assert again.verify() == []


async def test_it_ends_once_whoever_sees_its_usage_and_whatever_they_say(
    store: Store, database: Database
) -> None:
    answer = await put_off(store)
    first = store.deferred.find(JOB)
    assert first is not None
    both = [store.ledger.collect(first, ended(first.row, charged)) for charged in (12, 13)]
    assert both[0] is not None and both[1] is None
    await both[0]
    await store.ledger.settle(answer.reservation, ended(attempt("r1"), 14))
    assert store.deferred.find(JOB) is None
    assert counter(database, company(100)) == (12, 0)


async def test_what_was_ended_here_is_not_remembered_for_ever_and_ends_once_all_the_same(
    store: Store, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "MOST_COLLECTED", 2)
    await put_off(store)
    first = store.deferred.find(JOB)
    assert first is not None
    await seen(store, 12)
    for number in range(2, 6):
        await put_off(store, f"r{number}", job := digest(KEY, "openai", "response", f"resp_{number}"))
        await seen(store, 1, job)
    assert len(store.ledger._collected) == 2
    again = store.ledger.collect(first, ended(first.row, 13))  # forgotten here; the writer finds it closed
    assert again is not None
    await again
    assert counter(database, company(100)) == (12 + 4, 0)
    assert store.verify() == []


async def test_a_stream_that_ends_before_the_poll_leaves_nothing_to_collect(
    store: Store, database: Database
) -> None:
    answer = await put_off(store)
    waiting = store.deferred.find(JOB)
    assert waiting is not None
    await store.ledger.settle(answer.reservation, ended(attempt("r1"), 12))
    late = store.ledger.collect(waiting, ended(waiting.row, 13))
    assert late is not None
    await late
    assert counter(database, company(100)) == (12, 0)
    assert store.verify() == []


async def test_what_is_overdue_is_found_at_its_hour_and_not_before(store: Store) -> None:
    await put_off(store)
    assert store.deferred.overdue(TOMORROW - timedelta(seconds=1)) == []
    assert [each.row.request_id for each in store.deferred.overdue(TOMORROW)] == ["r1"]
    await seen(store, 30)
    assert store.deferred.overdue(TOMORROW) == []


async def test_an_id_means_another_job_at_another_provider_or_of_another_kind(store: Store) -> None:
    await put_off(store)
    for other in (("xai", "response"), ("openai", "batch")):
        assert store.deferred.find(digest(KEY, *other, "resp_1")) is None
    assert store.deferred.find(digest(b"another key", "openai", "response", "resp_1")) is None


async def test_whether_it_counts_on_caps_is_remembered(store: Store) -> None:
    row = replace(attempt("r1"), spends=False)
    answer = granted(await store.ledger.admit(row, Want(0, 0), (), 0))
    await store.ledger.defer(answer.reservation, row, Later("response", JOB, 7, TOMORROW))
    found = store.deferred.find(JOB)
    assert found is not None
    assert found.row.spends is False


async def test_the_last_usage_of_an_answer_is_found_by_its_id(store: Store) -> None:
    def row(number: int, **fields: object) -> LedgerRow:
        return replace(ended(attempt(f"r{number}", **fields), 1), response_id="resp_1")

    await store.ledger.record(row(1))
    assert store.deferred.last_usage("resp_1") == (100, 20)
    assert store.deferred.last_usage("resp_2") is None
