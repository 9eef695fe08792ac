"""The audit in PostgreSQL: the same log, and guards that the database itself holds."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from audit_world import KEY, NODE, World
from tests.postgres_server import Server

from sluiceway.audit.checkpoint import NodeKey
from sluiceway.store import Store
from sluiceway.store.engines import engine_of

HERE = Path(__file__).parent


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


class Worker:
    """A process that audits, and what it said."""

    def __init__(self, url: str, folder: Path) -> None:
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE), *sys.path])}
        command = [sys.executable, HERE / "auditing_worker.py", url, folder]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self.said: dict[str, set[str]] = {"begun": set(), "kept": set()}
        self._listening = threading.Thread(target=self._listen, daemon=True)
        self._listening.start()

    def _listen(self) -> None:
        for line in self.process.stdout or ():
            if line.endswith("\n"):  # the last may be cut
                what, number = line.split()
                self.said[what].add(number)

    def kept(self, more: int) -> None:
        """Until it has kept so many more."""
        least = len(self.said["kept"]) + more
        while len(self.said["kept"]) < least:
            assert self.process.poll() is None
            threading.Event().wait(0.01)

    def ended(self, killed: bool) -> int:
        """Its exit status; all it said was heard."""
        assert self.process.stdin
        if killed:
            self.process.kill()
        self.process.stdin.close()
        self._listening.join(60)
        assert self.process.stdout
        self.process.stdout.close()
        return self.process.wait(60)


@pytest.mark.timeout(150)
def test_two_workers_that_audit_at_once_and_one_killed_leave_a_whole_log(
    postgres: Server, tmp_path: Path
) -> None:
    """All that was kept is there once, and whatever was begun has an entry, which may say that it is lost."""
    url = postgres.create()
    world = World(tmp_path, Store.open(url, key=KEY, boot="first", create=True), NodeKey(NODE, b"n" * 32))
    world.tell()
    killed, other = Worker(url, tmp_path), Worker(url, tmp_path)
    for worker in (killed, other, killed):
        worker.kept(15)
    assert killed.ended(killed=True) < 0
    other.kept(15)
    again = Worker(url, tmp_path)  # as the supervisor starts it again
    again.kept(15)
    assert [worker.ended(killed=False) for worker in (other, again)] == [0, 0]
    assert world.verdict().faults == []
    kept = killed.said["kept"] | other.said["kept"] | again.said["kept"]
    begun = killed.said["begun"] | other.said["begun"] | again.said["begun"]
    contents = {str(each["id"]): each["content"] for each in world.entries()}
    assert len(contents) == len(world.entries())
    assert {contents[number] for number in kept} == {"sealed"}
    assert begun <= set(contents)
    with world.store.audit.snapshot() as snapshot:
        assert list(snapshot.pending()) == []
    world.close()
    postgres.drop(url)
