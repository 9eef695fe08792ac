"""The numbers of many conversations: stable, apart, and bounded."""

from __future__ import annotations

from sluiceway.guard.numberings import CONVERSATION_WEIGHT, Numberings

MAIL = "EMAIL_ADDRESS"


def test_a_conversation_keeps_its_numbers_and_shares_them_with_none() -> None:
    numberings = Numberings(b"k" * 32)
    first = numberings.of("alice", "c1")
    assert [first.placeholder(MAIL, value) for value in ("a@x.org", "b@x.org")] == ["<EMAIL_1>", "<EMAIL_2>"]
    assert numberings.of("alice", "c2").placeholder(MAIL, "b@x.org") == "<EMAIL_1>"
    assert numberings.of("bob", "c1").placeholder(MAIL, "b@x.org") == "<EMAIL_1>"
    assert numberings.of("alice", "c1").placeholder(MAIL, "b@x.org") == "<EMAIL_2>"


def test_the_least_recently_used_are_forgotten_first() -> None:
    numberings = Numberings(b"k" * 32, max_numbers=3 * CONVERSATION_WEIGHT + 2)
    for name in ("one", "two", "three"):
        numberings.of("alice", name)
    numberings.of("alice", "one").placeholder(MAIL, "a@x.org")
    numberings.of("alice", "four")
    assert len(numberings) == 3
    numberings.of("alice", "one").placeholder(MAIL, "b@x.org")
    assert numberings.of("alice", "one").placeholder(MAIL, "b@x.org") == "<EMAIL_2>"


def test_one_that_grew_since_it_was_given_out_makes_room_of_others() -> None:
    numberings = Numberings(b"k" * 32, max_numbers=100)
    for name in ("one", "two"):
        numberings.of("alice", name)
    large = numberings.of("alice", "large")
    for number in range(200):
        large.placeholder(MAIL, f"a{number}@x.org")
    large.avoid("<EMAIL_900> <IP_1>")
    numberings.of("alice", "after")
    assert len(numberings) == 1
