"""Who a CONNECT without credentials is from: the owner of a port, the holder of a lease, or nobody."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from mitmproxy import http
from mitmproxy.test import tflow

from sluiceway import content
from sluiceway.front.door import Door
from sluiceway.front.identity import Identify
from sluiceway.front.visit import Parts, Visits
from sluiceway.settings.identity import IdentityPaths, Leases
from sluiceway.settings.providers import Providers
from sluiceway.store import Store
from sluiceway.types import Identity, Rejected

DESK = "10.1.2.3"
ON = IdentityPaths(leases=Leases(networks=("10.0.0.0/8", "fd00::/8"), shared=("10.1.2.1",)))


@dataclass
class World:
    """Alice has a port that is open to 10.1.0.0/16 and a token; the rest is up to the test."""

    store: Store
    token: str
    grant: int
    paths: IdentityPaths = ON
    visits: Visits = field(default_factory=Visits)

    def connect(
        self, source: str = DESK, grant: int | None = None, **headers: str
    ) -> tuple[http.HTTPFlow, Identity | Rejected | None]:
        """Answers a CONNECT to an AI host; the identity it was given."""
        flow = tflow.tflow(req=tflow.treq(method=b"CONNECT", host="api.anthropic.com", port=443))
        flow.request.headers.clear()
        flow.client_conn.peername = (source, 50_000)
        for name, value in headers.items():
            flow.request.headers[name.replace("_", "-")] = value
        if grant is not None:
            self.visits.came_by(flow.client_conn, grant)
        providers = Providers.load(content.folder("rules") / "providers.yaml")
        nothing = cast(Any, None)
        parts = Parts(providers, self.store, nothing, nothing, nothing, "#ai-platform", identity=self.paths)
        return flow, self._after(Identify(parts, self.visits, Door(None)), flow)

    def _after(self, identify: Identify, flow: http.HTTPFlow) -> Identity | Rejected | None:
        with pytest.raises(StopIteration):  # nothing in it waits, so one step is all
            identify.http_connect(flow).__await__().send(None)  # type: ignore[attr-defined]  # a coroutine
        visit = self.visits.of(flow.client_conn)
        return None if visit is None else visit.identity

    def who(self, source: str = DESK, grant: int | None = None, **headers: str) -> str:
        """The name and path of whoever is let in, why not, or the status of the answer."""
        flow, found = self.connect(source, grant, **headers)
        if isinstance(found, Identity):
            return f"{found.principal.name} by {found.path}"
        assert flow.response
        return str(flow.response.status_code) if found is None else found.reason


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    store = Store.open(f"sqlite:///{tmp_path / 's.db'}", key=bytes(32), boot="test", create=True)
    _, token = store.people.add("alice", "employee", "core")
    store.people.add("bob", "employee", "core")
    yield World(store, token, store.grants.grant_port("alice", 18100, ["10.1.0.0/16"]).id)
    store.close()


def lease(world: World, name: str = "bob", address: str = DESK, hours: float = 1) -> None:
    world.store.grants.lease(name, address, datetime.now(UTC) + timedelta(hours=hours))


def basic(user: str, token: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{token}".encode()).decode()


def test_without_anything_there_is_a_challenge(world: World) -> None:
    flow, found = world.connect()
    assert found is None
    assert flow.response and flow.response.status_code == 407
    assert flow.response.headers["proxy-authenticate"].startswith("Basic realm=")


def test_a_port_decides_before_a_lease_and_a_lease_where_the_port_is_closed(world: World) -> None:
    lease(world)
    lease(world, address="10.9.9.9")
    assert world.who() == "bob by lease"
    assert world.who(grant=world.grant) == "alice by port"
    assert world.who("10.9.9.9", world.grant) == "bob by lease"
    assert world.who("10.8.8.8", world.grant) == "port_source"


def test_credentials_that_were_sent_decide_alone(world: World) -> None:
    lease(world)
    good = basic("alice", world.token)
    assert world.who(proxy_authorization=good) == "alice by token"
    for grant in (None, world.grant):
        assert world.who(grant=grant, proxy_authorization=basic("alice", "swy_no")) == "wrong_token"
        assert world.who(grant=grant, proxy_authorization=basic("carol", world.token)) == "unknown_user"
        for unreadable in ("", "Basic", "Basic !!!", "Bearer x", "Basic " + base64.b64encode(b"a").decode()):
            assert world.who(grant=grant, proxy_authorization=unreadable) == "407"


def test_a_header_never_says_where_a_client_comes_from(world: World) -> None:
    lease(world)
    claims = {"x_forwarded_for": DESK, "forwarded": f"for={DESK}", "x_real_ip": DESK}
    assert world.who("10.8.8.8", **claims) == "407"
    assert world.who("10.8.8.8", world.grant, **claims) == "port_source"


def test_an_ipv4_address_written_as_ipv6_is_the_same_one(world: World) -> None:
    lease(world, address="10.1.7.7")
    lease(world, address="fd00::7")
    assert world.who("::ffff:10.1.7.7") == "bob by lease"
    assert world.who("::ffff:10.1.2.3", world.grant) == "alice by port"
    assert world.who("fd00::7") == "bob by lease"


@pytest.mark.parametrize("address", ["10.1.2.1", "192.168.0.9"], ids=["shared", "outside the networks"])
def test_a_lease_that_the_settings_no_longer_allow_counts_for_nothing(world: World, address: str) -> None:
    lease(world, address=address)
    assert world.who(address) == "407"


def test_leases_count_for_nothing_where_they_are_off(world: World) -> None:
    lease(world)
    world.paths = IdentityPaths()
    assert world.who() == "407"


def test_an_expired_lease_is_said_with_the_challenge(world: World) -> None:
    lease(world, hours=-1)
    flow, found = world.connect()
    assert found is None
    assert flow.response and flow.response.status_code == 407
    assert flow.response.text.startswith("The lease of your address has expired. Sluiceway needs your proxy")


def test_a_disabled_owner_is_not_rescued_by_somebody_elses_lease(world: World) -> None:
    lease(world)
    world.store.people.disable("alice")
    assert world.who(grant=world.grant) == "disabled"
    assert world.who() == "bob by lease"
    world.store.people.disable("bob")
    assert world.who() == "disabled"


def test_a_connection_is_its_ports_owners_as_of_when_it_came(world: World) -> None:
    world.store.grants.release_port("alice")
    now_bobs = world.store.grants.grant_port("bob", 18100).id
    assert world.who(grant=world.grant) == "port_released"
    assert world.who(grant=now_bobs) == "bob by port"
