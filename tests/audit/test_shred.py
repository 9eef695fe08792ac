"""After a shred nothing opens it again, no key and no byte of the files, and the log still holds."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from audit_world import CAROL, DAVE, ERIN, World

from sluiceway.audit.shred import Selection, shred, shred_expired
from sluiceway.audit.unlock import opened
from sluiceway.errors import SluicewayError


def blobs(path: Path) -> list[bytes]:
    """Every ciphertext, wrap and release in the database."""
    with closing(sqlite3.connect(path)) as connection:
        columns = (("audit_sealed", "ciphertext"), ("audit_wraps", "wrap"), ("audit_releases", "layer"))
        found = [connection.execute(f"SELECT {column} FROM {table}").fetchall() for table, column in columns]
    return [value for rows in found for (value,) in rows]


def bytes_of(folder: Path) -> bytes:
    return b"".join(each.read_bytes() for each in sorted(folder.iterdir()) if each.is_file())


@pytest.fixture
def approved(world: World) -> tuple[World, str]:
    """alice and bob have entries on two days; an approval of alice's is lying about."""
    for person in ("alice", "bob"):
        world.tell(person)
        world.ask([f"{person} today"], "yes", f"{person}-1", person)
    world.clock.move(days=1)
    for person in ("alice", "bob"):
        world.ask([f"{person} tomorrow"], "yes", f"{person}-2", person)
    number = world.asked(CAROL)
    world.approved(number)
    return world, number


def test_what_is_shredded_no_two_people_can_open(approved: tuple[World, str]) -> None:
    world, number = approved
    assert len(world.read(number)) == 2
    assert shred(world.log, Selection("alice"), "asked to be forgotten", "root", world.clock()) == 2
    with pytest.raises(SluicewayError, match="nothing of it is left"):
        world.read(number)  # not even what was approved before
    with world.store.audit.snapshot() as snapshot:
        assert list(opened(snapshot, number, CAROL)) == []  # nor for who leaves the questions out
    for asks, approves in itertools.permutations((CAROL, DAVE, ERIN), 2):
        again = world.asked(asks)
        with pytest.raises(SluicewayError, match="nothing that could be opened"):
            world.approved(again, approves)
    assert world.verdict().faults == []
    assert world.verdict().shredded == 2


def test_others_and_other_days_stay(approved: tuple[World, str]) -> None:
    world, _ = approved
    day = Selection(from_day="2026-11-15", to_day="2026-11-16")
    assert shred(world.log, day, "the wrong period", "root", world.clock()) == 2
    for person in ("alice", "bob"):
        number = world.asked(CAROL, person)
        world.approved(number)
        assert world.read(number) == [[f"{person} tomorrow", "yes"]]


def test_not_a_byte_of_it_is_left_in_any_file(approved: tuple[World, str]) -> None:
    world, _ = approved
    before = blobs(world.database)
    assert len(before) > 30 and all(each in bytes_of(world.folder) for each in before)
    world.store._run(lambda c: c.execute("PRAGMA secure_delete = OFF").fetchall())  # as some SQLites begin
    shred(world.log, Selection(from_day="2000-01-01"), "the end of the audit", "root", world.clock())
    world.close()
    after = bytes_of(world.folder)
    assert blobs(world.database) == []
    left = [each for each in before if each in after or each[:32] in after or each[-32:] in after]
    assert left == []


@pytest.mark.parametrize(("days", "destroyed"), [(30, 0), (31, 2), (32, 4)])
def test_what_was_kept_as_long_as_its_rule_said_is_destroyed(
    approved: tuple[World, str], days: int, destroyed: int
) -> None:
    world, _ = approved  # it is the second day now, and the rule keeps 30 days after each day's end
    world.clock.move(days=days - 1)
    world.clock.now = world.clock.now.replace(hour=0, minute=0, second=0)
    assert shred_expired(world.log, world.clock(), "serve") == destroyed
    assert shred_expired(world.log, world.clock(), "serve") == 0


def test_the_recorder_destroys_what_has_expired_when_it_starts(make_world: Callable[..., World]) -> None:
    world = make_world()
    world.tell()
    world.ask(["hello"], None)
    world.close()
    again = make_world("boot-2")
    again.clock.move(days=60)
    recorder = again.new_recorder("boot-2")
    recorder.close()
    with again.store.audit.snapshot() as snapshot:
        assert [(each["cause"], each["actor"]) for each in snapshot.records("shred")] == [
            ("retention", "serve")
        ]
    assert blobs(again.database) == []


def test_destroying_everything_by_a_slip_is_refused(approved: tuple[World, str]) -> None:
    world, _ = approved
    with pytest.raises(SluicewayError, match="say what to shred"):
        shred(world.log, Selection(), "oops", "root", world.clock())


def test_a_wrap_that_comes_back_from_a_backup_is_found(approved: tuple[World, str]) -> None:
    world, _ = approved
    with closing(sqlite3.connect(world.database)) as connection:
        gone = connection.execute(
            "SELECT w.* FROM audit_wraps w, audit_data_keys k WHERE k.id = w.data_key AND person = 'alice'"
        ).fetchall()
    shred(world.log, Selection("alice"), "asked to be forgotten", "root", world.clock())
    with closing(sqlite3.connect(world.database, isolation_level=None)) as connection:
        (guard,) = connection.execute(
            "SELECT sql FROM sqlite_master WHERE name = 'audit_wraps_no_return'"
        ).fetchone()
        connection.execute("DROP TRIGGER audit_wraps_no_return")
        connection.executemany("INSERT INTO audit_wraps VALUES (?, ?, ?, ?)", gone[:1])
        connection.execute(guard)
    faults = world.verdict().faults
    assert len(faults) == 1 and "it was shredded, and is there again" in faults[0].what
