"""When the database of many nodes goes away, or a node does: nothing is granted, nothing lost or doubled."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from databases import Database
from store_world import KEY, attempt, company, counter, ended, granted, line_of, person, rows_of, spend
from tests.postgres_server import Server, own_server

from sluiceway.errors import StoreError
from sluiceway.store import Busy, Granted, Store, Want, nodes, writer
from sluiceway.store.shared_writer import SharedWriter
from sluiceway.types import Cap

HERE = Path(__file__).parent


@pytest.fixture
def engine() -> str:
    return "postgres"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "RETRY_S", 0.02)


@pytest.fixture(scope="module")
def server_of_our_own() -> Iterator[Server]:
    """One that may be stopped, also where the other tests use a system's."""
    server, end = own_server()
    yield server
    end()


def session_ends(database: Database) -> None:
    """Every connection to the database but ours is cut."""
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


async def settled(store: Store) -> None:
    async with asyncio.timeout(30):
        while store.status()["unsettled"]:  # noqa: ASYNC110 - the writer is another thread
            await asyncio.sleep(0.01)


async def test_an_end_that_meets_a_lost_session_is_written_later_and_once(
    store: Store, database: Database
) -> None:
    cap, row = company(100), attempt("r1")
    answer = granted(await store.ledger.admit(row, Want(30, 10), (cap,), 0))
    session_ends(database)
    done = store.ledger.settle(answer.reservation, ended(row, 12))
    await asyncio.wait_for(done, 30)
    assert counter(database, cap) == (12, 0)
    assert rows_of(database, "outcome") == [("ok",)]
    await spend(store, "r2", 5, cap)
    assert store.verify() == []


async def test_an_admission_that_meets_a_lost_session_goes_on_over_a_new_one(
    store: Store, database: Database
) -> None:
    cap = company(100)
    await spend(store, "r1", 10, cap)
    session_ends(database)
    granted(await store.ledger.admit(attempt("r2"), Want(30, 10), (cap,), 60))
    assert counter(database, cap) == (10, 30)
    assert store.verify() == []


async def test_without_a_database_an_admission_is_refused_and_holds_nothing(
    store: Store, database: Database, postgres: Server
) -> None:
    cap = company(100)
    await spend(store, "r1", 10, cap)
    with postgres.away(database.url), pytest.raises(StoreError, match="the store cannot write"):
        await store.ledger.admit(attempt("r2"), Want(30, 10), (cap,), 60)
    async with asyncio.timeout(30):
        while not await back(store, cap):  # noqa: ASYNC110 - its connection comes back by itself
            await asyncio.sleep(0.05)
    await settled(store)
    assert counter(database, cap) == (10, 5)


async def back(store: Store, cap: Cap) -> bool:
    try:
        return isinstance(await store.ledger.admit(attempt("r3"), Want(5, 5), (cap,), 0), Granted)
    except StoreError:
        return False


async def test_who_waits_goes_on_waiting_through_a_lost_session(store: Store, database: Database) -> None:
    cap, row = company(100), attempt("r1")
    first = granted(await store.ledger.admit(row, Want(90, 90), (cap,), 0))
    waiting = asyncio.create_task(store.ledger.admit(attempt("r2"), Want(50, 50), (cap,), 60))
    await line_of(store, 1)
    session_ends(database)
    await asyncio.wait_for(store.ledger.settle(first.reservation, ended(row, 10)), 30)
    assert granted(await waiting).nusd == 50
    assert counter(database, cap) == (10, 50)


class Landing:
    """The writer's session, whose next commit lands although the answer is lost, or does not land."""

    def __init__(self, real: object, lands: bool) -> None:
        self._real, self._lands, self._fails = real, lands, True

    def execute(self, statement: str, *parameters: object) -> object:
        if statement == "COMMIT" and self._fails:
            self._fails = False
            if self._lands:
                self._real.execute("COMMIT")  # type: ignore[attr-defined]  # an Adapter
                self._real.raw._pipeline.sync()  # type: ignore[attr-defined]  # it travels with what it commits
            self._real.close()  # type: ignore[attr-defined]  # an Adapter
        return self._real.execute(statement, *parameters)  # type: ignore[attr-defined]  # an Adapter

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)


@pytest.mark.parametrize("lands", [True, False], ids=["yet it landed", "it did not land"])
async def test_a_commit_whose_answer_is_lost_counts_once(
    store: Store, database: Database, lands: bool
) -> None:
    cap, row = company(100), attempt("r1")
    await spend(store, "r0", 10, cap)
    answer = granted(await store.ledger.admit(row, Want(30, 10), (cap,), 0))
    assert isinstance(store._writer, SharedWriter)
    store._writer._link = Landing(store._writer._link, lands)  # type: ignore[assignment]  # a fake
    done = store.ledger.settle(answer.reservation, ended(row, 12))
    with pytest.raises(StoreError):
        await store.ledger.admit(attempt("r2"), Want(20, 20), (cap,), 60)
    await asyncio.wait_for(done, 30)
    await settled(store)
    assert counter(database, cap) == (22, 0)
    assert rows_of(database, "request_id, charged_nusd")[:2] == [("r0", 10), ("r1", 12)]
    assert store.verify() == []


