"""While the ledger is away: rows that spend nothing of the company's wait on the disk, and land once."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path

import pytest
from databases import Database
from store_world import attempt, company, ended, granted, rows_of
from tests.postgres_server import Server

from sluiceway.errors import StoreError
from sluiceway.store import Store, Want, writer
from sluiceway.store.spool import Spool, SpoolPlan
from sluiceway.types import Cap, LedgerRow, Outcome

HERE = Path(__file__).parent
PRIVATE = {"spends": False, "key_class": "personal"}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "RETRY_S", 0.02)
    monkeypatch.setattr(writer, "HOUSEKEEPING_S", 0.05)


@pytest.fixture
def spooling(reopen: Callable[..., Store], tmp_path: Path) -> Store:
    return reopen(spool=SpoolPlan(tmp_path / "spool", on=True))


type Away = Callable[[Store], AbstractContextManager[None]]


@pytest.fixture
def away(database: Database, request: pytest.FixtureRequest) -> Away:
    """The database takes no writes, whoever asks."""

    @contextmanager
    def locked(store: Store) -> Iterator[None]:
        store._run(lambda connection: connection.execute("PRAGMA busy_timeout = 1").fetchone())
        with closing(database.connect()) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")

    if not database.shared:
        return locked
    server: Server = request.getfixturevalue("postgres")
    return lambda _: server.away(database.url)


async def landed(store: Store) -> None:
    async with asyncio.timeout(30):
        while store.status()["spooled"]:  # noqa: ASYNC110 - the writer is another thread
            await asyncio.sleep(0.01)


async def private(store: Store, request_id: str, cap: Cap | None = None) -> LedgerRow:
    row = attempt(request_id, **PRIVATE)
    answer = granted(await store.ledger.admit(row, Want(0, 0), (cap,) if cap else (), 0))
    done = ended(row, 0)
    await store.ledger.settle(answer.reservation, done)
    return done


async def test_rows_on_private_keys_go_on_and_land_once(
    spooling: Store, database: Database, away: Away
) -> None:
    with away(spooling):
        for number in range(5):
            await private(spooling, f"r{number}")
        with pytest.raises(StoreError, match="cannot write"):  # the company's money stops
            await spooling.ledger.admit(attempt("r9"), Want(5, 5), (company(100),), 0)
        await spooling.ledger.record(ended(attempt("no", **PRIVATE), 0, Outcome.REFUSED))
        assert spooling.status()["spooled"] == 6
    await landed(spooling)
    found = rows_of(
        database, "request_id, outcome, key_class, charged_nusd, requests, input_tokens", "request_id"
    )
    assert found == [
        ("no", "refused", "personal", 0, 0, 100),
        *((f"r{number}", "ok", "personal", 0, 0, 100) for number in range(5)),
    ]
    assert spooling.verify() == []


async def test_closed_is_the_default(reopen: Callable[..., Store], away: Away, tmp_path: Path) -> None:
    store = reopen(spool=SpoolPlan(tmp_path / "spool"))
    with away(store), pytest.raises(StoreError, match="cannot write"):
        await private(store, "r1")
    assert not (tmp_path / "spool").exists()


async def test_a_request_that_is_still_running_when_the_ledger_is_back_lands_when_it_ends(
    spooling: Store, database: Database, away: Away
) -> None:
    row = attempt("r1", **PRIVATE)
    with away(spooling):
        answer = granted(await spooling.ledger.admit(row, Want(0, 0), (), 0))
        await private(spooling, "r2")
    async with asyncio.timeout(30):
        while spooling.status()["spooled"] != 1:  # noqa: ASYNC110 - the writer is another thread
            await asyncio.sleep(0.01)
    assert await spooling.ledger.top_up(answer.reservation, 5) == 0
    await spooling.ledger.settle(answer.reservation, ended(row, 0))
    await landed(spooling)
    assert sorted(rows_of(database, "request_id, outcome")) == [("r1", "ok"), ("r2", "ok")]


async def test_the_next_attempt_of_a_spooled_request_goes_to_the_ledger_that_is_back(
    spooling: Store, database: Database, away: Away
) -> None:
    row, following = attempt("r1", **PRIVATE), attempt("r1", attempt=2, **PRIVATE)
    with away(spooling):
        answer = granted(await spooling.ledger.admit(row, Want(0, 0), (), 0))
    failed = ended(row, 0, Outcome.UPSTREAM_ERROR)
    await back(spooling)
    answer = await spooling.ledger.replace(answer.reservation, failed, following, Want(0, 0), (), 0)
    assert granted(answer).reservation.ledger_id > 0
    await spooling.ledger.settle(granted(answer).reservation, ended(following, 0))
    await landed(spooling)
    assert sorted(rows_of(database, "attempt, outcome")) == [(1, "upstream_error"), (2, "ok")]


async def back(store: Store) -> None:
    async with asyncio.timeout(30):
        while True:
            with suppress(StoreError):
                await asyncio.to_thread(store.events.record, "a", "deed", {})
                return
            await asyncio.sleep(0.02)


def test_what_a_killed_process_had_spooled_lands_once(
    reopen: Callable[..., Store], database: Database, tmp_path: Path
) -> None:
    """It ended two requests and left one open; a torn line at the end was never acknowledged."""
    folder = tmp_path / "spool"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE), *sys.path])}
    with subprocess.Popen(
        [sys.executable, HERE / "spooling_process.py", folder],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "spooled\n"
        process.send_signal(signal.SIGKILL)
    with (folder / "worker-3.spool").open("ab") as file:
        file.write(b'0badc0de ["end", {"request_id": "torn')
    for boot in ("boot-2", "boot-3"):  # the second finds nothing left to do
        store = reopen(boot, spool=SpoolPlan(folder))
        asyncio.run(landed(store) if "spooled" in store.status() else back(store))
        store.close()
    assert rows_of(database, "request_id, outcome", "request_id") == [
        ("r1", "ok"),
        ("r2", "ok"),
        ("r3", "internal_error"),
    ]


async def test_rows_that_are_in_the_ledger_already_are_only_forgotten(
    spooling: Store, database: Database
) -> None:
    done = await private(spooling, "r1")
    assert spooling._spool is not None
    spooling._spool.ended(done)  # as after a crash between landing and forgetting
    await landed(spooling)
    assert rows_of(database, "request_id") == [("r1",)]


async def test_a_row_whose_opening_was_closed_as_doubtful_gets_its_true_end(
    spooling: Store, database: Database
) -> None:
    """Its commit landed, the answer was lost, the writer closed it, and it went on by way of the spool."""
    row = attempt("r1", **PRIVATE)
    await spooling.ledger.record(ended(row, 0, Outcome.CLIENT_CANCELLED))
    assert spooling._spool is not None
    spooling._spool.ended(ended(row, 0))
    await landed(spooling)
    assert rows_of(database, "request_id, outcome") == [("r1", "ok")]


def until_full(spool: Spool, take: Callable[[LedgerRow], None], name: str) -> list[LedgerRow]:
    taken: list[LedgerRow] = []
    for number in range(100):
        row = ended(attempt(f"{name}{number}", **PRIVATE), 0)
        try:
            take(row)
        except StoreError:
            return taken
        taken.append(row)
    raise AssertionError("it never was full")


def test_a_full_spool_lets_nothing_through_but_takes_the_ends_it_promised(tmp_path: Path) -> None:
    with closing(Spool(tmp_path / "spool", "full", most_bytes=20_000)) as spool:
        taken = until_full(spool, spool.opened, "r")
        until_full(spool, spool.ended, "more")
        for row in taken:
            spool.ended(row)
        assert 1 <= len(taken) <= 10
        assert spool.status()["spool_bytes"] <= 20_000
        spool.landed(spool.waiting())
        assert spool.status() == {"spooled": 0, "spool_bytes": 0}


def test_a_second_process_of_the_same_name_is_refused(tmp_path: Path) -> None:
    with closing(Spool(tmp_path, "one")), pytest.raises(StoreError, match="cannot be used"):
        Spool(tmp_path, "one")
