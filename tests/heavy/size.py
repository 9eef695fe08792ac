"""A large ledger: what admitting costs beside ten million old rows, paired with an empty one.

    python -m tests.heavy.size --rows 10000000
    python -m tests.heavy.size --rows 1000000 --store postgresql

Two stores in one process take the same admissions in turn (a pair after a pair, so that a busy machine is
busy for both): one empty, one with so many settled rows of a thousand people over a year. Latency is one
request at a time, admit and settle, four caps each; admissions a second are at 64 at a time. Beside it, what
a cap costs that never was before: its opening balance is the ledger's sum.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles

import sqlalchemy

from sluiceway.store import Granted, Store, Want
from sluiceway.store.tables import ledger
from sluiceway.types import Cap, LedgerRow, Outcome, UsageSource
from tests.heavy.databases import database

KEY = b"a key for this benchmark alone.."
PEOPLE, TEAMS, DAYS = 1000, 20, 365
WANT = Want(2_000_000, 1_000, tokens=2_000, floor_tokens=10)
NOW = datetime.now(UTC)
DAY = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
MONTH = DAY.replace(day=1)
LIMIT = 10**15
STEP = 500_000
_SERIES = {
    "sqlite": "WITH RECURSIVE series(n) AS "
    "(SELECT :begin UNION ALL SELECT n + 1 FROM series WHERE n + 1 < :end)",
    "postgresql": "WITH series AS (SELECT generate_series(CAST(:begin AS bigint), :end - 1) AS n)",
}
_NEXT_ID = "SELECT setval(pg_get_serial_sequence('ledger', 'id'), (SELECT max(id) FROM ledger))"


def caps(person: int) -> tuple[Cap, ...]:
    """The four caps of a request: company, team, person, and the person's rate."""
    team, name = f"team{person % TEAMS}", f"person{person}"
    after = (MONTH + timedelta(days=32)).replace(day=1)
    return (
        Cap("company-month", (), "month", MONTH, after, LIMIT),
        Cap("team-month", (("team", team),), "month", MONTH, after, LIMIT),
        Cap("head-day", (("employee", name),), "day", DAY, DAY + timedelta(days=1), LIMIT),
        Cap("head-tokens", (("employee", name),), "day", DAY, DAY + timedelta(days=1), LIMIT, "tokens"),
    )


def row(number: int, person: int) -> LedgerRow:
    return LedgerRow(
        request_id=f"bench-{os.getpid()}-{number}",
        started_at=NOW,
        principal=f"person{person}",
        principal_kind="employee",
        team=f"team{person % TEAMS}",
        provider="anthropic",
        provider_requested="anthropic",
        host="api.anthropic.com",
        operation="messages",
        dialect="anthropic",
        model_requested="claude-sonnet-4-5",
        model_routed="claude-sonnet-4-5",
    )


async def one(store: Store, number: int, person: int, *, capped: bool = True) -> float:
    """Seconds for one request's admission and end, both on disk."""
    opened = row(number, person)
    began = time.perf_counter()
    answer = await store.ledger.admit(opened, WANT, caps(person) if capped else (), 10)
    assert isinstance(answer, Granted), answer
    end = replace(
        opened,
        outcome=Outcome.OK,
        ended_at=NOW,
        charged_nusd=1_527_000,
        cost_nusd=1_527_000,
        input_tokens=9,
        output_tokens=100,
        usage_source=UsageSource.REPORTED,
        status=200,
    )
    await store.ledger.settle(answer.reservation, end)
    return time.perf_counter() - began


async def throughput(store: Store, first: int, count: int, at_once: int = 64) -> float:
    """Admissions (and ends) a second."""
    numbers = iter(range(first, first + count))
    began = time.perf_counter()

    async def work() -> None:
        for number in numbers:
            await one(store, number, number % PEOPLE)

    await asyncio.gather(*(work() for _ in range(at_once)))
    return count / (time.perf_counter() - began)


