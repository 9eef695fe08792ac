"""Clients that send no credentials: by a port of one's own or from a leased address, metered all the same."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import threading
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest

from sluiceway.app.deployment import Deployment
from sluiceway.app.serve import Service
from sluiceway.errors import SluicewayError
from sluiceway.settings.identity import PortRange
from tests.e2e.free_ports import free_range, listening
from tests.e2e.running import Running
from tests.e2e.test_front import ask, authorization, echo  # noqa: F401  # a fixture
from tests.e2e.tunnel import claude

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.filterwarnings("ignore:.*end-of-life.*:DeprecationWarning"),
]

NOT_CONNECTED = 7  # curl's exit code
LEASED = "127.0.0.2"  # the whole of 127.0.0.0/8 is this machine
BOTH = """identity:
  ports: {{address: "{address}", first: {first}, last: {last}}}
  leases: {{max_hours: 8, networks: [127.0.0.0/8], shared: [127.0.0.9]}}
"""


def settings(ports: range, address: str = "127.0.0.1") -> str:
    return BOTH.format(address=address, first=ports[0], last=ports[-1])


class Paths:
    """A deployment with both paths on, and acts of its operators through the control socket's door."""

    def __init__(self, running: Running, ports: range) -> None:
        self.running, self.ports = running, ports

    def operate(self, operation: str, name: str, **arguments: Any) -> Any:
        return self.running.on.run(
            self.running.service.operate(operation, {"name": name, "actor": "test", **arguments})
        )

    def port(self, name: str, **arguments: Any) -> str:
        """The person's proxy URL, which has no credentials in it."""
        given = self.operate("person.port", name, **arguments)
        assert given["problem"] is None
        return f"http://127.0.0.1:{given['port']}"

    def last_row(self) -> tuple[str, str | None, str | None]:
        row = self.running.rows(settled=1)[-1]
        return row["principal"], row["identity_path"], row["refusal_code"]


@pytest.fixture
def paths(fresh: type[Running]) -> Paths:
    ports = free_range()
    running = fresh(more=settings(ports))
    for name in ("alice", "bob"):
        running.add(name)
    return Paths(running, ports)


def main(paths: Paths) -> str:
    return f"http://127.0.0.1:{paths.running.port}"


def refused(said: subprocess.CompletedProcess[str]) -> str | None:
    head = [line for line in said.stdout.splitlines() if line.startswith("x-sluiceway-refused: ")]
    return head[0].split(": ")[1] if head else None


def opened(proxy: str, target: str, source: str = "127.0.0.1", *headers: str) -> socket.socket:
    """A tunnel without credentials, or an AssertionError with the proxy's answer."""
    host, _, port = proxy.removeprefix("http://").rpartition(":")
    connection = socket.create_connection((host.strip("[]"), int(port)), 5, (source, 0))
    head = "".join(f"{line}\r\n" for line in (f"CONNECT {target} HTTP/1.1", f"Host: {target}", *headers))
    connection.sendall(f"{head}\r\n".encode())
    answer = connection.recv(65536)
    if not answer.startswith(b"HTTP/1.1 200"):
        with connection:
            raise AssertionError(answer + b"".join(iter(lambda: connection.recv(65536), b"")))
    return connection


# Ports


def test_a_client_without_credentials_is_the_owner_of_its_port(paths: Paths) -> None:
    answer = ask(paths.running, paths.port("alice"))
    assert '"stop_reason"' in answer.stdout
    assert paths.last_row() == ("alice", "port", None)
    assert ask(paths.running, paths.port("bob")).returncode == 0
    assert paths.last_row() == ("bob", "port", None)


def test_an_sdk_needs_nothing_but_the_port(paths: Paths) -> None:
    context = ssl.create_default_context(cafile=paths.running.anchor)
    with httpx2.Client(proxy=paths.port("alice"), verify=context) as http:
        sdk = anthropic.Anthropic(api_key="sk-ant-api03-test", http_client=http, max_retries=0)
        message = sdk.messages.create(**claude())
    row = paths.running.rows(settled=1)[-1]
    assert (row["principal"], row["identity_path"]) == ("alice", "port")
    assert row["output_tokens"] == message.usage.output_tokens


def test_wrong_credentials_are_refused_on_ones_own_port_too(paths: Paths) -> None:
    alice = paths.port("alice").removeprefix("http://")
    assert refused(ask(paths.running, f"http://alice:swy_wrong@{alice}")) == "credentials_wrong_token"
    good = paths.running.add("carol").removeprefix("http://").partition("@")[0]
    ask(paths.running, f"http://{good}@{alice}")
    assert paths.last_row() == ("carol", "token", None)


