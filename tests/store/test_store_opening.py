"""Opening a store: where it is, who may write, and which schema it has."""

from __future__ import annotations

import os
import re
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from databases import Database, file
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import DBAPIError
from store_world import KEY, attempt, company, counter, ended, spend
from tests.postgres_server import Server

from sluiceway.errors import StoreError
from sluiceway.store import Store, Want, migrate
from sluiceway.store.engines import engine_of
from sluiceway.store.engines.sqlite import SqliteEngine
from sluiceway.store.rows import ledger_row
from sluiceway.store.tables import ledger, metadata


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///sluiceway.db", "sluiceway.db"),
        ("sqlite:////var/lib/sluiceway.db", "/var/lib/sluiceway.db"),
    ],
)
def test_a_url_names_a_file(url: str, path: str) -> None:
    engine = engine_of(url)
    assert isinstance(engine, SqliteEngine)
    assert engine.path == Path(path)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgres://user:secret@host/db", "write postgresql://user@host/db"),
        ("postgresql+asyncpg://user:secret@host/db", "write postgresql://user@host/db"),
        ("postgresql://user:secret@host", "name the database"),
        (
            "postgresql://user:secret@127.0.0.1:1/db?sslpassword=secret",
            "postgresql://user:***@127.0.0.1:1/db: ",
        ),
        ("mysql://user:secret@host/db", "write sqlite:///sluiceway.db or postgresql://user@host/db"),
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
        ("sqlite:///x.db?mode=memory", "only sqlite"),
        ("sluiceway.db", "not a database URL"),
    ],
)
def test_another_url_is_refused_without_repeating_it(url: str, says: str) -> None:
    with pytest.raises(StoreError, match=re.escape(says)) as caught:
        Store.open(url, key=KEY, boot="b")
    assert "secret" not in str(caught.value)


def test_a_missing_store_is_not_made_by_accident(tmp_path: Path) -> None:
    for writable in (True, False):
        with pytest.raises(StoreError, match="run `sluiceway init`"):
            Store.open(f"sqlite:///{tmp_path / 'none.db'}", key=KEY, boot="b", writable=writable)
    assert list(tmp_path.iterdir()) == []


def test_only_the_owner_may_read_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.umask(0)
    try:
        path = tmp_path / "new.db"
        store = Store.open(f"sqlite:///{path}", key=KEY, boot="b", create=True)
        store.events.record("made", "test", {})
        assert {each.name: mode(each) for each in tmp_path.iterdir()} == dict.fromkeys(
            ["new.db", "new.db-wal", "new.db-shm", "new.db.lock"], 0o600
        )
        store.close()
    finally:
        os.umask(before)


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be opened: No such file"):
        Store.open(f"sqlite:///{tmp_path / 'none' / 'x.db'}", key=KEY, boot="b", create=True)


@pytest.mark.parametrize("engine", ["sqlite"])
def test_a_second_writer_is_told_who_writes(store: Store, reopen: Callable[..., Store]) -> None:
    with pytest.raises(StoreError, match=rf"in use by process {os.getpid()} .*stop it"):
        reopen("boot-2")
    store.close()
    reopen("boot-3")


@pytest.mark.parametrize("engine", ["sqlite"])
def test_a_writer_in_another_process_is_refused(store: Store, database: Database) -> None:
    script = (
        "import sys; from sluiceway.store import Store; "
        f"Store.open('sqlite:///{database}', key=b'k', boot='other')"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment)
    assert done.returncode == 1
    assert f"in use by process {os.getpid()}" in done.stderr


async def test_readers_need_no_lock_and_cannot_write(store: Store, reopen: Callable[..., Store]) -> None:
    await spend(store, "r1", 12, company(100))
    reader = reopen("reader", writable=False)
    with reader.read() as connection:
        assert connection.execute(select(ledger.c.charged_nusd)).scalars().all() == [12]
        with pytest.raises(DBAPIError, match=r"readonly|read-only"):
            connection.execute(text("DELETE FROM ledger"))
    assert reader.verify() == []
    for act in (lambda: reader.ledger, lambda: reader.people.disable("alice")):
        with pytest.raises(StoreError, match="for reading only"):
            act()


async def test_a_reader_sees_one_moment(store: Store) -> None:
    with store.read() as connection:
        assert connection.execute(select(ledger.c.id)).all() == []
        await spend(store, "r1", 12)
        assert connection.execute(select(ledger.c.id)).all() == []
    with store.read() as connection:
        assert len(connection.execute(select(ledger.c.id)).all()) == 1


async def test_a_row_comes_back_as_it_was_settled(store: Store) -> None:
    row = attempt("r1", tool_units={"web_search": 2}, stream=True, ttft_ms=12.5, conversation_id="é" * 40)
    done = ended(row, 12)
    await store.ledger.record(done)
    with store.read() as connection:
        stored = connection.execute(select(ledger)).mappings().one()
    assert ledger_row(stored) == done


