"""Addresses of machines: IPv4, IPv6, MAC; told apart from versions, masks and slices."""

from __future__ import annotations

import ipaddress

from sluiceway.guard.context import apart, near, whole_number, words
from sluiceway.guard.patterns import Check, Match, Profile, Rule, Span, compiled

VERSION_BEFORE = compiled(
    r"(?i)(?:\b(?:version|release|build|rev|ver|section|chapter|clause|figure|table)[^A-Za-z0-9]{0,5}"
    r"|[=<>~^!]=?|\bv\.?|[A-Za-z]/|[\w]-)$"
)
NOT_VERSION = compiled(r"(?:[^=!<>~]=|://)$")
IP_WORDS = words(
    r"\bips?\b|ipv[46]|address|host|server|addr\b|ping|client|from|login|router|dns|subnet|connect"
)
MAX_VERSION_PART = 30


def ipv4(inline: bool) -> Check:
    """Addresses of machines: public and documentation ones; private ones too where not inline. Versions,
    networks, masks and loopback are not findings."""

    def check(data: bytes, match: Match) -> Span | None:
        span = match.span(1)
        if not _is_address_not_version(data, span):
            return None
        try:
            address = ipaddress.IPv4Address(data[span[0] : span[1]].decode())
        except ValueError:
            return None
        parts = address.packed
        if parts[0] in (0, 127) or parts[0] >= 224 or address.is_link_local:
            return None
        local = parts[0] == 10 or (parts[0] == 172 and 16 <= parts[1] < 32) or parts[:2] == b"\xc0\xa8"
        return None if local and (inline or parts[3] in (0, 255)) else span

    return check


def _is_address_not_version(data: bytes, span: Span) -> bool:
    if not whole_number(data, (span[0], span[1])) and data[span[1] : span[1] + 1] != b":":
        return False
    if data[span[1] : span[1] + 1] == b"/" and data[span[1] + 1 : span[1] + 3].isdigit():
        return data[span[1] + 1 : span[1] + 3] == b"32"
    small = max(map(int, data[span[0] : span[1]].split(b"."))) <= MAX_VERSION_PART
    if small and not near(data, span, IP_WORDS):
        return False
    before = data[max(0, span[0] - 16) : span[0]]
    return VERSION_BEFORE.search(before) is None or NOT_VERSION.search(before) is not None


def ipv6(data: bytes, match: Match) -> Span | None:
    """A global address, or any written in full; slices and `::` operators of code are neither."""
    start, end = match.span(1)
    text = data[start:end].rstrip(b".:") if not data[start:end].endswith(b"::") else data[start:end]
    try:
        address = ipaddress.IPv6Address(text.decode())
    except ValueError:
        return None
    if not apart(data, (start, start + len(text))) or address.is_loopback:
        return None
    parts = [part for part in text.split(b":") if part]
    full = len(parts) == 8 and max(map(len, parts)) >= 3
    global_unicast = len(parts[0]) == 4 and parts[0][:1] in b"23" and len(parts) >= 3 if parts else False
    local = address.is_link_local or address.is_private
    named = len(parts) >= 3 and len(parts[0]) == 4 and local
    return (start, start + len(text)) if full or global_unicast or named else None


def mac(data: bytes, match: Match) -> Span | None:
    """A network card's address; not the all-zero or the broadcast one."""
    span = match.span()
    number = data[span[0] : span[1]].translate(None, b":-")
    return span if apart(data, span) and len(set(number)) > 2 else None


INLINE: tuple[Profile, ...] = ("inline",)
AUDIT: tuple[Profile, ...] = ("audit",)
IPV4 = r"\b(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})\b"
MACHINES: tuple[Rule, ...] = (
    Rule(
        "ipv4", "IP_ADDRESS", r"\d\.\d{1,3}\.\d", IPV4, ("203.0.113.57",), ipv4(inline=True), profiles=INLINE
    ),
    Rule(
        "ipv4", "IP_ADDRESS", r"\d\.\d{1,3}\.\d", IPV4, ("192.168.3.7",), ipv4(inline=False), profiles=AUDIT
    ),
    Rule(
        "ipv6",
        "IP_ADDRESS",
        r"(?i)[0-9a-f]:[0-9a-f:]",
        r"(?i)\b([0-9a-f]{1,4}:[0-9a-f:]{3,38}(?:\d{1,3}(?:\.\d{1,3}){3})?)",
        ("2001:db8:85a3::8a2e:370:7334",),
        ipv6,
    ),
    Rule(
        "mac-address",
        "MAC_ADDRESS",
        r"(?i)[0-9a-f]{2}[:-][0-9a-f]{2}[:-]",
        r"(?i)\b[0-9a-f]{2}(?:(?::[0-9a-f]{2}){5}|(?:-[0-9a-f]{2}){5})\b",
        ("3C:22:FB:4A:90:1E",),
        mac,
        profiles=AUDIT,
    ),
)