def test_one_port_is_one_persons_and_asking_again_says_it_again(paths: Paths) -> None:
    alice = paths.port("alice")
    assert paths.port("alice") == alice
    assert paths.port("bob") != alice


def test_a_released_port_closes_and_what_came_by_it_is_refused_in_words(
    paths: Paths,
    echo: int,  # noqa: F811  # the fixture
) -> None:
    alice = paths.port("alice")
    with opened(alice, "api.anthropic.com:443") as connection:
        context = ssl.create_default_context(cafile=paths.running.anchor)
        with context.wrap_socket(connection, server_hostname="api.anthropic.com") as secure:
            paths.operate("person.port_release", "alice")
            secure.sendall(b"GET /v1/models HTTP/1.1\r\nHost: api.anthropic.com\r\nx-api-key: k\r\n\r\n")
            said = b"".join(iter(lambda: secure.recv(65536), b""))
    assert said.startswith(b"HTTP/1.1 401")
    assert b"x-sluiceway-refused: credentials_port_released" in said
    assert b"this port is nobody's own any more" in said
    assert ask(paths.running, alice).returncode == NOT_CONNECTED


def test_a_raw_tunnel_ends_with_its_port_or_lease(fresh: type[Running], echo: int) -> None:  # noqa: F811
    ports = free_range()
    paths = Paths(fresh(more=settings(ports), allowed_port=echo), ports)
    paths.running.add("alice")
    ends = {"port": "person.port_release", "lease": "person.lease_revoke", "person": "person.disable"}
    for end in ends.values():
        alice = paths.port("alice")
        paths.operate("person.lease", "alice", address=LEASED)
        by = main(paths) if end == "person.lease_revoke" else alice
        with opened(by, f"127.0.0.1:{echo}", LEASED) as tunnel:
            tunnel.sendall(b"x")
            assert tunnel.recv(1) == b"x"
            paths.operate(end, "alice")
            tunnel.settimeout(5)
            assert tunnel.recv(1) == b""


def test_a_port_is_closed_to_other_sources(paths: Paths) -> None:
    alice = paths.port("alice", sources=["127.0.0.4/30"])
    answer = ask(paths.running, alice)
    assert "401" in answer.stdout
    assert refused(answer) == "credentials_port_source"
    assert "this port is a person's own and closed to your address" in answer.stdout
    assert paths.last_row() == ("", None, "credentials_port_source")
    elsewhere = subprocess.run(
        ["curl", "-sS", "-m", "5", "-p", "-x", alice, "http://example.com/"], capture_output=True, text=True
    )
    assert "407" in elsewhere.stderr
    assert refused(ask(paths.running, alice, "--interface", "127.0.0.5")) is None
    assert paths.last_row() == ("alice", "port", None)


def test_ports_survive_a_restart(paths: Paths) -> None:
    alice = paths.port("alice")
    running = paths.running
    running.on.run(running.service.stop())
    assert ask(running, alice).returncode == NOT_CONNECTED
    running.service = Service(running.deployment)
    running.on.run(running.service.start())
    ask(running, alice)
    assert paths.last_row() == ("alice", "port", None)
    assert running.service.status()["own_ports"] == [int(alice.rpartition(":")[2])]


def test_nobody_is_led_through_the_proxy_into_somebody_elses_port(fresh: type[Running]) -> None:
    ports = free_range()
    paths = Paths(fresh(more=settings(ports), allowed_port=ports[1]), ports)
    for name in ("alice", "bob"):
        paths.running.add(name)
    alice, bob = paths.port("alice"), paths.port("bob")
    with pytest.raises(AssertionError, match="is this proxy itself"):
        opened(alice, bob.removeprefix("http://"))


def test_the_connections_of_a_person_are_counted_whichever_way_they_come(fresh: type[Running]) -> None:
    ports = free_range()
    paths = Paths(fresh(more=settings(ports) + "limits: {connections_per_principal: 3}"), ports)
    token, alice = paths.running.add("alice"), paths.port("alice")
    paths.operate("person.lease", "alice", address=LEASED)
    with ExitStack() as held:
        held.enter_context(opened(alice, "api.anthropic.com:443"))
        held.enter_context(opened(main(paths), "api.anthropic.com:443", LEASED))
        held.enter_context(opened(main(paths), "api.anthropic.com:443", "127.0.0.1", authorization(token)))
        with pytest.raises(AssertionError, match="429"):
            opened(alice, "api.anthropic.com:443")


def test_a_port_on_ipv6_loopback(fresh: type[Running]) -> None:
    ports = free_range(host="::1")
    paths = Paths(fresh(more=settings(ports, "::1")), ports)
    paths.running.add("alice")
    given = paths.operate("person.port", "alice", sources=["::1"])
    ask(paths.running, f"http://[::1]:{given['port']}")
    assert paths.last_row() == ("alice", "port", None)


