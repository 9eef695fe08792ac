"""Owns what kind of place an IP address is: public, or one of the kinds a proxy must not be led into.

`ipaddress.is_global` has holes (multicast, translated and tunnelled IPv4, metadata services), so the table is
our own, after the IANA special-purpose address registries (RFC 6890 and successors). In IPv6 only 2000::/3 is
public at all; the exceptions inside it are listed.
"""

from __future__ import annotations

import ipaddress
from typing import Literal

from sluiceway.front.names import IP

type Kind = Literal["public", "private", "shared", "loopback", "link-local", "metadata", "reserved"]
type Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Where clouds hand out credentials: AWS (also ECS and EKS), Google, Azure's wire server, Alibaba, Oracle.
METADATA = frozenset(
    ipaddress.ip_address(address)
    for address in (
        "169.254.169.254",
        "169.254.170.2",
        "169.254.170.23",
        "168.63.129.16",
        "100.100.100.200",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
    )
)

_V4_KINDS: dict[str, Kind] = {
    "10.0.0.0/8": "private",
    "172.16.0.0/12": "private",
    "192.168.0.0/16": "private",
    "100.64.0.0/10": "shared",  # carrier-grade NAT, also used by overlay networks
    "127.0.0.0/8": "loopback",
    "169.254.0.0/16": "link-local",
    "0.0.0.0/8": "reserved",  # "this network": Linux connects 0.0.0.0 to itself
    "192.0.0.0/24": "reserved",  # protocol assignments
    "192.0.2.0/24": "reserved",  # documentation, as the two /24 below
    "198.51.100.0/24": "reserved",
    "203.0.113.0/24": "reserved",
    "192.88.99.0/24": "reserved",  # 6to4 relays
    "198.18.0.0/15": "reserved",  # benchmarks
    "224.0.0.0/4": "reserved",  # multicast
    "240.0.0.0/4": "reserved",  # future use and broadcast
}
_V6_KINDS: dict[str, Kind] = {
    "::1/128": "loopback",
    "fe80::/10": "link-local",
    "fc00::/7": "private",  # unique local
    "2001::/23": "reserved",  # protocol assignments: Teredo, benchmarks, ORCHID
    "2001:db8::/32": "reserved",  # documentation, as 3fff::/20
    "3fff::/20": "reserved",
    "2002::/16": "reserved",  # 6to4
    "3ffe::/16": "reserved",  # the returned 6bone
}
_V6_PUBLIC = ipaddress.IPv6Network("2000::/3")
_V4 = [(ipaddress.IPv4Network(network), kind) for network, kind in _V4_KINDS.items()]
_V6 = [(ipaddress.IPv6Network(network), kind) for network, kind in _V6_KINDS.items()]

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.IPv6Network("64:ff9b:1::/48")
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_SIX_TO_FOUR = ipaddress.IPv6Network("2002::/16")


def kind_of(ip: IP) -> Kind:
    """The kind of an address as written; what it may carry inside is `carried`'s answer."""
    if ip in METADATA:
        return "metadata"
    if isinstance(ip, ipaddress.IPv4Address):
        return next((kind for network, kind in _V4 if ip in network), "public")
    if ip.ipv4_mapped is not None:
        return kind_of(ip.ipv4_mapped)
    otherwise: Kind = "public" if ip in _V6_PUBLIC else "reserved"
    return next((kind for network, kind in _V6 if ip in network), otherwise)


def carried(ip: IP) -> ipaddress.IPv4Address | None:
    """The IPv4 address a translator or tunnel would deliver to, where one is written inside."""
    if isinstance(ip, ipaddress.IPv4Address):
        return None
    if ip in _SIX_TO_FOUR:
        return ipaddress.IPv4Address(int(ip) >> 80 & 0xFFFFFFFF)
    if ip in _NAT64 or ip in _NAT64_LOCAL or (ip in _COMPATIBLE and int(ip) > 1):
        # 64:ff9b:1::/48 may be cut at other lengths (RFC 6052); the last 32 bits are the usual /96.
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return None