@pytest.mark.parametrize("engine", ["sqlite"])
def test_a_failed_opening_frees_the_lock(database: Database, reopen: Callable[..., Store]) -> None:
    assert database.path is not None
    good = database.path.read_bytes()
    database.path.write_bytes(b"this is not a database, but it is long enough to look at" * 100)
    with pytest.raises(StoreError, match="not a database"):
        reopen()
    database.path.write_bytes(good)
    reopen()


# The schema


def schema(path: Path) -> dict[str, object]:
    """Tables with their columns and foreign keys, and the text of each index, without quotes and spaces."""
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        indexes = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql NOT NULL"
        )
        found: dict[str, object] = {
            name: re.sub(r"[\s\"]|ledger\.", "", sql).lower() for name, sql in indexes
        }
        for (name,) in names:
            for pragma in ("table_info", "foreign_key_list", "index_list"):
                rows = connection.execute(f"PRAGMA {pragma}({name})").fetchall()
                found[f"{pragma} {name}"] = sorted(rows) if pragma != "index_list" else len(rows)
    return {name: made for name, made in found.items() if "alembic" not in name}


@pytest.mark.parametrize("engine", ["sqlite"])
def test_the_migrations_make_exactly_the_tables(database: Database, tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'tables.db'}")
    metadata.create_all(engine)
    engine.dispose()
    assert schema(Path(database)) == schema(tmp_path / "tables.db")
    assert {"ledger_once", "ledger_open", "table_info counters"} <= schema(Path(database)).keys()


def test_head_is_the_newest_revision() -> None:
    assert ScriptDirectory.from_config(migrate._config()).get_current_head() == migrate.HEAD


def stamp(database: Database, revision: str | None) -> None:
    with closing(database.connect()) as connection:
        connection.execute("DELETE FROM alembic_version")
        if revision is not None:
            connection.execute("INSERT INTO alembic_version VALUES (?)", (revision,))


@pytest.mark.parametrize("writable", [True, False])
def test_a_newer_schema_is_refused_and_left_alone(
    database: Database, reopen: Callable[..., Store], writable: bool
) -> None:
    stamp(database, "9999")
    with pytest.raises(StoreError, match="schema 9999 is newer than this version of sluiceway knows"):
        reopen(writable=writable)


@pytest.fixture
def nothing(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database without a table."""
    if engine == "sqlite":
        path = tmp_path / "empty.db"
        path.touch()
        yield file(path)
        return
    server: Server = request.getfixturevalue("postgres")
    url = server.create()
    yield Database(url)
    server.drop(url)


def test_an_empty_database_is_migrated_by_who_may_write(
    nothing: Database, reopen: Callable[..., Store]
) -> None:
    with pytest.raises(StoreError, match="older version"):
        reopen(of=nothing, writable=False)
    store = reopen(of=nothing)
    store.events.record("works", "test", {})
    store.close()


def test_somebody_elses_database_is_refused(nothing: Database, reopen: Callable[..., Store]) -> None:
    with closing(nothing.connect()) as connection:
        connection.execute("CREATE TABLE songs (title TEXT)")
    with pytest.raises(StoreError, match="not made by sluiceway"):
        reopen(of=nothing)


@pytest.mark.parametrize("engine", ["postgres"])
def test_the_migrations_make_the_same_tables_on_postgresql(database: Database, postgres: Server) -> None:
    url = postgres.create()
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    metadata.create_all(engine)
    engine.dispose()
    assert catalogue(database) == catalogue(Database(url))
    postgres.drop(url)


def catalogue(database: Database) -> list[tuple[object, ...]]:
    """Columns, constraints and indexes, as PostgreSQL tells them."""
    with closing(database.connect()) as connection:
        return [
            tuple(row)
            for query in (
                "SELECT table_name, column_name, data_type, is_nullable, column_default "
                "FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2",
                "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2",
                "SELECT conrelid::regclass::text, contype::text, pg_get_constraintdef(oid) "
                "FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2, 3",
            )
            for row in connection.execute(query).fetchall()
            if "alembic" not in str(row)
        ]


async def test_counters_long_over_are_let_go_and_found_again(store: Store, database: Database) -> None:
    writer = store._writer
    assert writer is not None
    await spend(store, "r1", 10, company(100))
    accounts = writer._accounts
    assert accounts is not None
    over = company(100).ends_at
    assert over is not None
    with_open = await store.ledger.admit(attempt("r2"), Want(5, 5), (company(100),), 0)
    store._run(lambda _: accounts.forget(2**62, set()))
    assert len(accounts.counters) == 1  # an open row needs it
    await store.ledger.settle(with_open.reservation, ended(attempt("r2"), 5))  # type: ignore[union-attr]  # granted
    store._run(lambda _: accounts.forget(2**62, set()))
    assert accounts.counters == {}
    await spend(store, "r3", 20, company(100))
    assert counter(database, company(100)) == (35, 0)
    assert store.verify() == []