# Ports that cannot be had


def test_a_used_up_range_says_what_to_do(paths: Paths) -> None:
    for name in ("alice", "bob", "carol", "dave"):
        if name in ("carol", "dave"):
            paths.running.add(name)
        if name != "dave":
            paths.port(name)
    with pytest.raises(SluicewayError, match=rf"all ports from {paths.ports[0]} to .* release one"):
        paths.port("dave")
    paths.operate("person.port_release", "alice")
    assert paths.port("dave").endswith(str(paths.ports[0]))


def test_a_port_that_another_program_has_is_passed_over(paths: Paths) -> None:
    with closing(listening("127.0.0.1", paths.ports[0])):
        assert paths.port("alice").endswith(str(paths.ports[1]))
    with ExitStack() as taken:
        for port in (paths.ports[0], paths.ports[2]):
            taken.enter_context(closing(listening("127.0.0.1", port)))
        with pytest.raises(SluicewayError, match=r"127.0.0.1:\d+ is taken by another program"):
            paths.port("bob")


def test_a_port_that_was_taken_meanwhile_is_said_and_opened_when_it_is_free(paths: Paths) -> None:
    running, alice = paths.running, paths.port("alice")
    number = int(alice.rpartition(":")[2])
    running.on.run(running.service.stop())
    with closing(listening("127.0.0.1", number)):
        running.service = Service(running.deployment)
        running.on.run(running.service.start())
        status = running.service.status()
        assert status["own_ports_not_open"] == [f"127.0.0.1:{number} is taken by another program"]
        given = paths.operate("person.port", "alice")
        assert given["problem"] == f"127.0.0.1:{number} is taken by another program"
    for _ in range(100):
        if not running.service.status()["own_ports_not_open"]:
            break
        threading.Event().wait(0.05)
    ask(running, alice)
    assert paths.last_row() == ("alice", "port", None)


def test_a_port_that_others_reach_needs_its_sources(fresh: type[Running]) -> None:
    ports = free_range(host="0.0.0.0")
    paths = Paths(fresh(more=settings(ports, "0.0.0.0")), ports)
    paths.running.add("alice")
    with pytest.raises(SluicewayError, match=r"reached from other machines: say from where .*--source"):
        paths.port("alice")
    for bad, why in (("10.1.2.3/8", r"write 10\.0\.0\.0/8"), ("0.0.0.0/0", "every address there is")):
        with pytest.raises(SluicewayError, match=f"--source: .*{why}"):
            paths.port("alice", sources=[bad])
    paths.port("alice", sources=["127.0.0.0/8"])
    assert paths.port("alice")  # as before


def test_nothing_is_granted_where_it_is_off(running: Running) -> None:
    running.add("dave")
    off = Paths(running, range(0))
    with pytest.raises(SluicewayError, match=r"ports of one's own are off; write `identity: \{ports"):
        off.port("dave")
    with pytest.raises(SluicewayError, match=r"leases are off; write `identity: \{leases"):
        off.operate("person.lease", "dave", address=LEASED)


# Leases


def test_a_client_without_credentials_is_whom_its_address_is_leased_to(paths: Paths) -> None:
    given = paths.operate("person.lease", "alice", address=f"::ffff:{LEASED}", hours=2)
    assert given["address"] == LEASED
    assert datetime.fromisoformat(given["expires_at"]) > datetime.now(UTC) + timedelta(minutes=119)
    ask(paths.running, main(paths), "--interface", LEASED)
    assert paths.last_row() == ("alice", "lease", None)
    assert "407" in ask(paths.running, main(paths), "--interface", "127.0.0.3").stderr
    wrong = paths.running.url("alice", "swy_wrong")
    assert refused(ask(paths.running, wrong, "--interface", LEASED)) == "credentials_wrong_token"


