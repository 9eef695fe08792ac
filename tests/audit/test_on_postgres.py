"""The audit in PostgreSQL: the same log, and guards that the database itself holds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from audit_world import KEY, NODE, World
from tests.postgres_server import Server

from sluiceway.audit.checkpoint import NodeKey
from sluiceway.store import Store
from sluiceway.store.engines import engine_of


@pytest.fixture(scope="module")
def url(postgres: Server) -> str:
    return postgres.create()


@pytest.fixture
def kept(url: str, tmp_path: Path) -> Iterator[World]:
    """One audited request, told, asked and sealed."""
    world = World(tmp_path, Store.open(url, key=KEY, boot="boot-1", create=True), NodeKey(NODE, b"n" * 32))
    if not world.entries():
        world.tell()
        world.ask(["a question"], None)
    yield world
    world.close()


def run(url: str, *statements: str) -> None:
    with closing(engine_of(url).writer()) as connection:
        for each in statements:
            connection.execute(each)


def test_what_was_asked_is_sealed_logged_and_verifies(kept: World) -> None:
    assert len(kept.entries()) == 1
    assert kept.verdict().faults == []


REFUSED = {
    "a changed record": ("UPDATE audit_entries SET person = 'bob'", "rows are never changed"),
    "a deleted record": ("DELETE FROM audit_entries", "rows are never deleted"),
    "an emptied log": ("TRUNCATE audit_log", "tables are never emptied"),
    "a leaf out of order": (
        "INSERT INTO audit_log VALUES ('{node}', 99, 'entry', 'x', decode(repeat('00', 32), 'hex'))",
        "leaves are added at the end",
    ),
    "ciphertext without a shred": ("DELETE FROM audit_wraps", "only what a shred covers is deleted"),
}


@pytest.mark.parametrize(("statement", "says"), REFUSED.values(), ids=REFUSED)
def test_the_database_refuses(kept: World, url: str, statement: str, says: str) -> None:
    with pytest.raises(Exception, match=re.escape(f"audit: {says}")):
        run(url, statement.replace("{node}", NODE))


@pytest.mark.parametrize(
    ("away", "back"),
    [
        (
            "ALTER TABLE audit_log DISABLE TRIGGER audit_log_no_update",
            "ALTER TABLE audit_log ENABLE TRIGGER audit_log_no_update",
        ),
        (
            "ALTER TRIGGER audit_log_no_update ON audit_log RENAME TO away",
            "ALTER TRIGGER away ON audit_log RENAME TO audit_log_no_update",
        ),
    ],
    ids=["disabled", "renamed"],
)
def test_a_guard_that_is_away_is_named(kept: World, url: str, away: str, back: str) -> None:
    run(url, away)
    with kept.store.audit.snapshot() as snapshot:
        assert snapshot.missing_guards() == ("audit_log_no_update",)
    run(url, back)
    with kept.store.audit.snapshot() as snapshot:
        assert snapshot.missing_guards() == ()
