"""Hand-made SQL that goes against the audit's promises is refused, even by the bare sqlite3 shell."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from audit_world import CAROL, DAVE, KEY, METADATA, World, run_sql

from sluiceway.audit.daykeys import DayKeys
from sluiceway.errors import StoreError
from sluiceway.store import Store
from sluiceway.store.audit import AuditRefused
from sluiceway.store.audit_tables import ERASABLE, RECORDS
from sluiceway.store.engines.sqlite import SqliteEngine

FOREIGN_KEYS = pytest.mark.parametrize("foreign_keys", [False, True], ids=["foreign keys off", "on"])


@pytest.fixture
def kept(world: World) -> World:
    """alice has one entry of each mode, which carol has read; bob was told and acknowledged as well."""
    world.tell()
    world.tell("alice", METADATA)
    world.tell("bob")
    world.ask(["hello"], "hi")
    world.ask([], None, "r-2", rule=METADATA)
    number = world.asked(CAROL)
    world.approved(number, DAVE)
    world.read(number, CAROL)
    return world


def copy_of(kind: str, path: Path, changes: dict[str, object], where: str = "1") -> tuple[str, list[object]]:
    """An INSERT of the first row again, under another id and with these changes."""
    table = RECORDS[kind]
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        row = dict(connection.execute(f"SELECT * FROM {table.name} WHERE {where}").fetchone())
    row |= {"id": "0" * 32} | changes
    names = ", ".join(row)
    return f"INSERT INTO {table.name} ({names}) VALUES ({', '.join('?' * len(row))})", list(row.values())


def attempt(path: Path, statement: str, values: list[object], *, foreign_keys: bool) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA foreign_keys = {int(foreign_keys)}")
        connection.execute(statement, values)


@FOREIGN_KEYS
@pytest.mark.parametrize(
    "change",
    [
        {"key_class": "personal"},
        {"key_class": "subscription"},
        {"key_class": "unknown"},
        {"key_class": "COMPANY"},
        {"purpose": ""},
        {"purpose": "   "},
        {"agreement": ""},
        {"agreement": None},
        {"until_at": 1},
        {"until_at": "9"},
        {"until_at": "never"},
        {"started_at": 2**62},
        {"acknowledged_at": 2**62},
        {"acknowledged_at": 5},
        {"disclosure": None},
        {"disclosure": "nobody ever said so"},
        {"person": "bob"},
        {"notice": "0" * 32},
        {"keep_days": 0},
        {"mode": "raw"},
        {"mode": "metadata"},
        {"content": "plain"},
        {"content": "none"},
        {"content": "content_lost"},
        {"data_key": None},
        {"data_key": "0" * 32},
        {"sealed": "[]"},
    ],
    ids=lambda change: " ".join(f"{name}={value!r}"[:30] for name, value in change.items()),
)
def test_an_entry_without_its_grounds_is_refused(
    kept: World, change: dict[str, object], foreign_keys: bool
) -> None:
    statement, values = copy_of("entry", kept.database, change, "content = 'sealed'")
    with pytest.raises(sqlite3.IntegrityError):
        attempt(kept.database, statement, values, foreign_keys=foreign_keys)
    assert len(kept.entries()) == 2


@FOREIGN_KEYS
def test_the_same_entry_with_its_grounds_is_taken_and_then_found_by_verify(
    kept: World, foreign_keys: bool
) -> None:
    statement, values = copy_of("entry", kept.database, {}, "content = 'sealed'")
    attempt(kept.database, statement, values, foreign_keys=foreign_keys)
    assert [fault.what for fault in kept.verdict().faults] == ["it is not in the log exactly once"]


@FOREIGN_KEYS
@pytest.mark.parametrize(
    ("kind", "change", "where"),
    [
        ("acknowledgement", {}, "1"),
        ("acknowledgement", {"at": 1}, "1"),
        ("access", {"holder": "carol"}, "step = 'approve'"),
        ("access", {"request": "0" * 31 + "1"}, "step = 'approve'"),
        ("access", {"person": "bob"}, "step = 'approve'"),
        ("access", {"reason": " "}, "step = 'request'"),
        ("access", {"request": "0" * 31 + "1"}, "step = 'open'"),
        ("access", {"holder": "dave"}, "step = 'open'"),
        ("access", {"step": "peek"}, "step = 'open'"),
        ("data_key", {"expires_at": 1}, "1"),
        ("disclosure", {"text": ""}, "1"),
    ],
    ids=[
        "acknowledged, never told",
        "acknowledged before told",
        "approved by who asked",
        "approval of nothing",
        "approval for another person",
        "no reason",
        "opened without a request",
        "opened by the approver",
        "another step",
        "a key that ends before it begins",
        "told nothing",
    ],
)
def test_other_facts_without_their_grounds_are_refused(
    kept: World, kind: str, change: dict[str, object], where: str, foreign_keys: bool
) -> None:
    statement, values = copy_of(kind, kept.database, change, where)
    with pytest.raises(sqlite3.IntegrityError):
        attempt(kept.database, statement, values, foreign_keys=foreign_keys)


def test_nobody_opens_what_nobody_approved(kept: World) -> None:
    number = kept.asked(CAROL, "bob")
    change = {"request": number, "person": "bob"}
    statement, values = copy_of("access", kept.database, change, "step = 'open'")
    with pytest.raises(sqlite3.IntegrityError, match="nobody approved"):
        attempt(kept.database, statement, values, foreign_keys=False)


TABLES = [*(table.name for table in RECORDS.values()), *(t.name for t in ERASABLE.values())]
HISTORY = [*TABLES, "audit_log", "audit_checkpoints"]
HAVE_NO_ROW = {"audit_shreds"}


@pytest.mark.parametrize("table", [name for name in HISTORY if name not in HAVE_NO_ROW])
def test_nothing_in_the_audit_is_changed_replaced_or_deleted(kept: World, table: str) -> None:
    with closing(sqlite3.connect(kept.database, isolation_level=None)) as connection:
        before = connection.execute(f"SELECT * FROM {table}").fetchall()
        columns = [name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")]
        assert before
        for statement in (
            f"UPDATE {table} SET {columns[-1]} = {columns[-1]}",
            f"UPDATE OR REPLACE {table} SET {columns[0]} = 'x'",
            f"UPDATE OR IGNORE {table} SET {columns[0]} = 'x'",
            f"DELETE FROM {table}",
            f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}",
            f"REPLACE INTO {table} SELECT * FROM {table}",
            f"INSERT INTO {table} SELECT * FROM {table} WHERE 1 ON CONFLICT DO UPDATE SET {columns[0]} = 1",
        ):
            with pytest.raises(sqlite3.IntegrityError, match="audit: "):
                connection.execute(statement)
        assert connection.execute(f"SELECT * FROM {table}").fetchall() == before
        with pytest.raises(sqlite3.OperationalError):  # no hidden key to aim at
            connection.execute(f"SELECT rowid FROM {table}")


def test_leaves_are_added_at_the_end_and_once(kept: World) -> None:
    size = kept.log.size
    values = "'{}', {}, 'entry', '{}', randomblob({})"
    for node, seq, ref, length in [
        (kept.node.name, size + 1, "x", 32),
        (kept.node.name, -1, "x", 32),
        (kept.node.name, size, kept.entries()[0]["id"], 32),
        (kept.node.name, size, "x", 31),
        ("other", 1, "x", 32),
    ]:
        with pytest.raises(sqlite3.IntegrityError):
            run_sql(kept.database, f"INSERT INTO audit_log VALUES ({values.format(node, seq, ref, length)})")


def test_what_is_shredded_does_not_come_back(kept: World) -> None:
    key = kept.entries()[0]["data_key"]
    run_sql(kept.database, f"INSERT INTO audit_shreds VALUES ('{key}', 1, 'person', 'by hand', 'root')")
    run_sql(kept.database, "DELETE FROM audit_wraps")
    with pytest.raises(sqlite3.IntegrityError, match="does not come back"):
        run_sql(kept.database, f"INSERT INTO audit_wraps VALUES ('{key}', 'a', 'b', x'00')")


def test_only_what_a_shred_covers_is_deleted(kept: World) -> None:
    kept.ask(["of bob"], None, "r-3", "bob")
    bob, alice = (
        next(each["data_key"] for each in kept.entries() if each["person"] == who and each["data_key"])
        for who in ("bob", "alice")
    )
    run_sql(kept.database, f"INSERT INTO audit_shreds VALUES ('{bob}', 1, 'person', 'by hand', 'root')")
    with pytest.raises(sqlite3.IntegrityError, match="only what a shred covers"):
        run_sql(kept.database, f"DELETE FROM audit_wraps WHERE data_key IN ('{alice}', '{bob}')")
    run_sql(kept.database, f"DELETE FROM audit_wraps WHERE data_key = '{bob}'")


def test_a_change_that_the_database_refuses_leaves_nothing(kept: World) -> None:
    size, keys = kept.log.size, DayKeys(kept.holders, kept.node.name, "boot-1")
    key = keys.key("alice", 30, kept.clock())
    records, wraps = keys.records(key, kept.clock())
    with pytest.raises(AuditRefused):
        kept.log.append(records, [*wraps, *wraps])
    assert kept.log.size == size
    kept.log.append(records, wraps)
    assert kept.verdict().faults == []


def test_a_store_that_is_open_for_reading_takes_nothing(kept: World) -> None:
    url = f"sqlite:///{kept.database}"
    reader = Store.open(url, key=KEY, boot="reader", writable=False)
    with closing(reader), pytest.raises(StoreError, match="reading only"):
        reader.audit.pend("x", "boot", "{}")


def test_the_writers_own_connection_checks_foreign_keys_too(kept: World) -> None:
    with closing(SqliteEngine(kept.database).writer()) as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute("INSERT INTO audit_shreds VALUES ('nothing', 1, 'person', 'by hand', 'root')")
