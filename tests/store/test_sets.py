"""Many rows as one statement say what a statement for each row says."""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import fields, replace

import pytest
from databases import Database
from store_world import attempt, busy_writer, company, counter, ended, granted, person, rows_of

from sluiceway.errors import StoreError
from sluiceway.store import Granted, Store, Want, rows, sets
from sluiceway.store.amounts import Amounts
from sluiceway.store.engines.adapter import MANY, Adapter
from sluiceway.types import LedgerRow

AWKWARD = (
    "it's",
    'a "quoted" one',
    "back\\slash",
    "{braces, and NULL}",
    "new\nline\ttab",
    "ü 漢 🚰",
    "",
    "%s ?",
)
COLUMNS = ", ".join(name for name in rows.COLUMNS if name not in ("id", "request_id"))


@pytest.fixture
def engine() -> str:
    return "postgres"


def odd(number: int) -> LedgerRow:
    text = AWKWARD[number % len(AWKWARD)]
    return attempt(
        f"r{number}",
        team=text,
        project=text,
        model_requested=text or None,
        stream=bool(number % 2),
        tool_units={"search": number, text: 1},
        turn=number if number % 3 else None,
    )


def finished(row: LedgerRow) -> LedgerRow:
    return replace(ended(row, 2**40), ttft_ms=0.1 + 0.2, duration_ms=1e300, error_type=row.project or None)


def written(link: Adapter, first: int) -> list[tuple[object, ...]]:
    """What the ledger says of rows that were opened and ended, without their names."""
    each = [(first + number, odd(number)) for number in range(len(AWKWARD) * 2)]
    held = Amounts(7, 1, 9, 1)
    opened = [rows.opened(i, "b", held, rows.opening(replace(row, request_id=f"{i}"))) for i, row in each]
    link.executemany(rows.INSERT, opened)
    tokens = [None if i % 2 else i for i, _ in each]
    settled = [
        rows.settling(finished(row), i, None if used is None else used - first)
        for (i, row), used in zip(each, tokens, strict=True)
    ]
    link.executemany(rows.SETTLE, settled)
    found = link.execute(f"SELECT {COLUMNS} FROM ledger WHERE id >= ? ORDER BY id", (first,)).fetchall()
    link.execute("DELETE FROM ledger")
    return found


def test_rows_written_together_are_those_written_one_by_one(store: Store, database: Database) -> None:
    with closing(database.connect()) as link:
        assert isinstance(link, Adapter)
        apart = written(link, 1000)
        link.in_one = sets.FORMS
        assert written(link, 2000) == apart
    assert len(apart) >= MANY
    assert {field.name for field in fields(LedgerRow)} - {"spends"} <= set(rows.COLUMNS)


@pytest.mark.parametrize("statement", list(sets.FORMS), ids=["insert", "settle", "change"])
def test_a_batch_of_many_rows_is_one_statement_of_the_server(
    store: Store, database: Database, statement: str
) -> None:
    held = Amounts(1, 1, 1, 1)
    parameters = {
        rows.INSERT: [rows.opened(i, "b", held, rows.opening(attempt(f"r{i}"))) for i in range(1, 41)],
        rows.SETTLE: [rows.settling(finished(attempt(f"r{i}")), i, 1) for i in range(1, 41)],
        rows.CHANGE: [(1, 1, f"c{i}") for i in range(1, 41)],
    }
    with closing(database.connect()) as link:
        assert isinstance(link, Adapter)
        link.in_one = sets.FORMS
        if statement == rows.SETTLE:
            link.executemany(rows.INSERT, parameters[rows.INSERT])
        if statement == rows.CHANGE:
            for i in range(1, 41):
                link.execute("INSERT INTO counters VALUES (?, '[]', 'usd', 'day', 0, 1, 0, 0)", (f"c{i}",))
        done = link.executemany(statement, parameters[statement])
        assert done.statusmessage.split()[-1] == "40"  # type: ignore[attr-defined]  # psycopg's
        link.execute("DELETE FROM ledger")
        link.execute("DELETE FROM counters")


BAD = {
    "a NUL": {"team": "a\0b"},
    "half a character": {"team": "a\ud800"},
    "a number beyond 64 bits": {"turn": 2**70},
    "a number beyond its column": {"turn": 2**40},
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
async def test_a_bad_value_among_many_fails_alone(store: Store, bad: dict[str, object]) -> None:
    cap = company(10**6)
    with busy_writer(store):
        asked = [
            asyncio.ensure_future(
                store.ledger.admit(
                    attempt(f"r{number}", **(bad if number == 20 else {})), Want(5, 5), (cap,), 9
                )
            )
            for number in range(40)
        ]
        await asyncio.sleep(0)
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(answers[20], StoreError)
    assert sum(isinstance(answer, Granted) for answer in answers) == 39
    assert store.verify() == []


async def test_many_admissions_and_ends_at_once_leave_counters_that_equal_the_ledger(
    store: Store, database: Database
) -> None:
    cap = company(10**9)

    async def one(number: int) -> None:
        name = f"p{number % 17}"
        row = attempt(f"r{number}", name)
        held = granted(await store.ledger.admit(row, Want(30, 30), (cap, person(10**9, name)), 9))
        await store.ledger.settle(held.reservation, ended(row, 12))

    await asyncio.gather(*(one(number) for number in range(200)))
    assert counter(database, cap) == (2400, 0)
    assert store.verify() == []
    assert {row[0] for row in rows_of(database, "owner")} == {None}
