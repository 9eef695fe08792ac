"""Rows, caps and small acts that the store's tests share. Amounts are nano-dollars, easy to add by hand."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from databases import Database

from sluiceway.store import Granted, Store, Want
from sluiceway.store.engines.connection import Connection
from sluiceway.store.records import Answer
from sluiceway.types import Cap, LedgerRow, Outcome, Unit, UsageSource

KEY = b"a key for the tests of the store"
NOON = datetime(2026, 11, 15, 12, tzinfo=UTC)
DAY = datetime(2026, 11, 15, tzinfo=UTC)
MONTH = datetime(2026, 11, 1, tzinfo=UTC)
NEXT_MONTH = datetime(2026, 12, 1, tzinfo=UTC)


def company(limit: int, rule: str = "company-month") -> Cap:
    return Cap(rule, (), "month", MONTH, NEXT_MONTH, limit)


def team(limit: int, name: str = "core", rule: str = "team-month") -> Cap:
    return Cap(rule, (("team", name),), "month", MONTH, NEXT_MONTH, limit)


def person(limit: int, name: str = "alice", rule: str = "head-day") -> Cap:
    return Cap(rule, (("employee", name),), "day", DAY, DAY + timedelta(days=1), limit)


def minute(limit: int, unit: Unit = "requests", rule: str = "rate") -> Cap:
    return Cap(rule, (("employee", "alice"),), "minute", NOON, NOON + timedelta(minutes=1), limit, unit)


def at_once(limit: int, name: str = "core", rule: str = "open") -> Cap:
    return Cap(rule, (("team", name),), "now", datetime(1970, 1, 1, tzinfo=UTC), None, limit, "concurrent")


def counted(limit: int, unit: Unit) -> Cap:
    return replace(company(limit, f"company-{unit}"), unit=unit)


def attempt(request_id: str, principal: str = "alice", **fields: object) -> LedgerRow:
    row = LedgerRow(
        request_id=request_id,
        started_at=NOON,
        principal=principal,
        principal_kind="employee",
        team="core",
        provider="anthropic",
        host="api.anthropic.com",
        operation="messages",
        model_requested="claude-sonnet-4-5",
    )
    return replace(row, **fields)  # type: ignore[arg-type]  # field names are checked by replace itself


def ended(row: LedgerRow, charged: int, outcome: Outcome = Outcome.OK) -> LedgerRow:
    return replace(
        row,
        outcome=outcome,
        ended_at=NOON + timedelta(seconds=2),
        charged_nusd=charged,
        cost_nusd=charged,
        usage_source=UsageSource.REPORTED,
        input_tokens=100,
        output_tokens=20,
        status=200,
    )


def granted(answer: Answer) -> Granted:
    assert isinstance(answer, Granted), answer
    return answer


async def spend(store: Store, request_id: str, nusd: int, *caps: Cap, **fields: object) -> None:
    """One request that reserves and is charged exactly this much."""
    row = attempt(request_id, **fields)
    answer = granted(await store.ledger.admit(row, Want(nusd, nusd), caps, 0))
    await store.ledger.settle(answer.reservation, ended(row, nusd))


async def line_of(store: Store, length: int) -> None:
    """Until this many wait for money."""
    async with asyncio.timeout(30):
        while store.status()["waiting"] != length:  # noqa: ASYNC110 - the line is the writer thread's
            await asyncio.sleep(0.001)


def counter(database: Database, cap: Cap) -> tuple[int, int] | None:
    """(spent, reserved) as stored, None where there is no such counter."""
    with closing(database.connect()) as connection:
        found: tuple[int, int] | None = connection.execute(
            "SELECT spent, reserved FROM counters WHERE counter = ?", (cap.counter,)
        ).fetchone()
    return found


def rows_of(database: Database, columns: str, order: str = "id") -> list[tuple[object, ...]]:
    with closing(database.connect()) as connection:
        return connection.execute(f"SELECT {columns} FROM ledger ORDER BY {order}").fetchall()


@contextmanager
def busy_writer(store: Store) -> Iterator[None]:
    """Inside, the writer is at work on something else, so orders queue up behind it."""
    started, finish = threading.Event(), threading.Event()

    def work(_: Connection) -> None:
        started.set()
        assert finish.wait(30)

    thread = threading.Thread(target=store._run, args=(work,))
    thread.start()
    assert started.wait(30)
    try:
        yield
    finally:
        finish.set()
        thread.join()