@pytest.mark.parametrize("how", ["fast", "immediate"])
async def test_a_server_that_restarts_under_load_loses_and_doubles_nothing(
    server_of_our_own: Server, how: str
) -> None:
    """Two nodes, 20 clients; the server stops in the middle, is away for a while, and comes back."""
    server = server_of_our_own
    database = Database(server.create())
    stores = [Store.open(database.url, key=KEY, boot=boot, create=True) for boot in ("a", "b")]
    cap, over = company(10**9), asyncio.Event()
    ends: list[asyncio.Future[None]] = []
    outcomes = {"granted": 0, "refused": 0, "after": 0}
    away = threading.Event()

    async def client(number: int) -> None:
        store, turn = stores[number % 2], 0
        while not over.is_set():
            turn += 1
            row = attempt(f"{number}-{turn}", f"p{number}")
            try:
                answer = await store.ledger.admit(row, Want(20, 10), (cap, person(10**9, f"p{number}")), 5)
            except StoreError:
                outcomes["refused"] += 1
                await asyncio.sleep(0.05)
                continue
            assert isinstance(answer, Granted)
            outcomes["granted"] += 1
            outcomes["after"] += away.is_set()
            await asyncio.sleep(0)
            ends.append(store.ledger.settle(answer.reservation, ended(row, 13)))

    async def enough(name: str, least: int) -> None:
        async with asyncio.timeout(60):
            while outcomes[name] < least:  # noqa: ASYNC110 - clients count
                await asyncio.sleep(0.01)

    clients = [asyncio.create_task(client(number)) for number in range(20)]
    await enough("granted", 100)
    await asyncio.to_thread(server.stop, how)
    await enough("refused", 40)
    await asyncio.to_thread(server.start)
    away.set()
    await enough("after", 100)
    over.set()
    await asyncio.gather(*clients)
    await asyncio.wait_for(asyncio.gather(*ends), 60)
    assert stores[0].verify() == []
    for store in stores:
        store.close()  # gives back what it holds of the hot counter
    assert counter(database, cap) == (13 * outcomes["granted"], 0)
    charged = rows_of(database, "count(*), sum(charged_nusd), count(distinct request_id)", order="1")
    assert charged[0][1] == 13 * outcomes["granted"]
    assert charged[0][0] == charged[0][2]


@contextmanager
def holding(database: Database, boot: str) -> Iterator[subprocess.Popen[str]]:
    """A process with 50 reservations of 1."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE), *sys.path])}
    command = [sys.executable, HERE / "holding_node.py", database.url, boot, "50"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "holding\n"
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.timeout(90)
async def test_what_a_killed_process_held_comes_back_when_it_is_started_again_without_a_lease(
    reopen: Callable[..., Store], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes, "SILENT_S", 10**6)  # nobody is dead for being silent
    monkeypatch.setattr(nodes, "BEAT_S", 0.1)  # the server may take a moment to see that it was cut
    with holding(database, "") as process:
        assert reopen("beside").recovered == 0
        assert counter(database, company(100)) == (0, 50)
        process.send_signal(signal.SIGKILL)
        process.wait()
    store = reopen("again")
    async with asyncio.timeout(30):
        while counter(database, company(100)) != (50, 0):  # noqa: ASYNC110 - the server is elsewhere
            await asyncio.sleep(0.01)
    assert set(rows_of(database, "outcome, charged_nusd")) == {("internal_error", 1)}
    assert store.verify() == []


GONE = {
    "a process that ended": ("{ended}-ab", True),
    "one that runs": ("{parent}-ab", False),
    "an earlier one of our own number": ("{own}-ab", True),
    "a name": ("victim", False),
    "no number of a process": ("99999999999999999999-ab", False),
}


@pytest.mark.parametrize(("node", "gone"), GONE.values(), ids=GONE.keys())
def test_a_process_is_gone_when_nothing_runs_by_its_number(node: str, gone: bool) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    named = node.format(ended=ended.pid, parent=os.getppid(), own=os.getpid())
    assert nodes._is_gone(named) == gone


@pytest.mark.timeout(90)
async def test_kill_9_of_a_node_with_fifty_reservations_gives_its_money_back_within_the_lease(
    reopen: Callable[..., Store], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cap is worth 100; the dead node held 50 reservations of 1 and had been charged nothing. They are
    charged, and who wanted what they might have left is served or finally refused, not kept waiting."""
    monkeypatch.setattr(nodes, "SILENT_S", 1.5)
    monkeypatch.setattr(nodes, "BEAT_S", 0.3)
    monkeypatch.setattr(nodes, "_UP_S", "SELECT 1000000")  # the server has not just started
    cap = company(100)
    store = reopen("survivor")
    with holding(database, "victim") as process:
        assert counter(database, cap) == (0, 50)
        process.send_signal(signal.SIGKILL)
    assert isinstance(await store.ledger.admit(attempt("eager"), Want(60, 60), (cap,), 0), Busy)
    answer = await store.ledger.admit(attempt("patient"), Want(60, 40), (cap,), 30)
    assert granted(answer).nusd == 50
    assert counter(database, cap) == (50, 50)
    assert store.verify() == []
