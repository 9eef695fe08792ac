"""Reading what was sealed takes two different people, a reason, and leaves a signed trace of every step."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from datetime import timedelta

import pytest
from audit_world import CAROL, DAVE, ERIN, FRANK, NOON, World

from sluiceway.audit.grounds import Grounds
from sluiceway.audit.holders import Holders
from sluiceway.audit.keyfile import PrivateKey
from sluiceway.audit.records import row
from sluiceway.audit.unlock import Scope, approve, open_step, opened, request
from sluiceway.audit.wrap import CannotOpen, Lock, release, unwrap, wrap
from sluiceway.errors import SluicewayError
from sluiceway.store.audit import Snapshot

EVERYBODY = (CAROL, DAVE, ERIN, FRANK)
SECRET = bytes(range(32))


@pytest.fixture
def sealed(world: World) -> World:
    world.tell()
    world.ask(["my number is 123-45-6789"], "noted")
    return world


@pytest.fixture
def snapshot(sealed: World) -> Iterator[Snapshot]:
    with sealed.store.audit.snapshot() as found:
        yield found


PAIRS = [(one, other) for one, other in itertools.permutations((CAROL, DAVE, ERIN), 2)]


@pytest.mark.parametrize(("asks", "approves"), PAIRS, ids=lambda who: who.name)
def test_every_two_of_them_read_what_was_redacted(
    sealed: World, asks: PrivateKey, approves: PrivateKey
) -> None:
    number = sealed.asked(asks)
    sealed.approved(number, approves)
    assert sealed.read(number, asks) == [["my number is <US_SSN>", "noted"]]
    assert sealed.verdict().faults == []


@pytest.mark.parametrize("who", EVERYBODY, ids=lambda who: who.name)
def test_one_person_alone_opens_nothing_whatever_they_try(
    sealed: World, snapshot: Snapshot, who: PrivateKey
) -> None:
    """Every wrap there is, peeled with this one key in every role, as often as it goes."""
    wraps = list(snapshot.erasable("wraps"))
    assert len(wraps) == len(PAIRS)
    keys = {each.public.id for each in EVERYBODY}
    for each in wraps:
        blobs = [bytes(each["wrap"])]  # type: ignore[arg-type]  # a BLOB
        while blobs:
            blob = blobs.pop()
            assert len(blob) > 32, "a data key came out"
            for approver, reader in itertools.product(keys, repeat=2):
                lock = Lock(str(each["data_key"]), "alice", approver, reader)
                for peel in (release, unwrap):
                    try:
                        blobs.append(peel(blob, lock, who))
                    except CannotOpen:
                        continue


def test_one_person_cannot_take_both_parts(sealed: World) -> None:
    number = sealed.asked(CAROL)
    for again in (CAROL, replace(CAROL, name="dave"), PrivateKey("carol", "auditor", DAVE.seed)):
        with pytest.raises(SluicewayError, match="somebody else has to approve"):
            sealed.approved(number, again)
    with pytest.raises(SluicewayError, match="nobody has approved"):
        sealed.read(number, CAROL)


def test_two_of_the_works_council_cannot_open_without_an_auditor(make_world: Callable[..., World]) -> None:
    council = Holders((CAROL.holder, ERIN.holder, FRANK.holder))
    assert {tuple(sorted((a.name, b.name))) for a, b in council.pairs} == {
        ("carol", "erin"),
        ("carol", "frank"),
    }
    world = make_world(holders=council)
    world.tell()
    world.ask(["hello"], None)
    number = world.asked(ERIN)
    with pytest.raises(CannotOpen, match="cannot open this together"):
        world.approved(number, FRANK)


def test_somebody_who_joined_later_cannot_open_what_was_sealed_before(sealed: World) -> None:
    number = sealed.asked(CAROL)
    with pytest.raises(CannotOpen, match=r"not in rules/auditors\.yaml on that day"):
        sealed.approved(number, FRANK)


def test_who_approved_does_not_get_to_read(sealed: World, snapshot: Snapshot) -> None:
    number = sealed.asked(CAROL)
    sealed.approved(number, DAVE)
    with pytest.raises(SluicewayError, match="only who asked can open"):
        sealed.read(number, DAVE)


def test_nothing_is_opened_before_the_opening_is_on_record(sealed: World) -> None:
    number = sealed.asked(CAROL)
    sealed.approved(number, DAVE)
    with sealed.store.audit.snapshot() as found:
        step = open_step(found, number, CAROL, "carol", sealed.clock())
        with pytest.raises(SluicewayError, match="opening was not recorded"):
            list(opened(found, number, CAROL))
    sealed.log.append([step])
    with sealed.store.audit.snapshot() as found:
        assert len(list(opened(found, number, CAROL))) == 1


def test_a_request_opens_only_what_it_names(world: World) -> None:
    for person in ("alice", "bob"):
        world.tell(person)
    first = world.ask(["one"], "1", "r-1")
    world.ask(["two"], "2", "r-2")
    world.ask(["of bob"], "3", "r-3", "bob")
    only = world.asked(CAROL, entries=(first.id,))
    world.approved(only, DAVE)
    assert world.read(only) == [["one", "1"]]
    everything = world.asked(CAROL)
    world.approved(everything, DAVE)
    assert world.read(everything) == [["one", "1"], ["two", "2"]]


def test_what_is_sealed_after_the_approval_is_not_covered_by_it(sealed: World) -> None:
    number = sealed.asked(CAROL)
    sealed.approved(number, DAVE)
    sealed.clock.move(minutes=5)
    sealed.ask(["later"], None, "r-9")
    assert sealed.read(number) == [["my number is <US_SSN>", "noted"]]


def test_a_period_outside_holds_nothing_to_approve(sealed: World) -> None:
    step = request(Scope("alice", NOON - timedelta(days=9), NOON), "incident 12", CAROL, "carol", NOON)
    sealed.log.append([step])
    with pytest.raises(SluicewayError, match="covers nothing"):
        sealed.approved(step.id)


@pytest.mark.parametrize("reason", ["", "   ", "\n"])
def test_a_request_needs_a_reason(reason: str) -> None:
    with pytest.raises(SluicewayError, match="give a reason"):
        request(Scope("alice", NOON, NOON + timedelta(days=1)), reason, CAROL, "carol", NOON)


def test_every_step_is_on_record_with_who_when_why_and_a_signature(sealed: World) -> None:
    number = sealed.asked(CAROL)
    sealed.approved(number, DAVE)
    sealed.read(number)
    with sealed.store.audit.snapshot() as found:
        steps = list(found.records("access", request=number))
        assert [(each["step"], each["holder"], each["reason"]) for each in steps] == [
            ("request", "carol", "incident 12"),
            ("approve", "dave", "incident 12"),
            ("open", "carol", "incident 12"),
        ]
        assert all(not list(Grounds(found).problems("access", each)) for each in steps)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"reason": "another one"}, "signature"),
        ({"person": "bob"}, "signature"),
        ({"at": 1}, "signature"),
        ({"signature": "00" * 64}, "signature"),
        ({"signature": "not hex"}, "signature"),
        ({"key": DAVE.public.id}, "nobody"),
        ({"holder": "dave", "key": DAVE.public.id}, "signature"),
        ({"key": FRANK.public.id, "holder": "frank"}, "nobody"),
    ],
)
def test_a_step_that_its_holder_did_not_sign_is_seen(
    sealed: World, snapshot: Snapshot, change: dict[str, object], what: str
) -> None:
    step = request(Scope("alice", NOON, NOON + timedelta(days=1)), "incident 12", CAROL, "carol", NOON)
    assert list(Grounds(snapshot).problems("access", row(step))) == []
    forged = type(step)(**(asdict(step) | change))  # type: ignore[arg-type]  # as given
    assert any(what in each for each in Grounds(snapshot).problems("access", row(forged)))


def test_an_approval_of_a_request_that_was_changed_is_seen(sealed: World) -> None:
    number = sealed.asked(CAROL)
    with sealed.store.audit.snapshot() as found:
        step, _ = approve(found, number, DAVE, "dave", sealed.clock())
        wider = replace(step, to_at=step.to_at + 1)
        problems = list(Grounds(found).problems("access", row(wider)))
    assert "it is about something else than its request" in problems


LOCK = Lock("k1", "alice", DAVE.public.id, CAROL.public.id)


@pytest.mark.parametrize(
    "moved",
    [
        replace(LOCK, data_key="k2"),
        replace(LOCK, person="bob"),
        replace(LOCK, approver=ERIN.public.id),
        replace(LOCK, reader=ERIN.public.id),
    ],
    ids=["data key", "person", "approver", "reader"],
)
def test_a_wrap_opens_only_in_its_own_place(moved: Lock) -> None:
    wrapped = wrap(SECRET, LOCK, DAVE.public, CAROL.public)
    assert unwrap(release(wrapped, LOCK, DAVE), LOCK, CAROL) == SECRET
    with pytest.raises(CannotOpen):
        release(wrapped, moved, DAVE)
    with pytest.raises(CannotOpen):
        unwrap(release(wrapped, LOCK, DAVE), moved, CAROL)
    with pytest.raises(CannotOpen):
        release(wrapped, LOCK, CAROL)


@pytest.mark.parametrize("at", [0, 31, 32, 79, 127])
def test_a_wrap_with_one_bit_changed_does_not_open(at: int) -> None:
    wrapped = bytearray(wrap(SECRET, LOCK, DAVE.public, CAROL.public))
    wrapped[at] ^= 1
    with pytest.raises(CannotOpen):
        release(bytes(wrapped), LOCK, DAVE)
