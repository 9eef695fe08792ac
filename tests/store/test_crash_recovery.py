"""After a crash: what was acknowledged is there, what was open is charged its reservation, the sums agree."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from databases import Database, crashed
from store_world import (
    at_once as places,
)
from store_world import (
    attempt,
    company,
    counted,
    counter,
    ended,
    granted,
    person,
    rows_of,
    spend,
)

from sluiceway.store import Store, Want, nodes

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node is dead the moment it says nothing."""
    monkeypatch.setattr(nodes, "SILENT_S", 0.0)


def wal_of(database: Database) -> Path:
    return Path(f"{database}-wal")


async def test_rows_left_open_are_charged_what_they_had_reserved(
    reopen: Callable[..., Store], database: Database, tmp_path: Path
) -> None:
    caps = (company(1000), person(500))
    store = reopen("boot-1")
    await spend(store, "r1", 10, *caps)
    topped = granted(await store.ledger.admit(attempt("r2"), Want(30, 10), caps, 0))
    await store.ledger.top_up(topped.reservation, 5)
    granted(await store.ledger.admit(attempt("r3", "bob"), Want(40, 10), caps[:1], 0))
    copy = crashed(store, database, tmp_path / "copy.db")

    after = reopen("boot-2", copy)
    assert after.recovered == 2
    assert [counter(copy, cap) for cap in caps] == [(85, 0), (45, 0)]  # 10 + 35 + 40; 10 + 35
    columns = "outcome, usage_source, charged_nusd, cost_nusd, reserved_nusd, owner, ended_at IS NOT NULL"
    assert rows_of(copy, columns)[1:] == [
        ("internal_error", "estimated", 35, None, 0, None, 1),
        ("internal_error", "estimated", 40, None, 0, None, 1),
    ]
    assert after.verify() == []
    assert after.status()["open_reservations"] == 0


async def test_each_unit_of_a_row_left_open_is_charged_but_that_it_was_open(
    reopen: Callable[..., Store], database: Database, tmp_path: Path
) -> None:
    caps = (counted(9, "requests"), counted(1000, "tokens"), places(5))
    store = reopen("boot-1")
    await spend(store, "r1", 10, *caps)  # 120 tokens
    answer = granted(await store.ledger.admit(attempt("r2"), Want(30, 10, 300), caps, 0))
    await store.ledger.top_up(answer.reservation, 5, "tokens")
    copy = crashed(store, database, tmp_path / "copy.db")

    after = reopen("boot-2", copy)
    assert [counter(copy, cap) for cap in caps] == [(2, 0), (425, 0), (0, 0)]
    assert rows_of(copy, "requests, charged_tokens, reserved_tokens")[1:] == [(1, 305, 0)]
    assert after.verify() == []


async def test_open_rows_of_the_same_boot_hold_their_places(
    reopen: Callable[..., Store], database: Database
) -> None:
    caps = (counted(2, "requests"), counted(1000, "tokens"), places(2))
    store = reopen("boot-1")
    granted(await store.ledger.admit(attempt("r1"), Want(30, 10, 300), caps, 0))
    store.close()
    again = reopen("boot-1")
    answer = granted(await again.ledger.admit(attempt("r2"), Want(30, 10, 300), caps, 0))
    assert answer.remaining_tokens == 400
    assert [counter(database, cap) for cap in caps] == [(0, 2), (0, 600), (0, 2)]
    assert again.verify() == []


async def test_a_second_start_finds_nothing_left_to_settle(
    reopen: Callable[..., Store], database: Database, tmp_path: Path
) -> None:
    store = reopen("boot-1")
    granted(await store.ledger.admit(attempt("r1"), Want(30, 10), (company(100),), 0))
    copy = crashed(store, database, tmp_path / "copy.db")
    second = reopen("boot-2", copy)
    assert second.recovered == 1
    again = crashed(second, copy, tmp_path / "again.db")
    assert reopen("boot-3", again).recovered == 0
    assert counter(again, company(100)) == (30, 0)


async def test_closing_with_rows_open_leaves_them_to_the_next_start(
    reopen: Callable[..., Store], database: Database
) -> None:
    store = reopen("boot-1")
    granted(await store.ledger.admit(attempt("r1"), Want(30, 10), (company(100),), 0))
    store.close()
    assert reopen("boot-2").recovered == 1
    assert counter(database, company(100)) == (30, 0)


async def test_rows_of_the_same_boot_stay_open(reopen: Callable[..., Store], database: Database) -> None:
    store = reopen("boot-1")
    granted(await store.ledger.admit(attempt("r1"), Want(30, 10), (company(100),), 0))
    store.close()
    again = reopen("boot-1")
    assert again.recovered == 0
    assert again.status()["open_reservations"] == 1
    answer = granted(await again.ledger.admit(attempt("r2"), Want(30, 10), (company(100),), 0))
    assert answer.remaining_nusd == 40
    assert again.verify() == []


async def test_what_waits_in_the_queue_is_written_at_close(
    reopen: Callable[..., Store], database: Database
) -> None:
    store = reopen()
    answer = granted(await store.ledger.admit(attempt("r1"), Want(30, 10), (company(100),), 0))
    done = store.ledger.settle(answer.reservation, ended(attempt("r1"), 12))
    store.close()
    await done
    assert counter(database, company(100)) == (12, 0)
    assert database.shared or not wal_of(database).exists()


@pytest.mark.timeout(60)
def test_kill_9_loses_nothing_that_was_acknowledged(reopen: Callable[..., Store], database: Database) -> None:
    acknowledged: dict[str, set[str]] = {"admitted": set(), "settled": set()}
    for round_number in range(5):
        for line in killed_writer(database, f"round-{round_number}", after_lines=150):
            kind, request_id = line.split()
            acknowledged[kind].add(request_id)
        store = reopen(f"check-{round_number}")
        assert store.verify() == []
        assert store.status()["open_reservations"] == 0
        store.close()

    found = rows_of(database, "request_id, outcome, charged_nusd")
    rows = {request_id: (outcome, charged) for request_id, outcome, charged in found}
    assert len(found) == len(rows)  # nothing doubled
    assert acknowledged["admitted"] <= rows.keys()
    assert {rows[request_id] for request_id in acknowledged["settled"]} == {("ok", 13)}
    assert {rows[request_id] for request_id in rows.keys() - acknowledged["settled"]} <= {
        ("ok", 13),
        ("internal_error", 20),
    }
    assert len(acknowledged["admitted"]) >= 5 * 50


def killed_writer(database: Database, boot: str, after_lines: int) -> list[str]:
    """Every whole line that the writer said before it was killed."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE), *sys.path])}
    with subprocess.Popen(
        [sys.executable, HERE / "crashing_writer.py", database.url, boot],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(after_lines)]
        process.send_signal(signal.SIGKILL)
        lines += process.stdout.readlines()
    return [line for line in lines if line.endswith("\n")]
