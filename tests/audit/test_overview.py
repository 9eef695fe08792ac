"""What the report is told: how much was kept on what ground, and everybody who read or asked to."""

from __future__ import annotations

from datetime import timedelta

from audit_world import CAROL, DAVE, METADATA, NOON, World

from sluiceway.audit.overview import Kept, overview
from sluiceway.audit.shred import Selection, shred


def test_the_report_sees_what_was_kept_and_who_read_it(world: World) -> None:
    world.tell()
    world.tell(rule=METADATA)
    for number in ("r-1", "r-2"):
        world.ask([f"hello {number}"], "hi", number)
    world.ask(["sk-abcd1234"], None, "r-3")
    world.ask([], None, "r-4", rule=METADATA)
    read, asked = world.asked(CAROL), world.asked(DAVE)
    world.approved(read, DAVE)
    world.read(read, CAROL)
    shred(world.log, Selection("alice"), "asked to be forgotten", "root", world.clock())
    found = overview(world.store.audit, NOON, NOON + timedelta(days=1))
    assert found.kept == (
        Kept("alice", "incident", "sealed", 2),
        Kept("alice", "incident", "withheld_residue", 1),
        Kept("alice", "usage", "none", 1),
    )
    assert (found.told, found.acknowledged, found.shredded) == (2, 2, {"person": 1})
    assert [[name for name, _ in people] for _, people in found.holders] == [["carol", "dave", "erin"]]
    by_id = {each.id: each for each in found.readings}
    assert by_id.keys() == {read, asked}
    one, other = by_id[read], by_id[asked]
    assert (one.requester, one.approved_by, len(one.opened_at), one.reason) == (
        "carol",
        ("dave",),
        1,
        "incident 12",
    )
    assert (other.approved_by, other.approved_at, other.opened_at) == ((), None, ())


def test_another_period_holds_nothing(world: World) -> None:
    world.tell()
    world.ask(["hello"], None)
    found = overview(world.store.audit, NOON + timedelta(days=1), NOON + timedelta(days=2))
    assert (found.kept, found.readings, found.told, found.shredded) == ((), (), 0, {})
