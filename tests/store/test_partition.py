"""The network swallows everything without a word: refusals in time, nothing granted, nothing lost or doubled.

In the product an answer may take 15 s; here one, so that a test does not wait as long.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from databases import Database
from store_world import KEY, attempt, company, counter, ended, granted, person, rows_of, spend
from tests.black_hole import BlackHole

from sluiceway.errors import StoreError
from sluiceway.store import Granted, Store, Want, nodes, writer
from sluiceway.store.engines import postgres
from sluiceway.store.spool import SpoolPlan
from sluiceway.types import Cap


@pytest.fixture
def engine() -> str:
    return "postgres"


def test_locks_and_dead_networks_are_given_up_before_the_server_is() -> None:
    settings = postgres._SETTINGS
    dead_s = settings["keepalives_idle"] + settings["keepalives_interval"] * settings["keepalives_count"]
    assert settings["tcp_user_timeout"] == postgres.SILENT_MS
    assert postgres.ANSWER_S * 1000 < postgres.TRANSACTION_MS < nodes.SILENT_S * 1000
    assert postgres.CONNECT_S < postgres.SILENT_MS / 1000 < dead_s < postgres.ANSWER_S < 20


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch, database: Database) -> None:
    monkeypatch.setattr(writer, "RETRY_S", 0.02)
    monkeypatch.setattr(writer, "HOUSEKEEPING_S", 0.05)
    monkeypatch.setattr(postgres, "ANSWER_S", 1.0)
    monkeypatch.setattr(postgres, "TRANSACTION_MS", 1500)
    monkeypatch.setitem(postgres._SETTINGS, "connect_timeout", 2)
    short = postgres._WRITING
    for name, within_ms in (("idle_in_transaction_session_timeout", 1000), ("lock_timeout", 500)):
        assert f" {name}={postgres.SILENT_MS} " in short
        short = short.replace(f" {name}={postgres.SILENT_MS} ", f" {name}={within_ms} ")
    monkeypatch.setattr(postgres, "_WRITING", short)
    with closing(psycopg.connect(database.url)) as connection:
        if connection.info.server_version >= postgres.KNOWS_TRANSACTION_TIMEOUT:
            return
    # The other node ends the session that holds the locks.
    monkeypatch.setattr(nodes, "SILENT_S", 3.0)
    monkeypatch.setattr(nodes, "BEAT_S", 0.3)
    monkeypatch.setattr(nodes, "_UP_S", "SELECT 1000000")  # the server has not just started


@pytest.fixture
def hole(database: Database, impatient: None) -> Iterator[BlackHole]:
    relay = BlackHole(database.url)
    yield relay
    relay.close()


@pytest.fixture
def cut(hole: BlackHole) -> Iterator[Callable[..., Store]]:
    """Opens nodes whose way to the database leads through the relay."""
    opened: list[Store] = []

    def open_store(boot: str, **options: object) -> Store:
        opened.append(Store.open(hole.url, key=KEY, boot=boot, **options))  # type: ignore[arg-type]  # as given
        return opened[-1]

    yield open_store
    for store in opened:
        store.close()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 - other threads and clients make it so
            await asyncio.sleep(0.01)


class Load:
    """Ten clients at a node, each asking again and again; each is charged 13 of the 20 it reserved."""

    def __init__(self, store: Store, cap: Cap, name: str) -> None:
        self.store, self.cap, self.name = store, cap, name
        self.granted, self.refused, self.longest_s = 0, 0, 0.0
        self.over = False
        self.ends: list[asyncio.Future[None]] = []
        self.tasks = [asyncio.create_task(self.client(number)) for number in range(10)]

    async def client(self, number: int) -> None:
        turn = 0
        while not self.over:
            turn += 1
            row = attempt(f"{self.name}-{number}-{turn}", f"p{number}")
            began = time.monotonic()
            try:
                caps = (self.cap, person(10**9, f"p{number}"))
                answer = await self.store.ledger.admit(row, Want(20, 10), caps, 5)
            except StoreError:
                self.refused += 1
                await asyncio.sleep(0.05)
                continue
            finally:
                self.longest_s = max(self.longest_s, time.monotonic() - began)
            assert isinstance(answer, Granted)
            self.granted += 1
            self.ends.append(self.store.ledger.settle(answer.reservation, ended(row, 13)))
            await asyncio.sleep(0.002)

    async def end(self) -> None:
        self.over = True
        await asyncio.gather(*self.tasks)
        await asyncio.wait_for(asyncio.gather(*self.ends), 60)


@pytest.mark.timeout(150)
async def test_under_load_a_node_whose_network_swallows_everything_grants_nothing_and_comes_back(
    cut: Callable[..., Store], reopen: Callable[..., Store], hole: BlackHole, database: Database
) -> None:
    """The other node, which reaches the database, goes on: what the silent one had locked is free in time."""
    cap = company(10**9)
    near, far = Load(reopen("near"), cap, "near"), Load(cut("far"), cap, "far")
    await until(lambda: min(near.granted, far.granted) >= 50)
    with hole.open():
        await until(lambda: far.refused >= 10)
        before, others = far.granted, near.granted
        await until(lambda: far.refused >= 60 and near.granted >= others + 50)
        assert far.granted == before
        assert hole.swallowed
    await until(lambda: far.granted >= before + 50)
    await far.end()
    await near.end()
    assert far.store.verify() == []
    for load in (near, far):
        load.store.close()  # gives back what it holds of the hot counter
    assert counter(database, cap) == (13 * (near.granted + far.granted), 0)
    [(rows, names, charged)] = rows_of(
        database, "count(*), count(distinct request_id), sum(charged_nusd)", order="1"
    )
    assert rows == names
    assert charged == 13 * (near.granted + far.granted)


@pytest.mark.timeout(90)
async def test_who_waits_for_an_answer_that_never_comes_is_refused_and_told_why(
    cut: Callable[..., Store], hole: BlackHole
) -> None:
    store, cap, row = cut("far"), company(100), attempt("r1")
    held = granted(await store.ledger.admit(row, Want(30, 10), (cap,), 0)).reservation
    with hole.open():
        done = store.ledger.settle(held, ended(row, 12))
        asked = [store.ledger.admit(attempt(f"r{n}"), Want(5, 5), (cap,), 60) for n in range(2, 9)]
        answers = await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 60)
        assert {type(answer).__mro__[1] for answer in answers} == {StoreError}
        reasons = {str(answer) for answer in answers}
        assert all(reason.startswith("the store cannot write: ") for reason in reasons)
        assert any("timeout expired" in reason or "did not answer for 1 s" in reason for reason in reasons)
        assert not done.done()
    await asyncio.wait_for(done, 60)
    await until(lambda: store.status()["unsettled"] == 0)
    await spend(store, "r9", 5, cap)
    assert store._writer is not None
    assert store.verify() == []


@pytest.mark.timeout(90)
async def test_private_requests_go_on_meanwhile_and_their_rows_land_once(
    cut: Callable[..., Store], hole: BlackHole, database: Database, tmp_path: Path
) -> None:
    """Also those whose opening was committed while its answer was swallowed."""
    store, cap = cut("far", spool=SpoolPlan(tmp_path / "spool", on=True)), company(100)
    await spend(store, "r0", 10, cap)

    async def private(number: int) -> None:
        row = attempt(f"p{number}", spends=False, key_class="personal")
        answer = granted(await store.ledger.admit(row, Want(0, 0), (), 0))
        await store.ledger.settle(answer.reservation, ended(row, 0))

    with hole.open():
        await asyncio.wait_for(asyncio.gather(*(private(number) for number in range(20))), 60)
        with pytest.raises(StoreError):
            await store.ledger.admit(attempt("r1"), Want(5, 5), (cap,), 0)
        assert store.status()["spooled"] == 20
    await until(lambda: store.status()["spooled"] == 0 and store.status()["unsettled"] == 0)
    found = sorted(row for row in rows_of(database, "request_id, outcome, attempt") if row[0] != "r1")
    assert found == sorted([("r0", "ok", 1), *((f"p{number}", "ok", 1) for number in range(20))])
    assert counter(database, cap) == (10, 0)
    assert store.verify() == []
