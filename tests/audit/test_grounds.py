"""What the proxy's own machine logged and signed without grounds is found all the same.

Each case is put into the database past its guards, logged in order, and signed with the node's own key, as
somebody could who has taken over the machine.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict
from typing import Any

import pytest
from audit_world import CAROL, DAVE, FRANK, NOON, World

from sluiceway.audit.holders import Holders
from sluiceway.audit.merkle import root_of
from sluiceway.audit.records import DataKey, leaf, listed, signed_bytes
from sluiceway.audit.unlock import Scope, request
from sluiceway.store.audit_guards import guards
from sluiceway.store.audit_tables import RECORDS

ID = "0" * 32


class Machine:
    """Whoever has the node's key, the database and nobody to stop them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.connection = sqlite3.connect(world.database, isolation_level=None)
        self.connection.execute("PRAGMA ignore_check_constraints = ON")
        self.connection.row_factory = sqlite3.Row

    def row(self, kind: str, where: str = "1") -> dict[str, Any]:
        """The first row of a kind, under a new id."""
        found = self.connection.execute(f"SELECT * FROM {RECORDS[kind].name} WHERE {where}").fetchone()
        return {**dict(found), "id": ID}

    def log(self, kind: str, row: dict[str, Any]) -> list[str]:
        """Logs and signs a record; what `verify` then finds."""
        for name in guards():
            self.connection.execute(f"DROP TRIGGER {name}")
        places = ", ".join("?" * len(row))
        self.connection.execute(f"INSERT INTO {RECORDS[kind].name} VALUES ({places})", list(row.values()))
        node = self.world.node
        leaves = [
            bytes(leaf) for (leaf,) in self.connection.execute("SELECT leaf FROM audit_log ORDER BY seq")
        ]
        made = leaf(kind, row)
        self.connection.execute(
            "INSERT INTO audit_log VALUES (?, ?, ?, ?, ?)",
            (node.name, len(leaves), kind, row["id"], made.hash),
        )
        note = node.sign(len(leaves) + 1, root_of([*leaves, made.hash]))
        self.connection.execute(
            "INSERT INTO audit_checkpoints VALUES (?, ?, ?)", (node.name, len(leaves) + 1, note)
        )
        for each in guards().values():
            self.connection.execute(each)
        self.world.shipping.ship((note,))
        return [fault.what for fault in self.world.verdict().faults]


@pytest.fixture
def machine(world: World) -> Iterator[Machine]:
    world.tell("alice")
    world.tell("bob")
    world.ask(["hello"], None)
    number = world.asked(CAROL)
    world.approved(number, DAVE)
    found = Machine(world)
    with closing(found.connection):
        yield found


BARE = {"content": "content_lost", "data_key": None, "sealed": "[]"}


def test_an_entry_with_its_grounds_has_no_fault(machine: Machine) -> None:
    assert machine.log("entry", machine.row("entry") | BARE) == []


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"key_class": "personal"}, "the credential was not the company's"),
        ({"purpose": "  "}, "it names no purpose or no agreement"),
        ({"agreement": ""}, "it names no purpose or no agreement"),
        ({"started_at": 1}, "it began before the acknowledgement or after the rule's end"),
        ({"until_at": 1}, "it began before the acknowledgement or after the rule's end"),
        ({"purpose": "Something nobody was told"}, "its rule is not the one in the notice"),
        ({"keep_days": 3650}, "its rule is not the one in the notice"),
        ({"until": "2099-12-31"}, "its rule is not the one in the notice"),
        ({"person": "bob"}, "no such acknowledgement"),
        ({"disclosure": ID}, "no such acknowledgement"),
        ({"content": "sealed"}, "it does not say clearly whether anything was kept"),
        ({"content": "none"}, "its mode and what was kept do not agree"),
    ],
    ids=lambda value: None if isinstance(value, str) else " ".join(value),
)
def test_an_entry_without_its_grounds_is_found(machine: Machine, change: dict[str, Any], what: str) -> None:
    assert what in machine.log("entry", machine.row("entry") | BARE | change)


def test_an_entry_under_another_persons_key_is_found(machine: Machine) -> None:
    row = machine.row("entry") | {"person": "bob"}
    assert "its data key is not one of this person" in machine.log("entry", row)


def test_an_acknowledgement_of_nothing_is_found(machine: Machine) -> None:
    assert machine.log("acknowledgement", machine.row("acknowledgement")) == ["no such disclosure"]


def test_an_acknowledgement_before_the_disclosure_is_found(machine: Machine) -> None:
    given = machine.row("disclosure") | {"at": 9}
    assert machine.log("disclosure", given) == []
    early = machine.row("acknowledgement") | {"disclosed_at": 9, "at": 8}
    assert machine.log("acknowledgement", early) == ["it is older than the disclosure"]


def test_a_data_key_wrapped_for_somebody_else_is_found(machine: Machine) -> None:
    """A back door: a pair that is not on record."""
    row = machine.row("data_key")
    wider = Holders((*machine.world.holders.holders, FRANK.holder))
    wraps = sorted([one.key.id, other.key.id, "00" * 32] for one, other in wider.pairs)
    found = machine.log("data_key", asdict(DataKey(**row)) | {"wraps": listed(list(wraps))})
    assert "it is not wrapped for exactly the pairs of people on record" in found


def test_a_set_of_people_under_the_id_of_another_is_found(machine: Machine) -> None:
    assert machine.log("holders", machine.row("holders")) == ["its people do not fit its id"]


def test_a_shred_of_no_key_is_found(machine: Machine) -> None:
    row = {"id": ID, "at": 1, "cause": "person", "reason": "none", "actor": "root"}
    assert machine.log("shred", row) == ["there is no such data key"]


Step = Callable[[Machine], dict[str, Any]]


def resigned(row: dict[str, Any], who: Any) -> dict[str, Any]:
    return row | {"signature": who.sign(signed_bytes(row)).hex()}


def by_outsider(machine: Machine) -> dict[str, Any]:
    scope = Scope("alice", NOON, NOON.replace(day=20))
    return asdict(request(scope, "curious", FRANK, "frank", NOON))


def own_approval(machine: Machine) -> dict[str, Any]:
    """carol approves her own request, under dave's name or her own."""
    row = machine.row("access", "step = 'approve'")
    return resigned(row | {"holder": "carol", "key": CAROL.public.id, "releases": "[]"}, CAROL)


def forged(machine: Machine) -> dict[str, Any]:
    return machine.row("access", "step = 'request'") | {"request": ID, "reason": "another reason"}


def wider(machine: Machine) -> dict[str, Any]:
    row = machine.row("access", "step = 'approve'")
    return resigned(row | {"person": "bob", "releases": "[]"}, DAVE)


def of_nothing(machine: Machine) -> dict[str, Any]:
    row = machine.row("access", "step = 'approve'")
    return resigned(row | {"request": "1" * 32, "releases": "[]"}, DAVE)


@pytest.mark.parametrize(
    ("step", "what"),
    [
        (by_outsider, "the key belongs to nobody for whom anything was sealed"),
        (own_approval, "who asked cannot approve, and only who asked can open"),
        (forged, "the signature is not good"),
        (wider, "it is about something else than its request"),
        (of_nothing, "there is no such request"),
    ],
    ids=lambda value: value.__name__ if callable(value) else None,
)
def test_a_step_towards_reading_without_its_grounds_is_found(machine: Machine, step: Step, what: str) -> None:
    assert what in machine.log("access", step(machine))
