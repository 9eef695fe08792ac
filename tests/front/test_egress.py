"""The one decision on what may be dialled: a table of destinations, then what a refusal must say."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluiceway.front.addresses import kind_of
from sluiceway.front.egress import Admission, Admitted, is_local
from sluiceway.front.names import IP, normalise, parse_authority
from sluiceway.front.resolve import Resolver
from sluiceway.settings.config import Upstream
from sluiceway.settings.egress import Egress

NAMES: dict[str, Sequence[str]] = {
    "public.example": ["1.1.1.1", "2606:4700::1111"],
    "mixed.example": ["10.0.0.1", "1.1.1.1", "127.0.0.1", "1.0.0.1"],
    "git.corp.example": ["10.1.2.3"],
    "shared.corp.example": ["100.64.0.5"],
    "loop.example": ["127.0.0.1", "::1"],
    "metadata.corp.example": ["169.254.169.254"],
    "mapped.example": ["::ffff:10.1.2.3"],
    "nat64.example": ["64:ff9b::808:808"],
    "nat64-inside.example": ["64:ff9b::a01:203"],
    "link.corp.example": ["fe80::1"],
    "unspecified.example": ["0.0.0.0", "::"],
    "local.target": ["127.0.0.1"],
    "localhost": ["127.0.0.1", "::1"],
}


def admission(
    *,
    allow: Sequence[str] = (),
    ports: Sequence[int] = (443, 80),
    connect_to: Mapping[str, str] | None = None,
    proxy: str | None = None,
    own: Sequence[str] = (),
) -> Admission:
    async def lookup(name: str) -> list[IP]:
        if name == "slow.example":
            raise TimeoutError
        if name not in NAMES:
            raise OSError("no such name")
        return [ipaddress.ip_address(address) for address in NAMES[name]]

    made = Admission(
        Egress.model_validate({"allow": allow, "ports": ports}),
        Upstream.model_validate({"connect_to": connect_to or {}, "proxy": proxy}),
        resolver=Resolver(lookup),
        local=lambda ip: str(ip) in {"127.0.0.1", "192.0.2.7"},
    )
    for authority in own:
        destination = parse_authority(authority, 443)
        made.add_own(destination.host, destination.port)
    return made


async def decide(authority: str, **settings: Any) -> Admitted | str:
    return await admission(**settings).admit(parse_authority(authority, 443))


ADMITTED = [
    ("a public name", "public.example", [], ["1.1.1.1", "2606:4700::1111"]),
    ("port 80", "public.example:80", [], ["1.1.1.1", "2606:4700::1111"]),
    ("a public address", "1.1.1.1", [], ["1.1.1.1"]),
    ("only the public ones of a mixed answer", "mixed.example", [], ["1.1.1.1", "1.0.0.1"]),
    ("private ones beside, once listed", "mixed.example", ["private"], ["10.0.0.1", "1.1.1.1", "1.0.0.1"]),
    ("a listed name", "git.corp.example", ["git.corp.example"], ["10.1.2.3"]),
    ("a listed name, written otherwise", "git.corp.example", ["GIT.corp.example."], ["10.1.2.3"]),
    ("a listed network", "git.corp.example", ["10.0.0.0/8"], ["10.1.2.3"]),
    ("a listed address", "git.corp.example", ["10.1.2.3"], ["10.1.2.3"]),
    ("an address in a listed network", "10.1.2.3", ["10.1.0.0/16"], ["10.1.2.3"]),
    ("an address written as a number", "167838211", ["10.1.2.3"], ["10.1.2.3"]),
    ("private", "git.corp.example", ["private"], ["10.1.2.3"]),
    ("private in IPv6", "[fd12::1]", ["private"], ["fd12::1"]),
    ("a name on a shared address", "shared.corp.example", ["shared.corp.example"], ["100.64.0.5"]),
    ("a name on loopback", "loop.example", ["loop.example"], ["127.0.0.1", "::1"]),
    ("one of two loopbacks", "loop.example", ["::1"], ["::1"]),
    ("metadata by its address", "169.254.169.254:80", ["169.254.169.254"], ["169.254.169.254"]),
    ("metadata by a network of one", "169.254.169.254:80", ["169.254.169.254/32"], ["169.254.169.254"]),
    ("v4-mapped of a listed network", "mapped.example", ["10.0.0.0/8"], ["10.1.2.3"]),
    ("NAT64 of a public address", "nat64.example", ["64:ff9b::/96"], ["64:ff9b::808:808"]),
    ("NAT64, both listed", "nat64-inside.example", ["64:ff9b::/96", "private"], ["64:ff9b::a01:203"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("authority", "allow", "addresses"), [c[1:] for c in ADMITTED], ids=[c[0] for c in ADMITTED]
)
async def test_a_good_destination_is_dialled_at_the_addresses_that_were_checked(
    authority: str, allow: list[str], addresses: list[str]
) -> None:
    destination = parse_authority(authority, 443)
    assert await decide(authority, allow=allow) == Admitted(
        destination.host, destination.port, tuple((address, destination.port) for address in addresses)
    )


REFUSED = [
    ("a private address", "10.1.2.3", [], 'private address.*allow: \\["10.1.2.3"\\]'),
    ("a name that leads to one", "git.corp.example", [], '10.1.2.3, a private.*\\["git.corp.example"\\]'),
    ("another name listed", "git.corp.example", ["wiki.corp.example"], "private"),
    ("the network beside", "git.corp.example", ["10.2.0.0/16"], "private"),
    ("private does not mean loopback", "127.0.0.1", ["private"], "loopback"),
    ("private does not mean shared", "shared.corp.example", ["private"], "shared"),
    ("loopback as a number", "2130706433", [], "loopback"),
    ("loopback v4-mapped", "[::ffff:127.0.0.1]", [], "loopback"),
    ("loopback v4-compatible", "[::127.0.0.1]", [], "reserved"),
    ("loopback in 6to4", "[2002:7f00:1::]", [], "reserved"),
    ("loopback in 6to4, 6to4 listed", "[2002:7f00:1::]", ["2002::/16"], "a loopback address"),
    ("private inside NAT64, NAT64 listed", "nat64-inside.example", ["64:ff9b::/96"], "10.1.2.3, a private"),
    ("v4-mapped private in DNS", "mapped.example", [], "10.1.2.3, a private"),
    ("metadata", "169.254.169.254:80", [], 'metadata.*allow: \\["169.254.169.254"\\]'),
    ("metadata in a wide network", "169.254.169.254:80", ["169.254.0.0/16"], "metadata"),
    ("metadata by private", "[fd00:ec2::254]", ["private", "fc00::/7"], "metadata"),
    ("metadata by name", "metadata.corp.example", ["metadata.corp.example"], 'metadata.*"169.254.169.254"'),
    ("link-local by a listed name", "link.corp.example", ["link.corp.example"], 'link-local.*"fe80::1"'),
    ("unspecified", "unspecified.example", ["unspecified.example"], "reserved"),
    ("multicast", "224.0.0.1", [], "reserved"),
    ("another port", "public.example:8443", [], r"port 8443.*ports: \[443, 80, 8443\]"),
    ("another port of a listed name", "git.corp.example:22", ["git.corp.example"], "port 22"),
    ("a name below a listed one", "git.corp.example", ["corp.example"], "private"),
    ("no such name", "nowhere.example", [], "no address"),
    ("a silent name server", "slow.example", [], "in time"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("authority", "allow", "says"), [c[1:] for c in REFUSED], ids=[c[0] for c in REFUSED]
)
async def test_a_bad_destination_is_refused_with_what_to_write(
    authority: str, allow: list[str], says: str
) -> None:
    refused = await decide(authority, allow=allow)
    assert isinstance(refused, str)
    assert re.search(says, refused)


@pytest.mark.parametrize(
    "case", [case for case in REFUSED if '"' in case[3] and not case[2]], ids=lambda c: c[0]
)
async def test_the_line_a_refusal_advises_lets_the_destination_through(
    case: tuple[str, str, list[str], str],
) -> None:
    refused = await decide(case[1])
    assert isinstance(refused, str)
    advised = re.search(r'allow: \["(.+?)"\]\}', refused)
    assert advised
    assert isinstance(await decide(case[1], allow=[advised[1]]), Admitted)


@pytest.mark.parametrize(
    ("authority", "own"),
    [
        pytest.param("127.0.0.1:8080", "127.0.0.1:8080", id="its listener"),
        pytest.param("0x7f.1:8080", "127.0.0.1:8080", id="its listener as a number"),
        pytest.param("local.target:8080", "127.0.0.1:8080", id="a name of its listener"),
        pytest.param("192.0.2.7:8080", "0.0.0.0:8080", id="an address of this machine, listening on all"),
        pytest.param("192.0.2.7:8080", "[::]:8080", id="the same, listening on all in IPv6"),
        pytest.param("proxy.corp.example:8080", "proxy.corp.example:8080", id="its public name"),
    ],
)
async def test_the_proxy_never_dials_itself(authority: str, own: str) -> None:
    allow = ["127.0.0.0/8", "192.0.2.0/24"]
    refused = await decide(authority, own=[own], allow=allow, ports=[8080])
    assert isinstance(refused, str)
    assert "this proxy itself" in refused


@pytest.mark.parametrize(
    ("authority", "own"),
    [
        pytest.param("127.0.0.1:8081", "0.0.0.0:8080", id="another port"),
        pytest.param("127.0.0.2:8080", "127.0.0.1:8080", id="another address"),
        pytest.param("192.0.2.8:8080", "0.0.0.0:8080", id="another machine"),
    ],
)
async def test_a_neighbour_of_the_proxy_may_be_dialled(authority: str, own: str) -> None:
    allow = ["127.0.0.0/8", "192.0.2.0/24"]
    assert isinstance(await decide(authority, own=[own], allow=allow, ports=[8080, 8081]), Admitted)


async def test_of_a_name_that_also_leads_to_the_proxy_only_the_rest_is_dialled() -> None:
    admitted = await decide("loop.example:8080", own=["127.0.0.1:8080"], allow=["loop.example"], ports=[8080])
    assert admitted == Admitted("loop.example", 8080, (("::1", 8080),))


async def test_a_listed_port_is_open_to_public_addresses_only() -> None:
    assert isinstance(await decide("1.1.1.1:8443", ports=[443, 8443]), Admitted)
    assert isinstance(await decide("1.1.1.1:80", ports=[443, 8443]), str)
    assert isinstance(await decide("git.corp.example:8443", ports=[443, 8443]), str)


PARENT = "http://parent.corp.example:3128"
STAR = {
    "*:443": "127.0.0.1:1",
    "*:80": "127.0.0.1:2",
    "a.example:443": "127.0.0.1:3",
    "b.example:443": "[::1]:4",
}


@pytest.mark.parametrize(
    ("authority", "connect_to", "dialled"),
    [
        pytest.param("a.example:443", {"a.example:443": "127.0.0.1:3"}, ("127.0.0.1", 3), id="one host"),
        pytest.param("A.Example.:443", {"a.example:443": "127.0.0.1:3"}, ("127.0.0.1", 3), id="its spelling"),
        pytest.param("a.example:443", {"*:443": "local.target:5"}, ("127.0.0.1", 5), id="to a name"),
        pytest.param("any.example:443", STAR, ("127.0.0.1", 1), id="every host"),
        pytest.param("any.example:80", STAR, ("127.0.0.1", 2), id="every host, another port"),
        pytest.param("a.example:443", STAR, ("127.0.0.1", 3), id="the host before the star"),
        pytest.param("b.example:443", STAR, ("::1", 4), id="to IPv6"),
    ],
)
async def test_connect_to_is_trusted_and_keeps_the_name(
    authority: str, connect_to: dict[str, str], dialled: tuple[str, int]
) -> None:
    destination = parse_authority(authority, 443)
    for proxy in (None, PARENT):
        assert await decide(authority, connect_to=connect_to, proxy=proxy) == Admitted(
            destination.host, destination.port, (dialled,)
        )


async def test_connect_to_for_another_host_or_port_changes_nothing() -> None:
    settings = {"connect_to": {"a.example:443": "127.0.0.1:9443"}}
    assert isinstance(await decide("a.example:80", **settings), str)
    assert isinstance(await decide("10.0.0.1:443", **settings), str)


async def test_connect_to_never_leads_back_into_the_proxy() -> None:
    refused = await decide("a.example", connect_to={"*:443": "127.0.0.1:8080"}, own=["127.0.0.1:8080"])
    assert isinstance(refused, str)
    assert "itself" in refused


@pytest.mark.parametrize(
    ("authority", "allow", "admitted"),
    [
        pytest.param("never-resolved.example", [], True, id="a name is not looked up"),
        pytest.param("never-resolved.example:8443", [], False, id="ports still count"),
        pytest.param("localhost", [], False, id="localhost"),
        pytest.param("printer", [], False, id="one label"),
        pytest.param("printer.local", [], False, id="mDNS"),
        pytest.param("metadata.google.internal", [], False, id="internal"),
        pytest.param("printer.local", ["printer.local"], True, id="a listed local name"),
        pytest.param("10.0.0.1", [], False, id="a private address"),
        pytest.param("10.0.0.1", ["private"], True, id="a listed address"),
        pytest.param("1.1.1.1", [], True, id="a public address"),
    ],
)
async def test_behind_a_parent_proxy_names_are_checked_and_addresses_left_to_it(
    authority: str, allow: list[str], admitted: bool
) -> None:
    destination = parse_authority(authority, 443)
    decision = await decide(authority, allow=allow, proxy=PARENT)
    assert isinstance(decision, Admitted) == admitted
    if admitted:
        assert decision == Admitted(destination.host, destination.port, ())


@given(st.lists(st.ip_addresses(), max_size=6), st.sampled_from([80, 443]))
async def test_without_settings_no_address_but_a_public_one_is_ever_dialled(
    found: list[IP], port: int
) -> None:
    async def lookup(name: str) -> list[IP]:
        return found

    decision = await Admission(Egress(), Upstream(), resolver=Resolver(lookup)).admit(
        normalise("a.example", port)
    )
    dialled = decision.addresses if isinstance(decision, Admitted) else ()
    assert all(kind_of(ipaddress.ip_address(address)) == "public" for address, _ in dialled)
    assert isinstance(decision, str) == (not dialled)


def test_this_machine_knows_its_own_addresses() -> None:
    assert is_local(ipaddress.ip_address("127.0.0.1"))
    assert not is_local(ipaddress.ip_address("192.0.2.1"))
