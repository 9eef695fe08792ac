"""`audit verify` finds whatever is altered, moved, added, cut off or rolled back, and by name: a thousand
ways in `make audit-mutations`."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from audit_world import CAROL, DAVE, KEY, METADATA, NODE, World, run_sql
from tests.properties import examples
from vandal import SQLITE, Vandal, contents, database

from sluiceway.audit.checkpoint import NodeKey, Verifier
from sluiceway.audit.shipping import notes_in
from sluiceway.audit.shred import Selection, shred
from sluiceway.audit.verify import verify
from sluiceway.errors import StoreError
from sluiceway.store import Store
from sluiceway.store.audit import Snapshot
from sluiceway.store.audit_guards import guards

MUTATIONS = examples(1000)


def fill(world: World) -> list[bytes]:
    """Some days of a company; the database at several moments, the newest last."""
    moments: list[bytes] = []
    for person in ("alice", "bob"):
        world.tell(person)
    world.tell("alice", METADATA)
    moments.append(image(world.database))
    for turn in range(4):
        world.ask([f"question {n}" for n in range(turn + 1)], f"answer {turn}", f"r-{turn}")
    world.ask([], None, "m-1", rule=METADATA)
    world.ask(["sk-abcd1234"], None, "w-1")
    moments.append(image(world.database))
    number = world.asked(CAROL)
    world.approved(number, DAVE)
    world.read(number)
    moments.append(image(world.database))
    world.ask(["of bob"], "noted", "b-1", "bob")
    moments.append(image(world.database))
    shred(world.log, Selection("bob"), "asked to be forgotten", "root", world.clock())
    world.clock.move(days=1)
    world.ask(["the next day"], "noted", "r-9")
    world.close()
    moments.append(image(world.database))
    return moments


def image(path: Path) -> bytes:
    with closing(sqlite3.connect(path)) as connection:
        content = connection.serialize()
    return content[:18] + b"\x01\x01" + content[20:]  # no write-ahead log: memory has none


@dataclass
class Evidence:
    """A company's database at several moments, and the checkpoints kept elsewhere."""

    moments: list[bytes]
    shipped: tuple[str, ...]
    verifier: Verifier


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory, empty_audit: Path) -> Evidence:
    folder = tmp_path_factory.mktemp("evidence")
    shutil.copy(empty_audit, folder / "sluiceway.db")
    store = Store.open(f"sqlite:///{folder / 'sluiceway.db'}", key=KEY, boot="boot-1")
    world = World(folder, store, NodeKey(NODE, b"n" * 32))
    return Evidence(fill(world), world.shipping.read(), world.node.verifier)


@pytest.fixture
def newest(evidence: Evidence) -> Iterator[sqlite3.Connection]:
    """The newest database, without its guards."""
    with database(evidence.moments[-1]) as connection:
        yield connection


def faults(
    connection: sqlite3.Connection, evidence: Evidence, shipped: Sequence[str] | None = None
) -> list[str]:
    """What is found once the guards are back."""
    for each in guards().values():
        connection.execute(each)
    notes = evidence.shipped if shipped is None else shipped
    verdict = verify(Snapshot(connection, SQLITE), [evidence.verifier], notes)
    return [f"{fault.where}: {fault.what}" for fault in verdict.faults]


def test_what_nobody_touched_has_no_fault(evidence: Evidence, newest: sqlite3.Connection) -> None:
    assert faults(newest, evidence) == []
    verdict = verify(Snapshot(newest, SQLITE), [evidence.verifier], evidence.shipped)
    assert (verdict.good, verdict.warnings, verdict.entries, verdict.shredded) == (True, [], 8, 1)


@pytest.mark.parametrize("kind", ["byte", "row", "order", "truncation", "replay"])
def test_random_mutations_are_all_found(evidence: Evidence, kind: str) -> None:
    vandal, missed, done = Vandal(20261115, evidence.moments[:-1]), [], 0
    with database(evidence.moments[-1]) as original:
        intact = contents(original)
    while done < MUTATIONS // 5:
        shipped = list(evidence.shipped)
        with database(evidence.moments[-1]) as connection:
            try:
                what = vandal.alter(connection, shipped, kind)
            except sqlite3.IntegrityError:
                continue
            if contents(connection) == intact and shipped == list(evidence.shipped):
                continue
            done += 1
            if not faults(connection, evidence, shipped):
                missed.append(what)
    assert missed == []


def test_flipped_bits_of_the_file_are_found_or_change_nothing(evidence: Evidence) -> None:
    """Wherever they fall: in rows, in indexes, in free space, in the schema."""
    dice, found = random.Random(7), 0
    with database(evidence.moments[-1]) as original:
        intact = contents(original)
    for _ in range(200):
        data = bytearray(evidence.moments[-1])
        data[dice.randrange(100, len(data))] ^= 1 << dice.randrange(8)
        try:
            with database(bytes(data)) as connection:
                same = contents(connection) == intact
                seen = bool(faults(connection, evidence))
        except (sqlite3.DatabaseError, UnicodeDecodeError):
            same, seen = False, True
        found += seen
        assert same or seen
    assert found > 20


