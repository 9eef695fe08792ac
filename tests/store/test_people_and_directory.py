"""People and tokens: who is let in, and when no longer."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import timedelta

import pytest
from databases import Database
from store_world import NOON

from sluiceway.errors import StoreError
from sluiceway.store import Store
from sluiceway.store.moments import from_us, to_us
from sluiceway.types import Identity, Principal, Rejected


class Clock:
    """A clock the tests set."""

    def __init__(self) -> None:
        self.us = to_us(NOON)

    def __call__(self) -> int:
        return self.us


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(reopen: Callable[..., Store], clock: Clock) -> Store:
    return reopen(clock=clock)


def identity(found: Identity | Rejected) -> Identity:
    assert isinstance(found, Identity), found
    return found


def reason(found: Identity | Rejected) -> str:
    return found.reason if isinstance(found, Rejected) else "let in"


def test_a_new_employee_is_let_in_with_the_token(store: Store) -> None:
    principal, token = store.people.add("alice", "employee", "core", project="apollo", cost_center="CC-1")
    assert principal == Principal(principal.id, "alice", "employee", "core", "apollo", "CC-1")
    found = identity(store.directory.lookup("alice", token))
    assert found.principal == principal
    assert store.directory.problem(found) is None


def test_a_token_is_256_bits_and_is_not_kept(store: Store, database: Database) -> None:
    _, token = store.people.add("alice", "employee", "core")
    assert token.startswith("swy_")
    assert len(token) == 4 + 43
    assert token != store.people.new_token("alice")
    with closing(database.connect()) as connection:
        kept = [connection.execute(f"SELECT * FROM {table}").fetchall() for table in ("people", "tokens")]
    dump = repr(kept).encode()
    secret = token.removeprefix("swy_")
    assert b"alice" in dump
    assert secret.encode() not in dump
    assert token not in repr(store.people.list())


def test_wrong_credentials_say_what_is_wrong(store: Store) -> None:
    _, token = store.people.add("alice", "employee", "core")
    _, other = store.people.add("bob", "employee", "core")
    assert reason(store.directory.lookup("alice", token)) == "let in"
    assert reason(store.directory.lookup("carol", token)) == "unknown_user"
    for wrong in (other, token[:-1], token + "x", token.upper(), "", "\udcff", "x" * 100_000):
        assert store.directory.lookup("alice", wrong) == Rejected("wrong_token", "alice")


def test_a_claimed_name_is_made_harmless(store: Store) -> None:
    found = store.directory.lookup("<script>\r\nevil\x1b[31m" + "x" * 500, "t")
    assert found == Rejected("unknown_user", "?script???evil??31m" + "x" * 45)


def test_a_token_expires_to_the_microsecond(store: Store, clock: Clock) -> None:
    _, _ = store.people.add("alice", "employee", "core")
    token = store.people.new_token("alice", expires_at=NOON + timedelta(hours=1))
    found = identity(store.directory.lookup("alice", token))
    clock.us = to_us(NOON + timedelta(hours=1)) - 1
    assert store.directory.problem(found) is None
    clock.us += 1
    assert store.directory.problem(found)
    assert reason(store.directory.lookup("alice", token)) == "expired"


def test_a_new_token_may_replace_the_old_ones(store: Store) -> None:
    _, first = store.people.add("alice", "employee", "core")
    second = store.people.new_token("alice")
    assert reason(store.directory.lookup("alice", first)) == "let in"
    third = store.people.new_token("alice", revoke_old=True)
    reasons = [reason(store.directory.lookup("alice", token)) for token in (first, second, third)]
    assert reasons == ["revoked", "revoked", "let in"]


def test_tokens_are_revoked_one_by_one_or_all_at_once(store: Store) -> None:
    _, first = store.people.add("alice", "employee", "core")
    second, third = store.people.new_token("alice"), store.people.new_token("alice")
    found = identity(store.directory.lookup("alice", first))
    assert store.people.revoke(found.token_id) == 1
    assert store.people.revoke(found.token_id) == 0
    assert store.directory.problem(found)
    assert reason(store.directory.lookup("alice", second)) == "let in"
    assert store.people.revoke("alice") == 2
    assert reason(store.directory.lookup("alice", third)) == "revoked"


def test_a_disabled_person_is_out_until_enabled(store: Store) -> None:
    _, token = store.people.add("alice", "employee", "core")
    found = identity(store.directory.lookup("alice", token))
    store.people.disable("alice")
    assert reason(store.directory.lookup("alice", token)) == "disabled"
    assert reason(store.directory.lookup("alice", token + "x")) == "wrong_token"
    assert store.directory.problem(found)
    store.people.enable("alice")
    assert store.directory.problem(found) is None


def test_an_identity_is_one_person_with_one_token(store: Store) -> None:
    alice, _ = store.people.add("alice", "employee", "core")
    _, token = store.people.add("bob", "employee", "core")
    bobs = identity(store.directory.lookup("bob", token)).token_id
    for token_id in (bobs, 999):
        assert store.directory.problem(Identity(alice, token_id)) == Rejected("revoked", "alice")


def test_a_moved_person_is_in_the_new_team_at_once(store: Store) -> None:
    principal, token = store.people.add("alice", "employee", "core")
    store.people.move("alice", "ops")
    assert identity(store.directory.lookup("alice", token)).principal.team == "ops"
    moved = store.directory.principal(principal.id)
    assert moved is not None
    assert moved.team == "ops"
    assert store.directory.principal(999) is None


def test_everybody_is_listed_by_name(store: Store) -> None:
    store.people.add("robot", "service", "core")
    store.people.add("alice", "employee", "core", cost_center="CC-1")
    store.people.disable("robot")
    store.people.revoke("alice")
    alice, robot = store.people.list()
    assert (alice.principal.name, alice.principal.cost_center, alice.created_at) == ("alice", "CC-1", NOON)
    assert [token.revoked_at for token in alice.tokens] == [NOON]
    assert (robot.principal.kind, robot.disabled_at, len(robot.tokens)) == ("service", NOON, 1)


@pytest.mark.parametrize("name", ["a", "alice", "a.b-c_d", "0x", "a" * 64])
def test_names_that_are_good(store: Store, name: str) -> None:
    assert store.people.add(name, "employee", "core")[0].name == name


@pytest.mark.parametrize(
    "name", ["", "Alice", "-a", ".a", "a b", "a@b", "ä", "a\n", "=cmd", "a" * 65, "a/b", "a:b"]
)
def test_names_that_are_not(store: Store, name: str) -> None:
    with pytest.raises(StoreError, match="a name is 1 to 64 of"):
        store.people.add(name, "employee", "core")
    assert store.people.list() == ()


@pytest.mark.parametrize("label", ["", "=1+1", "a|b", "a,b", "a\nb", "<b>", "x" * 65, " a"])
def test_labels_that_are_not(store: Store, label: str) -> None:
    for given in (
        {"team": label},
        {"team": "core", "project": label},
        {"team": "core", "cost_center": label},
    ):
        with pytest.raises(StoreError, match="1 to 64 letters"):
            store.people.add("alice", "employee", **given)
    store.people.add("alice", "employee", "R and D-2")
    with pytest.raises(StoreError, match="1 to 64 letters"):
        store.people.move("alice", label)


def test_mistakes_are_explained(store: Store) -> None:
    store.people.add("alice", "employee", "core")
    with pytest.raises(StoreError, match="'alice' exists already"):
        store.people.add("alice", "service", "core")
    with pytest.raises(StoreError, match=r"nobody called 'alcie' \(did you mean 'alice'\?\)"):
        store.people.disable("alcie")
    with pytest.raises(StoreError, match="there is no token 77"):
        store.people.revoke(77)
    with pytest.raises(TypeError):
        store.people.new_token("alice", expires_at=NOON.replace(tzinfo=None))


async def test_another_process_sees_the_change(
    store: Store, reopen: Callable[..., Store], clock: Clock
) -> None:
    _, token = store.people.add("alice", "employee", "core")
    reader = reopen("reader", writable=False, clock=clock)
    found = identity(reader.directory.lookup("alice", token))
    before = reader.directory._people
    await reader.refresh_directory()
    assert reader.directory._people is before  # nothing changed, nothing read
    store.people.revoke("alice")
    await reader.refresh_directory()
    assert reader.directory.problem(found)


def test_another_key_knows_nobody(store: Store, database: Database) -> None:
    _, token = store.people.add("alice", "employee", "core")
    with_other = Store.open(database.url, key=b"another key", boot="b", writable=False)
    assert reason(with_other.directory.lookup("alice", token)) == "wrong_token"
    with_other.close()


def test_the_clock_of_the_fixture_is_the_stores(store: Store, clock: Clock) -> None:
    store.people.add("alice", "employee", "core")
    assert store.people.list()[0].created_at == from_us(clock.us)
