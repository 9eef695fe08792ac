"""The `identity` section: off by default, and what each mistake in it says."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import pytest

from sluiceway.errors import ConfigError
from sluiceway.settings.config import Settings, load_settings
from sluiceway.settings.identity import IdentityPaths, one_address, one_network

PORTS = "{first: 18100, last: 18199}"


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)

    def from_text(text: str) -> Settings:
        Path("sluiceway.yaml").write_text(text)
        return load_settings(Path("sluiceway.yaml"))

    return from_text


def test_both_paths_are_off_unless_written(load) -> None:
    assert load("wait_s: 1").identity == IdentityPaths(ports=None, leases=None)


def test_ports_listen_on_loopback_unless_told_otherwise(load) -> None:
    ports = load(f"identity: {{ports: {PORTS}}}").identity.ports
    assert (ports.address, ports.numbers, ports.is_local) == ("127.0.0.1", range(18100, 18200), True)
    assert load("identity: {ports: {address: '::1', first: 1, last: 1}}").identity.ports.is_local
    for address in ("0.0.0.0", "'::'", "10.0.0.5"):
        text = f"identity: {{ports: {{address: {address}, first: 1, last: 2}}}}"
        assert not load(text).identity.ports.is_local


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("10.1.2.3", True),
        ("fd00::1", True),
        ("10.1.2.1", False),  # a balancer
        ("10.200.0.9", False),  # behind NAT
        ("192.168.1.1", False),
        ("127.0.0.1", False),
        ("::ffff:10.1.2.3", True),
    ],
)
def test_an_address_is_leased_inside_the_networks_and_where_it_is_not_shared(load, address, allowed) -> None:
    leases = load(
        "identity: {leases: {networks: [10.0.0.0/8, 'fd00::/8'], shared: [10.1.2.1, 10.200.0.0/16]}}"
    ).identity.leases
    assert leases.max_hours == 12
    assert leases.allow(one_address(address)) is allowed


MISTAKES = {
    "first missing": ("{ports: {last: 2}}", "1:19: identity.ports.first: missing field; add 'first: ...'"),
    "range backwards": (
        "{ports: {first: 9, last: 8}}",
        "1:36: identity.ports.last: must be at least 9, the first port",
    ),
    "a name": (
        "{ports: {address: localhost, first: 1, last: 2}}",
        "1:29: identity.ports.address: write the IP address to listen on, for example 127.0.0.1",
    ),
    "no networks": (
        "{leases: {max_hours: 8}}",
        "1:20: identity.leases.networks: missing field; add 'networks: ...'",
    ),
    "everybody": (
        "{leases: {networks: [0.0.0.0/0]}}",
        "1:32: identity.leases.networks.0: this is every address there is; "
        "name the networks your people come from",
    ),
    "host bits": (
        "{leases: {networks: [10.1.2.3/8]}}",
        "1:32: identity.leases.networks.0: not the start of a network; write 10.0.0.0/8",
    ),
    "no network": (
        "{leases: {networks: [office]}}",
        "1:32: identity.leases.networks.0: not a network; write one such as 10.1.0.0/16, or a single address",
    ),
    "a number": (
        "{leases: {networks: [10]}}",
        "1:32: identity.leases.networks.0: write a network such as 10.1.0.0/16, or a single address",
    ),
    "for ever": (
        "{leases: {max_hours: 1000, networks: [10.0.0.0/8]}}",
        "1:32: identity.leases.max_hours: must be at most 168",
    ),
    "misspelt": ("{port: null}", "1:12: identity.port: unknown field (did you mean 'ports'?)"),
}


@pytest.mark.parametrize(("text", "expected"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_says_where_it_is_and_what_to_write(load, text, expected) -> None:
    with pytest.raises(ConfigError) as caught:
        load(f"identity: {text}")
    assert str(caught.value) == f"sluiceway.yaml:{expected}"


@pytest.mark.parametrize(
    "listener",
    [
        "listeners: [{address: 10.0.0.5:18150}]",
        "gateway: {listen: '127.0.0.1:18150'}",
        "operate: {listen: '127.0.0.1:18150'}",
    ],
)
def test_a_range_holds_no_port_that_listens_already(load, listener) -> None:
    with pytest.raises(
        ConfigError, match=r":18150 listens on a port between 18100 and 18199; choose a range"
    ):
        load(f"{listener}\nidentity: {{ports: {PORTS}}}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("fe80::1%eth0", "fe80::1"),
        ("FD00:0::7", "fd00::7"),
        ("010.1.2.3", None),
        ("office", None),
        ("", None),
    ],
)
def test_an_address_has_one_spelling(text: str, expected: str | None) -> None:
    assert one_address(text) == (expected and ip_address(expected))


def test_an_ipv4_network_written_as_ipv6_is_one() -> None:
    assert str(one_network("::ffff:10.1.0.0/112")) == "10.1.0.0/16"
    assert str(one_network("10.1.2.3")) == "10.1.2.3/32"
