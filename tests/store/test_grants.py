"""Ports of one's own and leased addresses: whose they are, from where, until when, and never two people's."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from ipaddress import ip_address

import pytest
from databases import Database
from store_world import NOON

from sluiceway.errors import StoreError
from sluiceway.store import Store
from sluiceway.store.moments import to_us
from sluiceway.types import Identity, Principal, Rejected

HOUR = timedelta(hours=1)
DESK, LAPTOP = "10.1.2.3", "fd00::7"


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
    opened = reopen(clock=clock)
    for name in ("alice", "bob"):
        opened.people.add(name, "employee", "core")
    return opened


def who(found: Identity | Rejected | None) -> str | None:
    """The name and path of an identity, or why there is none."""
    if isinstance(found, Identity):
        return f"{found.principal.name} by {found.path}"
    return None if found is None else found.reason


def at(store: Store, address: str) -> str | None:
    return who(store.directory.at_address(ip_address(address)))


def of(store: Store, grant: int, source: str = DESK) -> Identity:
    found = store.directory.at_port(grant, ip_address(source))
    assert isinstance(found, Identity), found
    return found


# Ports


def test_whoever_comes_by_a_port_is_its_owner(store: Store) -> None:
    grant = store.grants.grant_port("alice", 18100)
    identity = of(store, grant.id)
    assert who(identity) == "alice by port"
    assert store.directory.problem(identity, DESK) is None
    assert [(port.id, port.number) for port in store.directory.ports()] == [(grant.id, 18100)]
    assert store.grants.ports() == (grant,)


def test_two_people_cannot_have_one_port_and_nobody_two(store: Store, database: Database) -> None:
    store.grants.grant_port("alice", 18100)
    with pytest.raises(StoreError, match=r"port 18100 belongs to 'alice'; release it first"):
        store.grants.grant_port("bob", 18100)
    with pytest.raises(StoreError, match=r"'alice' has port 18100 already"):
        store.grants.grant_port("alice", 18101)
    store.close()
    with closing(database.connect()) as connection:
        for person, port in ((2, 18100), (1, 18101)):  # also not by hand
            with pytest.raises(sqlite3.IntegrityError):
                connection.execute(
                    "INSERT INTO ports (person_id, port, sources, granted_at) VALUES (?, ?, '[]', 0)",
                    (person, port),
                )


def test_a_released_port_is_nobodys_and_never_makes_one_person_another(store: Store) -> None:
    first = store.grants.grant_port("alice", 18100)
    identity = of(store, first.id)
    assert store.grants.release_port("alice") == first
    second = store.grants.grant_port("bob", 18100)
    assert who(store.directory.at_port(first.id, None)) == "port_released"
    assert store.directory.problem(identity, DESK) == Rejected("port_released", "alice")
    assert who(of(store, second.id)) == "bob by port"
    bobs_grant = Identity(identity.principal, second.id, "port")
    assert store.directory.problem(bobs_grant, DESK) == Rejected("port_released", "alice")


@pytest.mark.parametrize(
    ("sources", "source", "expected"),
    [
        pytest.param([], "203.0.113.9", "alice by port", id="no list: whoever reaches it"),
        pytest.param(["10.1.2.0/24"], DESK, "alice by port", id="inside"),
        pytest.param(["10.9.0.0/16", "10.1.2.3/32"], DESK, "alice by port", id="the second of two"),
        pytest.param(["fd00::/8"], LAPTOP, "alice by port", id="IPv6"),
        pytest.param(["10.1.2.0/24"], "10.1.3.3", "port_source", id="outside"),
        pytest.param(["10.1.2.0/24"], LAPTOP, "port_source", id="of the other family"),
    ],
)
def test_a_port_may_be_used_from_its_sources_alone(
    store: Store, sources: list[str], source: str, expected: str
) -> None:
    grant = store.grants.grant_port("alice", 18100, sources)
    assert who(store.directory.at_port(grant.id, ip_address(source))) == expected


def test_a_port_closed_to_an_address_ends_what_comes_from_there(store: Store) -> None:
    identity = of(store, store.grants.grant_port("alice", 18100).id)
    store.grants.restrict_port("alice", ["10.9.0.0/16"])
    assert store.directory.problem(identity, DESK) == Rejected("port_source", "alice")
    assert store.directory.problem(identity) == Rejected("port_source", "alice")  # from nowhere known
    assert store.directory.problem(identity, "::ffff:10.9.1.1") is None


def test_the_port_left_longest_ago_is_given_out_last_of_the_never_used(store: Store, clock: Clock) -> None:
    for number in (18102, 18100):
        store.grants.grant_port("alice", number)
        clock.us += 1
        store.grants.release_port("alice")
    store.grants.grant_port("bob", 18101)
    assert store.grants.free_ports(range(18100, 18105)) == [18103, 18104, 18102, 18100]


def test_a_disabled_persons_port_and_lease_let_nobody_in(store: Store) -> None:
    grant = store.grants.grant_port("alice", 18100)
    store.grants.lease("alice", DESK, NOON + HOUR)
    by_port, by_lease = of(store, grant.id), store.directory.at_address(ip_address(DESK))
    assert isinstance(by_lease, Identity)
    store.people.disable("alice")
    assert store.directory.at_port(grant.id, None) == Rejected("disabled", "alice")
    assert store.directory.at_address(ip_address(DESK)) == Rejected("disabled", "alice")
    for identity in (by_port, by_lease):
        assert store.directory.problem(identity, DESK) == Rejected("disabled", "alice")
    store.people.enable("alice")
    assert store.directory.problem(by_port, DESK) is None


# Leases


def test_a_leased_address_stands_for_its_holder_and_no_other_does(store: Store) -> None:
    store.grants.lease("alice", DESK, NOON + HOUR)
    store.grants.lease("bob", LAPTOP, NOON + HOUR)
    assert at(store, DESK) == "alice by lease"
    assert at(store, "fd00:0:0::7") == "bob by lease"
    assert at(store, "10.1.2.4") is None


def test_a_lease_expires_to_the_microsecond(store: Store, clock: Clock) -> None:
    store.grants.lease("alice", DESK, NOON + HOUR)
    identity = store.directory.at_address(ip_address(DESK))
    assert isinstance(identity, Identity)
    clock.us = to_us(NOON + HOUR) - 1
    assert at(store, DESK) == "alice by lease"
    assert store.directory.problem(identity, DESK) is None
    clock.us += 1
    assert at(store, DESK) == "lease_expired"
    assert store.directory.problem(identity, DESK) == Rejected("lease_expired", "alice")
    assert store.grants.leases() == ()


def test_a_lease_asked_for_again_goes_on_without_a_cut(store: Store, clock: Clock) -> None:
    first = store.grants.lease("alice", DESK, NOON + HOUR)
    identity = store.directory.at_address(ip_address(DESK))
    assert isinstance(identity, Identity)
    clock.us += 1
    second = store.grants.lease("alice", DESK, NOON + 3 * HOUR)
    assert (second.id, second.granted_at) == (first.id, first.granted_at)
    clock.us = to_us(NOON + 2 * HOUR)
    assert store.directory.problem(identity, DESK) is None
    assert store.grants.leases() == (second,)


def test_an_address_is_one_persons_until_the_lease_is_over(store: Store, clock: Clock) -> None:
    store.grants.lease("alice", DESK, NOON + HOUR)
    with pytest.raises(StoreError, match=r"10.1.2.3 is leased to 'alice' until 2026-11-15 13:00 UTC"):
        store.grants.lease("bob", DESK, NOON + HOUR)
    alice = store.directory.at_address(ip_address(DESK))
    assert isinstance(alice, Identity)
    clock.us = to_us(NOON + HOUR)
    store.grants.lease("bob", DESK, NOON + 2 * HOUR)
    assert at(store, DESK) == "bob by lease"
    assert store.directory.problem(alice, DESK) == Rejected("lease_revoked", "alice")


def test_leases_are_revoked_one_by_one_or_all_at_once(store: Store) -> None:
    store.grants.lease("bob", "10.1.2.9", NOON + HOUR)
    for address in (DESK, LAPTOP, "10.1.2.5"):
        store.grants.lease("alice", address, NOON + HOUR)
    identity = store.directory.at_address(ip_address(DESK))
    assert isinstance(identity, Identity)
    assert [each.address for each in store.grants.revoke_leases("alice", DESK)] == [DESK]
    assert store.grants.revoke_leases("alice", DESK) == ()
    assert store.directory.problem(identity, DESK) == Rejected("lease_revoked", "alice")
    assert at(store, DESK) is None
    assert len(store.grants.revoke_leases("alice")) == 2
    assert [each.person for each in store.grants.leases()] == ["bob"]


def test_the_number_of_one_kind_of_grant_is_nothing_to_another(store: Store) -> None:
    alice = of(store, store.grants.grant_port("alice", 18100).id).principal
    store.people.revoke("alice")  # their token has number 1, as their port has
    assert store.directory.problem(Identity(alice, 1, "port"), DESK) is None
    assert store.directory.problem(Identity(alice, 1), DESK) == Rejected("revoked", "alice")
    assert store.directory.problem(Identity(alice, 1, "lease"), DESK) == Rejected("lease_revoked", "alice")
    nobody = Principal(99, "carol", "employee", "core")
    assert store.directory.problem(Identity(nobody, 1, "port"), DESK) == Rejected("port_released", "carol")


def test_mistakes_are_explained(store: Store) -> None:
    for ask in (
        lambda: store.grants.grant_port("alcie", 18100),
        lambda: store.grants.lease("alcie", DESK, NOON + HOUR),
        lambda: store.grants.revoke_leases("alcie"),
    ):
        with pytest.raises(StoreError, match=r"nobody called 'alcie' \(did you mean 'alice'\?\)"):
            ask()
    for ask in (lambda: store.grants.release_port("bob"), lambda: store.grants.restrict_port("bob", [])):
        with pytest.raises(StoreError, match="'bob' has no port of their own"):
            ask()


async def test_another_process_sees_grants_come_and_go(
    store: Store, reopen: Callable[..., Store], clock: Clock
) -> None:
    reader = reopen("reader", writable=False, clock=clock)
    grant = store.grants.grant_port("alice", 18100)
    store.grants.lease("alice", DESK, NOON + HOUR)
    await reader.refresh_directory()
    assert who(of(reader, grant.id)) == "alice by port"
    assert at(reader, DESK) == "alice by lease"
    store.grants.release_port("alice")
    store.grants.revoke_leases("alice")
    await reader.refresh_directory()
    assert reader.directory.ports() == []
    assert at(reader, DESK) is None