def test_a_lease_ends_by_the_clock_for_open_connections_and_for_new_ones(paths: Paths) -> None:
    store = paths.running.service.store
    assert store
    until = datetime.now(UTC) + timedelta(hours=1)
    store.grants.lease("alice", LEASED, until)
    request = b"GET /v1/models HTTP/1.1\r\nHost: api.anthropic.com\r\nx-api-key: k\r\n\r\n"
    context = ssl.create_default_context(cafile=paths.running.anchor)
    with (
        opened(main(paths), "api.anthropic.com:443", LEASED) as connection,
        context.wrap_socket(connection, server_hostname="api.anthropic.com") as secure,
    ):
        secure.sendall(request)
        assert secure.recv(65536).startswith(b"HTTP/1.1 200")
        store.grants.lease("alice", LEASED, datetime.now(UTC))  # which is over by now
        secure.sendall(request)
        said = b"".join(iter(lambda: secure.recv(65536), b""))
    assert b"x-sluiceway-refused: credentials_lease_expired" in said
    assert b"the lease by which your address stood for 'alice' has expired" in said
    assert "407" in ask(paths.running, main(paths), "--interface", LEASED).stderr


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"address": "10.1.2.3"}, r"cannot be leased: identity.leases.networks allows 127.0.0.0/8"),
        ({"address": "127.0.0.9"}, "stands for many machines"),
        ({"address": "my-laptop"}, "write an IP address, for example"),
        ({"address": LEASED, "hours": 9}, "a lease lasts 1 to 8 hours"),
        ({"address": LEASED, "hours": 0}, "a lease lasts 1 to 8 hours"),
    ],
)
def test_a_lease_that_may_not_be_says_why(paths: Paths, asked: dict[str, Any], why: str) -> None:
    with pytest.raises(SluicewayError, match=why):
        paths.operate("person.lease", "alice", **asked)


# What is left behind


def test_every_grant_and_its_end_is_recorded_with_who_did_it(paths: Paths) -> None:
    paths.port("alice")
    paths.port("alice", sources=["127.0.0.0/8"])
    paths.operate("person.lease", "alice", address=LEASED)
    paths.operate("person.lease_revoke", "alice")
    paths.operate("person.port_release", "alice")
    store = paths.running.service.store
    assert store
    events = store.events.list(datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + timedelta(hours=1))
    deeds = [event for event in events if event.kind.startswith(("port_", "address_", "lease_"))]
    assert [deed.kind for deed in deeds] == [
        "port_granted",
        "port_restricted",
        "address_leased",
        "lease_revoked",
        "port_released",
    ]
    assert {(deed.actor, deed.detail["name"]) for deed in deeds} == {("test", "alice")}


# As operators meet it


@pytest.fixture
def shell(paths: Paths) -> Any:
    from tests.command_line import sluiceway

    return lambda *arguments: sluiceway(*arguments, folder=paths.running.deployment.folder)


def test_the_commands_reach_the_running_serve(paths: Paths, shell: Any) -> None:
    said = shell("employee", "port", "alice", "--source", "127.0.0.1", "--json")
    given = json.loads(said.out)
    assert given["proxy_url"] == f"http://127.0.0.1:{paths.ports[0]}"
    assert (given["sources"], given["problem"]) == (["127.0.0.1/32"], None)
    ask(paths.running, given["proxy_url"])
    assert paths.last_row() == ("alice", "port", None)

    words = shell("employee", "port", "alice").out
    assert "export HTTPS_PROXY=http://127.0.0.1:" in words
    assert "Not open yet" not in words
    said = shell("employee", "lease", "alice", "--address", LEASED, "--hours", "1")
    assert f"whoever comes from {LEASED} without credentials" in said.out
    table = shell("employee", "list").out.splitlines()
    assert table[0].split()[-2:] == ["PORT", "LEASES"]
    assert f"{paths.ports[0]}  {LEASED} until " in table[1]
    assert "people's own ports" in shell("status").out

    assert (
        shell("employee", "port", "alice", "--release").out == f"alice no longer has port {paths.ports[0]}\n"
    )
    assert shell("employee", "lease", "alice", "--revoke").out == f"{LEASED} no longer stands for alice\n"
    again = shell("employee", "lease", "alice", "--revoke")
    assert (again.code, again.err) == (1, "sluiceway: 'alice' has no lease now\n")
    assert shell("employee", "lease", "alice").code == 2
    assert "PORT" not in shell("employee", "list").out


def test_rules_check_warns_of_what_is_weak(paths: Paths, shell: Any) -> None:
    warnings = json.loads(shell("rules", "check", "--json").out)["warnings"]
    starts = (
        "identity.ports: every user and program",
        "identity.leases: a lease",
        "identity.leases.networks",
    )
    for start in starts:
        assert any(warning.startswith(start) for warning in warnings)


def test_a_range_that_moved_leaves_the_old_port_closed_until_it_is_asked_for(
    paths: Paths, shell: Any
) -> None:
    running, old = paths.running, paths.port("alice")
    running.on.run(running.service.stop())
    identity = running.deployment.settings.identity
    moved = identity.model_copy(update={"ports": PortRange(first=paths.ports[1], last=paths.ports[2])})
    settings_now = running.deployment.settings.model_copy(update={"identity": moved})
    running.service = Service(Deployment(Path(running.deployment.config), settings_now))
    running.on.run(running.service.start())
    assert running.service.status()["own_ports_not_open"] == [
        f"{paths.ports[0]} lies outside identity.ports; release it, or widen the range"
    ]
    new = paths.port("alice")
    assert new != old
    assert running.service.status()["own_ports_not_open"] == []
