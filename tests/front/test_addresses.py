"""What kind of place an address is: a table of edges, then a property against Python's own opinion."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluiceway.front.addresses import METADATA, carried, kind_of

KINDS = [
    ("1.1.1.1", "public"),
    ("9.255.255.255", "public"),
    ("10.0.0.0", "private"),
    ("10.255.255.255", "private"),
    ("11.0.0.0", "public"),
    ("172.15.255.255", "public"),
    ("172.16.0.1", "private"),
    ("172.31.255.255", "private"),
    ("172.32.0.0", "public"),
    ("192.168.1.1", "private"),
    ("192.169.0.0", "public"),
    ("100.63.255.255", "public"),
    ("100.64.0.1", "shared"),
    ("100.127.255.255", "shared"),
    ("100.128.0.0", "public"),
    ("127.0.0.1", "loopback"),
    ("127.255.255.254", "loopback"),
    ("169.254.1.1", "link-local"),
    ("169.254.169.254", "metadata"),
    ("168.63.129.16", "metadata"),
    ("100.100.100.200", "metadata"),
    ("0.0.0.0", "reserved"),
    ("0.1.2.3", "reserved"),
    ("192.0.0.8", "reserved"),
    ("192.0.2.1", "reserved"),
    ("198.51.100.1", "reserved"),
    ("203.0.113.1", "reserved"),
    ("192.88.99.1", "reserved"),
    ("198.17.255.255", "public"),
    ("198.18.0.1", "reserved"),
    ("198.19.255.255", "reserved"),
    ("198.20.0.0", "public"),
    ("223.255.255.255", "public"),
    ("224.0.0.1", "reserved"),
    ("239.255.255.255", "reserved"),
    ("240.0.0.1", "reserved"),
    ("255.255.255.255", "reserved"),
    ("2606:4700::1111", "public"),
    ("2a00:1450::1", "public"),
    ("::", "reserved"),
    ("::1", "loopback"),
    ("::7f00:1", "reserved"),
    ("::ffff:127.0.0.1", "loopback"),
    ("::ffff:1.1.1.1", "public"),
    ("fe80::1", "link-local"),
    ("fec0::1", "reserved"),
    ("fc00::1", "private"),
    ("fdff::1", "private"),
    ("fd00:ec2::254", "metadata"),
    ("fd20:ce::254", "metadata"),
    ("ff02::1", "reserved"),
    ("100::1", "reserved"),
    ("64:ff9b::808:808", "reserved"),
    ("64:ff9b:1::808:808", "reserved"),
    ("2001::1", "reserved"),
    ("2001:db8::1", "reserved"),
    ("2001:4860:4860::8888", "public"),
    ("2002:7f00:1::", "reserved"),
    ("2003::1", "public"),
    ("3fff::1", "reserved"),
    ("3ffe::1", "reserved"),
    ("5f00::1", "reserved"),
    ("4000::1", "reserved"),
]


@pytest.mark.parametrize(("address", "kind"), KINDS, ids=[address for address, _ in KINDS])
def test_an_address_is_of_one_kind(address: str, kind: str) -> None:
    assert kind_of(ipaddress.ip_address(address)) == kind


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        pytest.param("64:ff9b::10.0.0.1", "10.0.0.1", id="NAT64"),
        pytest.param("64:ff9b:1::a9fe:a9fe", "169.254.169.254", id="local NAT64"),
        pytest.param("2002:7f00:1::", "127.0.0.1", id="6to4"),
        pytest.param("2002:a00:1:ffff::1", "10.0.0.1", id="6to4 with a subnet"),
        pytest.param("::10.0.0.1", "10.0.0.1", id="v4-compatible"),
        pytest.param("::1", None, id="loopback is not v4-compatible"),
        pytest.param("::", None, id="unspecified is not v4-compatible"),
        pytest.param("2606:4700::1111", None, id="plain v6"),
        pytest.param("10.0.0.1", None, id="plain v4"),
    ],
)
def test_an_ipv4_address_inside_another_is_found(address: str, inside: str | None) -> None:
    assert carried(ipaddress.ip_address(address)) == (ipaddress.ip_address(inside) if inside else None)


@given(st.ip_addresses())
def test_public_is_never_wider_than_python_believes(
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    mapped = isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None
    if kind_of(ip) == "public" and not mapped:  # Python's opinion on v4-mapped changed between versions
        assert ip.is_global
        assert True not in {ip.is_multicast, ip.is_private, ip.is_reserved, ip.is_loopback, ip.is_link_local}


def test_no_metadata_service_is_public() -> None:
    assert {kind_of(ip) for ip in METADATA} == {"metadata"}