@pytest.mark.parametrize("moment", [0, 1, 2])
def test_an_old_copy_of_the_database_is_found_by_the_checkpoints_kept_elsewhere(
    evidence: Evidence, moment: int
) -> None:
    with database(evidence.moments[moment]) as connection:
        found = faults(connection, evidence)
        assert any("its last checkpoint speaks of" in each for each in found)
    with database(evidence.moments[moment]) as connection:
        kept = [note for _, note in Snapshot(connection, SQLITE).checkpoints(NODE)]
        assert faults(connection, evidence, kept) == []  # nobody can tell without them
        verdict = verify(Snapshot(connection, SQLITE), [evidence.verifier], None)
        assert verdict.good and "older copy" in verdict.warnings[0]


@pytest.mark.parametrize("moment", [0, 1, 2])
def test_a_node_refuses_to_go_on_from_an_old_copy(
    evidence: Evidence, make_world: Callable[..., World], tmp_path: Path, moment: int
) -> None:
    (tmp_path / "sluiceway.db").write_bytes(evidence.moments[moment])
    (tmp_path / "elsewhere.txt").write_text("".join(f"{note}\n" for note in evidence.shipped))
    with pytest.raises(StoreError, match=r"leaves and a checkpoint speaks of .* audit verify"):
        make_world("boot-9")


def test_a_node_refuses_to_sign_over_a_log_that_was_altered(
    world: World, make_world: Callable[..., World]
) -> None:
    world.tell()
    world.close()
    run_sql(world.database, "DROP TRIGGER audit_log_no_update", "UPDATE audit_log SET leaf = randomblob(32)")
    with pytest.raises(StoreError, match="not the one its last checkpoint was signed for"):
        make_world("boot-9")


def test_a_history_signed_with_another_key_is_not_ours(evidence: Evidence) -> None:
    """Whoever rewrites the log and signs it with a key of their own."""
    forger = NodeKey(NODE, b"x" * 32)
    with database(evidence.moments[-1]) as connection:
        for size, note in Snapshot(connection, SQLITE).checkpoints(NODE):
            root = evidence.verifier.open(note).root
            statement = "UPDATE audit_checkpoints SET note = ? WHERE size = ?"
            connection.execute(statement, (forger.sign(size, root), size))
        assert any("signed with another key" in each for each in faults(connection, evidence))


def test_a_second_log_beside_the_first_is_seen(evidence: Evidence, newest: sqlite3.Connection) -> None:
    newest.execute("INSERT INTO audit_log VALUES ('other', 0, 'entry', 'x', zeroblob(32))")
    assert "log other: nobody gave the public key of this node" in faults(newest, evidence)


def test_leaves_that_nobody_signed_for_are_seen(evidence: Evidence, newest: sqlite3.Connection) -> None:
    (size,) = newest.execute("SELECT count(*) FROM audit_log").fetchone()
    newest.execute(f"INSERT INTO audit_log VALUES ('{NODE}', {size}, 'entry', 'x', zeroblob(32))")
    assert any(f"it has {size + 1} leaves" in each for each in faults(newest, evidence))


def test_a_leaf_with_another_number_in_the_same_order_is_found(
    evidence: Evidence, newest: sqlite3.Connection
) -> None:
    newest.execute("UPDATE audit_log SET seq = seq + 7 WHERE seq = (SELECT max(seq) FROM audit_log)")
    assert any("it should be leaf" in each for each in faults(newest, evidence))


@pytest.mark.parametrize("name", sorted(guards()))
def test_a_guard_that_was_dropped_is_missed(evidence: Evidence, name: str) -> None:
    with database(evidence.moments[-1], guarded=True) as connection:
        connection.execute(f"DROP TRIGGER {name}")
        assert Snapshot(connection, SQLITE).missing_guards() == (name,)
        verdict = verify(Snapshot(connection, SQLITE), [evidence.verifier], evidence.shipped)
        assert [fault.where for fault in verdict.faults] == [name]


def test_a_checkpoint_file_that_was_cut_in_the_middle_of_a_note_is_found(
    evidence: Evidence, newest: sqlite3.Connection
) -> None:
    text = "".join(f"{note}\n" for note in evidence.shipped)
    assert faults(newest, evidence, list(notes_in(text[:-40])))


@pytest.mark.parametrize("ahead", [1, 3])
def test_checkpoints_that_wait_to_be_shipped_are_a_warning(evidence: Evidence, ahead: int) -> None:
    with database(evidence.moments[-1], guarded=True) as connection:
        verdict = verify(Snapshot(connection, SQLITE), [evidence.verifier], evidence.shipped[:-ahead])
    assert verdict.good and verdict.warnings == [f"{ahead} checkpoints have not been shipped yet"]


def test_no_fault_quotes_what_is_in_a_record(evidence: Evidence, newest: sqlite3.Connection) -> None:
    newest.execute("UPDATE audit_access SET reason = 'a canary'")
    newest.execute("UPDATE audit_disclosures SET text = 'a canary'")
    found = faults(newest, evidence)
    assert found and not any("canary" in each for each in found)
