"""sluiceway.yaml: defaults, resolved paths, addresses, and what each mistake says."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluiceway.errors import ConfigError
from sluiceway.settings.addresses import Address, parse_address, parse_host
from sluiceway.settings.config import Settings, TlsFiles, load_settings, resolve
from sluiceway.settings.starter import starter

CONTRACT = """\
listeners:
  - {address: 127.0.0.1:8080}
public_url: http://127.0.0.1:8080
gateway: {listen: null}
store: sqlite:///sluiceway.db
rules: rules/
certs: certs/
upstream:
  trusted_ca: null
  connect_to: {}
  proxy: null
egress: {allow: []}
drain_timeout_s: 30
retention: {ledger_days: 400, discovery_days: 90}
"""


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)

    def from_text(text: str) -> Settings:
        Path("sluiceway.yaml").write_text(text)
        return load_settings(Path("sluiceway.yaml"))

    return from_text


@pytest.mark.parametrize("text", [CONTRACT, starter()], ids=["the contract's file", "the starter file"])
def test_a_file_that_spells_the_defaults_out_equals_the_defaults(load, tmp_path, text):
    assert load(text) == resolve(Settings(), tmp_path)


def test_paths_are_found_beside_the_file_wherever_a_command_starts(tmp_path, monkeypatch):
    (tmp_path / "sluiceway.yaml").write_text(
        "rules: ../rules\nstore: sqlite:///data/s.db\nupstream: {trusted_ca: ca.pem}\n"
        "listeners: [{address: 127.0.0.1:1, tls: {cert: tls/c.pem, key: /etc/k.pem}}]\n"
    )
    monkeypatch.chdir("/")
    settings = load_settings(tmp_path / "sluiceway.yaml")
    assert settings.rules == tmp_path / "../rules"
    assert settings.certs == tmp_path / "certs"
    assert settings.store == f"sqlite:///{tmp_path}/data/s.db"
    assert settings.upstream.trusted_ca == tmp_path / "ca.pem"
    assert settings.listeners[0].tls == TlsFiles(cert=tmp_path / "tls/c.pem", key=Path("/etc/k.pem"))


def test_an_absolute_store_and_a_server_stay_as_they_are(load):
    assert load("store: sqlite:////var/lib/s.db").store == "sqlite:////var/lib/s.db"
    assert load("store: postgresql://u:p@db:5432/s").store == "postgresql://u:p@db:5432/s"


def test_passwords_are_in_no_repr(load):
    settings = load("store: postgresql://u:hunter2@db/s\nupstream: {proxy: 'http://u:hunter2@parent:3128'}")
    assert settings.upstream.proxy == "http://u:hunter2@parent:3128"
    assert "hunter2" not in repr(settings)


def test_connect_to_prefers_the_whole_name_and_keeps_ports_apart(load):
    rules = '{"api.anthropic.com:443": "127.0.0.1:9443", "*:443": "[::1]:9444"}'
    upstream = load(f"upstream: {{connect_to: {rules}}}").upstream
    assert upstream.dial("api.anthropic.com", 443) == Address("127.0.0.1", 9443)
    assert upstream.dial("api.openai.com", 443) == Address("::1", 9444)
    assert upstream.dial("api.anthropic.com", 80) is None


def test_egress_entries_are_sorted_by_kind(load):
    egress = load("egress: {allow: [private, 10.0.0.0/8, 192.168.1.1, Git.Example.COM., 'fd00::/8']}").egress
    assert egress.private
    assert egress.names == {"git.example.com"}
    assert egress.networks == tuple(map(ip_network, ("10.0.0.0/8", "192.168.1.1/32", "fd00::/8")))


def test_without_entries_nothing_private_is_allowed(load):
    egress = load("egress: {ports: [443]}").egress
    assert (egress.private, egress.networks, egress.names, egress.ports) == (False, (), frozenset(), (443,))


MISTAKES = {
    "no listener": ("listeners: []", "1:12: listeners: must be a list with a length of at least 1"),
    "no address": (
        "listeners: [{tls: auto}]",
        "1:13: listeners.0.address: missing field; add 'address: ...'",
    ),
    "no port": (
        "listeners: [{address: 127.0.0.1}]",
        "1:23: listeners.0.address: write host:port, for example 127.0.0.1:8080 or '[::1]:8080'",
    ),
    "port alone": (
        "gateway: {listen: 8081}",
        "1:19: gateway.listen: write host:port, for example 127.0.0.1:8080 or '[::1]:8080'",
    ),
    "port too high": (
        "gateway: {listen: 127.0.0.1:65536}",
        "1:19: gateway.listen: the port must be a number from 0 to 65535",
    ),
    "IPv6 without brackets": (
        "gateway: {listen: '::1:8081'}",
        "1:19: gateway.listen: an IPv6 address needs brackets: '[::1]:8080'",
    ),
    "brackets around a name": (
        "gateway: {listen: '[localhost]:8081'}",
        "1:19: gateway.listen: not an IPv6 address between the brackets",
    ),
    "no host": (
        "gateway: {listen: ':8081'}",
        "1:19: gateway.listen: the host is missing; write 0.0.0.0:8081 to listen on every interface",
    ),
    "short IPv4": ("gateway: {listen: '127.1:80'}", "1:19: gateway.listen: not a host name or an IP address"),
    "tls misspelt": (
        "listeners: [{address: 127.0.0.1:1, tls: atuo}]",
        "1:41: listeners.0.tls: must be 'auto' or {cert: ..., key: ...} (did you mean 'auto'?)",
    ),
    "tls key missing": (
        "listeners: [{address: 127.0.0.1:1, tls: {cert: c.pem}}]",
        "1:41: listeners.0.tls.key: missing field; add 'key: ...'",
    ),
    "public_url without scheme": (
        "public_url: proxy.example.com:8080",
        "1:13: public_url: write http://host:port or https://host:port, with nothing behind it",
    ),
    "public_url with a path": (
        "public_url: http://proxy.example.com/x",
        "1:13: public_url: write http://host:port or https://host:port, with nothing behind it",
    ),
    "public_url with a password": (
        "public_url: http://alice:hunter2@proxy.example.com",
        "1:13: public_url: leave user and password out; each employee's are added when it is shown",
    ),
    "store of another kind": (
        "store: mysql://db/s",
        "1:8: store: write sqlite:///sluiceway.db or postgresql://user@host/db",
    ),
    "store that forgets": (
        "store: 'sqlite:///:memory:'",
        "1:8: store: write sqlite:///sluiceway.db or postgresql://user@host/db",
    ),
    "store that forgets, by its name": (
        "store: sqlite://",
        "1:8: store: write sqlite:///sluiceway.db or postgresql://user@host/db",
    ),
    "store as others spell it": (
        "store: postgres://db/s",
        "1:8: store: write postgresql:// instead of postgres://",
    ),
    "connect_to without port": (
        "upstream: {connect_to: {api.x.ai: '127.0.0.1:1'}}",
        '1:25: upstream.connect_to."api.x.ai": '
        "write host:port, for example 'api.anthropic.com:443', or '*:443'",
    ),
    "connect_to in another spelling": (
        "upstream: {connect_to: {'API.x.ai.:443': '127.0.0.1:1'}}",
        "1:25: upstream.connect_to.\"API.x.ai.:443\": write it as 'api.x.ai:443'",
    ),
    "connect_to nowhere": (
        "upstream: {connect_to: {'*:443': '127.0.0.1:0'}}",
        "1:34: upstream.connect_to.*:443: the port must be a number from 1 to 65535",
    ),
    "parent proxy of another kind": (
        "upstream: {proxy: 'socks5://parent:1080'}",
        "1:19: upstream.proxy: write http://host:port or https://host:port, with nothing behind it",
    ),
    "network with host bits": (
        "egress: {allow: [10.1.2.3/8]}",
        "1:18: egress.allow.0: not the start of a network; write 10.0.0.0/8",
    ),
    "egress entry of no kind": (
        "egress: {allow: ['*.example.com']}",
        "1:18: egress.allow.0: write a host name, a network such as 10.1.0.0/16, or 'private'",
    ),
    "groups of nobody": ("report: {min_group: 0}", "1:21: report.min_group: must be at least 1"),
    "seconds below zero": ("wait_s: -1", "1:9: wait_s: must be at least 0"),
    "time-out of nothing": ("timeouts: {connect_s: 0}", "1:23: timeouts.connect_s: must be more than 0"),
    "true for a number": ("timeouts: {connect_s: true}", "1:23: timeouts.connect_s: must be a number"),
    "limit of nothing": ("limits: {body_bytes: 0}", "1:22: limits.body_bytes: must be at least 1"),
    "days as text": (
        "retention: {ledger_days: forever}",
        "1:26: retention.ledger_days: must be a whole number",
    ),
    "sockets neither way": ("websockets: on", "1:13: websockets: must be 'meter' or 'refuse'"),
    "time zone nobody knows": (
        "time_zone: Europe/Bern",
        "1:12: time_zone: not a time zone; write one such as UTC or Europe/Berlin",
    ),
    "time zone outside the folder": (
        "time_zone: ../../etc/passwd",
        "1:12: time_zone: not a time zone; write one such as UTC or Europe/Berlin",
    ),
    "section misspelt": ("egres: {}", "1:1: egres: unknown field (did you mean 'egress'?)"),
}


@pytest.mark.parametrize(("text", "expected"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_says_where_it_is_and_what_to_write(load, text, expected):
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert str(caught.value) == f"sluiceway.yaml:{expected}"


HOSTS = {
    "a name": ("API.OpenAI.com", "api.openai.com"),
    "a name with its final dot": ("api.openai.com.", "api.openai.com"),
    "one label": ("localhost", "localhost"),
    "IPv4": ("127.0.0.1", "127.0.0.1"),
    "IPv6 in a long spelling": ("0:0:0:0:0:0:0:1", "::1"),
}
NOT_HOSTS = [
    "",
    ".",
    "a..b",
    "-a.com",
    "a b",
    "a/b",
    "2130706433",
    "0x7f.1",
    "1.2.3",
    "a" * 64,
    "ä.com",
    "a.com\n",
]


@pytest.mark.parametrize(("text", "expected"), HOSTS.values(), ids=HOSTS.keys())
def test_a_host_has_one_spelling(text, expected):
    assert parse_host(text) == expected


@pytest.mark.parametrize("text", NOT_HOSTS, ids=repr)
def test_what_could_be_read_in_two_ways_is_no_host(text):
    with pytest.raises(ValueError):
        parse_host(text)


@given(st.ip_addresses(), st.integers(0, 65535))
def test_an_address_is_read_back_from_its_text(ip, port):
    address = Address(str(ip), port)
    assert parse_address(str(address)) == address


@given(st.text(max_size=40))
def test_no_text_makes_parsing_an_address_fail_in_another_way(text):
    try:
        address = parse_address(text)
    except ValueError:
        return
    assert parse_address(str(address)) == address
