"""Totals of what passed undecrypted, and the log of what operators did."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta

import pytest
from databases import Database
from sqlalchemy import select
from store_world import NOON

from sluiceway.store import Event, Store, writer
from sluiceway.store.moments import to_us
from sluiceway.store.tables import discovery, tunnels


def totals(store: Store) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    with store.read() as connection:
        return (
            [tuple(row) for row in connection.execute(select(tunnels).order_by(tunnels.c.day))],
            [tuple(row) for row in connection.execute(select(discovery).order_by(discovery.c.team))],
        )


def test_connections_add_up_over_restarts(reopen: Callable[..., Store]) -> None:
    for boot in ("boot-1", "boot-2"):
        store = reopen(boot)
        store.traffic.tunnel("2026-11-15", 10, 1000)
        store.traffic.tunnel("2026-11-15", 5, 500)
        store.traffic.tunnel("2026-11-16", 1, 1)
        store.traffic.seen("2026-11-15", "api.example.ai", "tls_rejected", "core", 7, 70)
        store.traffic.seen("2026-11-15", "api.example.ai", "tls_rejected", "ops", 1, 2)
        store.close()
    assert totals(reopen("boot-3")) == (
        [("2026-11-15", 4, 30, 3000), ("2026-11-16", 2, 2, 2)],
        [
            ("2026-11-15", "api.example.ai", "tls_rejected", "core", 2, 14, 140),
            ("2026-11-15", "api.example.ai", "tls_rejected", "ops", 2, 2, 4),
        ],
    )


async def test_totals_are_written_every_few_seconds(
    reopen: Callable[..., Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "HOUSEKEEPING_S", 0.01)
    store = reopen()
    store.traffic.tunnel("2026-11-15", 10, 1000)
    async with asyncio.timeout(30):
        while not totals(store)[0]:  # noqa: ASYNC110 - the writer is another thread
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("engine", ["sqlite"])  # of PostgreSQL one cannot lock all
async def test_totals_survive_a_database_that_is_locked_for_a_while(
    reopen: Callable[..., Store],
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(writer, "HOUSEKEEPING_S", 0.01)
    store = reopen()
    store._run(lambda connection: connection.execute("PRAGMA busy_timeout = 1").fetchone())
    with closing(database.connect()) as other:
        other.execute("BEGIN IMMEDIATE")
        store.traffic.tunnel("2026-11-15", 10, 1000)
        async with asyncio.timeout(30):
            while "was undone" not in caplog.text:  # noqa: ASYNC110 - the writer is another thread
                await asyncio.sleep(0.005)
        store.traffic.tunnel("2026-11-15", 1, 1)
        other.execute("ROLLBACK")
    store.close()
    assert totals(reopen("boot-2"))[0] == [("2026-11-15", 2, 11, 1001)]


def test_deeds_are_listed_in_their_time(reopen: Callable[..., Store]) -> None:
    now = to_us(NOON)
    store = reopen(clock=lambda: now)
    store.events.record("rules_loaded", "serve", {"version": "1a2b"})
    now += 1_000_000
    store.events.record("employee_added", "root", {"name": "alice"})
    later = NOON + timedelta(seconds=1)
    assert store.events.list(NOON, later) == (Event(NOON, "rules_loaded", "serve", {"version": "1a2b"}),)
    assert [event.kind for event in store.events.list(later, later + timedelta(days=1))] == ["employee_added"]
    assert store.events.list(later + timedelta(days=1), later + timedelta(days=2)) == ()