def fill(url: str, rows: int) -> None:
    """So many settled rows, spread over people and days, made of one real row inside the database. No store
    is open meanwhile: its writer would find the database locked."""
    with closing(Store.open(url, key=KEY, boot="filling", create=True)) as store:
        asyncio.run(one(store, 10**9, 0, capped=False))
    engine = sqlalchemy.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    values = {"now": int(NOW.timestamp() * 1e6), "step": DAYS * 86_400_000_000 // rows}
    with closing(engine.connect()) as connection:
        statement = sqlalchemy.text(_many(engine.dialect.name))
        for begin in range(0, rows, STEP):
            span = {"begin": begin, "end": min(rows, begin + STEP)}
            connection.execute(statement, {**values, **span, "people": PEOPLE, "teams": TEAMS})
            connection.commit()
            _say(f"{begin:,} of {rows:,} rows")
        if engine.dialect.name == "postgresql":
            connection.execute(sqlalchemy.text(_NEXT_ID))
            connection.commit()
            connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("VACUUM ANALYZE")
    engine.dispose()
    _say("")


def _many(engine: str) -> str:
    own = {"id", "request_id", "started_at", "ended_at", "principal", "team"}
    kept = ", ".join(f'"{column.name}"' for column in ledger.columns if column.name not in own)
    series = _SERIES[engine]
    return (
        f"{series} INSERT INTO ledger (id, request_id, started_at, ended_at, principal, team, {kept}) "
        "SELECT 1000 + n, 'old-' || CAST(n AS text), :now - n * :step, :now - n * :step, "
        "'person' || CAST(n % :people AS text), 'team' || CAST(n % :people % :teams AS text), "
        f"{kept} FROM series, (SELECT * FROM ledger WHERE id < 1000 LIMIT 1) AS model"
    )


def _say(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


async def compare(empty: Store, full: Store, pairs: int) -> dict[str, tuple[float, float]]:
    """Milliseconds (admissions a second) of both, the empty one first; the order within a pair alternates."""
    took: tuple[list[float], list[float]] = ([], [])
    for store in (empty, full):
        for number in range(PEOPLE):  # every counter is there: what is measured is not their first use
            await one(store, 2 * 10**9 + number, number)
    for number in range(pairs):
        for which in (0, 1) if number % 2 else (1, 0):
            took[which].append(await one((empty, full)[which], number, number % PEOPLE) * 1000)
    rates: tuple[list[float], list[float]] = ([], [])
    for turn in range(6):
        for which in (0, 1) if turn % 2 else (1, 0):
            rates[which].append(await throughput((empty, full)[which], 10**6 * (turn + 1), 2000))
    return {
        "admit and settle, p50 (ms)": (median(took[0]), median(took[1])),
        "admit and settle, p99 (ms)": (quantiles(took[0], n=100)[98], quantiles(took[1], n=100)[98]),
        "admissions a second, 64 at a time": (median(rates[0]), median(rates[1])),
    }


async def opening_ms(store: Store) -> float:
    """What the first use of four new caps costs: each begins at the ledger's sum."""
    began = time.perf_counter()
    await one(store, 3 * 10**9, 0)
    return (time.perf_counter() - began) * 1000


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.heavy.size", description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--pairs", type=int, default=5000)
    parser.add_argument("--store", choices=("sqlite", "postgresql"), default="sqlite")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sluiceway-size-")))
        urls = [
            stack.enter_context(database(options.store)) or f"sqlite:///{folder}/{name}.db"
            for name in ("empty", "full")
        ]
        began = time.monotonic()
        fill(urls[1], options.rows)
        print(f"{options.rows:,} rows in {time.monotonic() - began:.0f} s")
        empty, full = (Store.open(url, key=KEY, boot="bench", create=True) for url in urls)
        stack.callback(empty.close)
        stack.callback(full.close)
        print(f"first use of four new caps: {asyncio.run(opening_ms(full)):.0f} ms")
        found = asyncio.run(compare(empty, full, options.pairs))
        print(f"{options.store:36} {'empty':>10} {'full':>10} {'ratio':>7}")
        for name, (small, large) in found.items():
            print(f"{name:36} {small:>10.3f} {large:>10.3f} {large / small:>6.2f}x")
        for name, store in (("empty", empty), ("full", full)):
            print(f"ledger verify, {name}: {len(store.verify())} counters differ")
        print(f"resident at most: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
