"""Owns the one spelling of a destination: every host and port is normalised here before it is compared.

The same place can be written in many ways (`API.OpenAI.com.`, `2130706433`, `0x7f.1`, `[::ffff:127.0.0.1]`).
After `normalise` a name is lower-case ASCII without a trailing dot and an address has its usual spelling,
so plain `==` is a safe comparison. What browsers and inet_aton would read as an IPv4 address
(the URL Standard's "ends in a number") is one here too, or is refused: never a name.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

import idna

from sluiceway.errors import WireError

type IP = ipaddress.IPv4Address | ipaddress.IPv6Address

# RFC 1123 knows no underscores, but real services use them, and they cannot confuse a comparison.
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?", re.ASCII)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_PORT = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)
_MAX_NAME = 253
_MAX_LABEL = 63


@dataclass(frozen=True, slots=True)
class Destination:
    """A host and port in their one spelling. `ip` is set when the host is an address, never by a lookup."""

    host: str
    port: int
    ip: IP | None = None

    @property
    def authority(self) -> str:
        """As it stands in a CONNECT line: `api.openai.com:443`, `[2001:db8::1]:443`."""
        bracketed = f"[{self.host}]" if isinstance(self.ip, ipaddress.IPv6Address) else self.host
        return f"{bracketed}:{self.port}"


def normalise(host: str, port: int = 443) -> Destination:
    """The destination of a host name or address, an IPv6 address with or without brackets.

    Raises WireError, with a text that never repeats the host.
    """
    if not 1 <= port <= 65535:
        raise WireError("port: must be between 1 and 65535")
    if ":" in host or host.startswith("["):
        ip = _ipv6(host)
        return Destination(str(ip), port, ip)
    name = _ascii_name(host)
    ipv4 = _ipv4(name)
    return Destination(name if ipv4 is None else str(ipv4), port, ipv4)


def parse_authority(authority: str, default_port: int) -> Destination:
    """The destination of `host`, `host:port`, `[v6]` or `[v6]:port`: CONNECT and Host. Raises WireError."""
    if "@" in authority:
        raise WireError("host: user information (`@`) is not allowed here")
    host, separator, port = authority.rpartition(":")
    if not separator or authority.endswith("]"):
        return normalise(_unambiguous(authority), default_port)
    if not _PORT.fullmatch(port):
        raise WireError("port: must be a plain decimal number between 1 and 65535")
    return normalise(_unambiguous(host), int(port))


def _unambiguous(host: str) -> str:
    """Beside a port, an IPv6 address must wear brackets: `::1:443` could be either."""
    if ":" in host and not host.startswith("["):
        raise WireError("host: an IPv6 address needs brackets here, as in [::1]:443")
    return host


def _ipv6(host: str) -> IP:
    inner = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if "%" in inner:
        raise WireError("host: a zone id (`%`) means nothing to a proxy")
    try:
        ip = ipaddress.IPv6Address(inner)
    except ValueError:
        # `from None`: the original text repeats what the client sent.
        raise WireError("host: not an IPv6 address") from None
    return ip.ipv4_mapped or ip


def _ascii_name(host: str) -> str:
    """The name in lower-case A-labels without its trailing dot; full-width and other twins are mapped."""
    if len(host) > _MAX_NAME + 1:
        raise WireError(f"host: longer than {_MAX_NAME} characters")
    try:
        mapped = host.lower() if host.isascii() else idna.uts46_remap(host, std3_rules=False)
        name = ".".join(_ascii_label(label) for label in mapped.removesuffix(".").split("."))
    except UnicodeError:  # idna's errors, too; their text repeats the label
        raise WireError("host: not a valid internationalised name") from None
    if len(name) > _MAX_NAME:
        raise WireError(f"host: longer than {_MAX_NAME} characters")
    return name


def _ascii_label(label: str) -> str:
    if not label:
        raise WireError("host: empty, or an empty label (two dots in a row)")
    # idna checks that an `xn--` label is what its own Unicode form encodes to: one spelling each.
    ascii_label = label
    if not label.isascii() or label.startswith("xn--"):
        ascii_label = idna.alabel(label).decode("ascii")
    if len(ascii_label) > _MAX_LABEL:
        raise WireError(f"host: a label is longer than {_MAX_LABEL} characters")
    if not _LABEL.fullmatch(ascii_label):
        raise WireError(
            "host: only letters, digits, hyphens inside a label, underscores and dots are allowed"
        )
    return ascii_label


def _ipv4(name: str) -> ipaddress.IPv4Address | None:
    """The address browsers and inet_aton read where the last label is a number; None for real names."""
    parts = name.split(".")
    if not _NUMBER.fullmatch(parts[-1]):
        return None
    if len(parts) > 4 or not all(_NUMBER.fullmatch(part) for part in parts):
        raise WireError("host: ends in a number but is not an IPv4 address")
    *leading, last = [_number(part) for part in parts]
    room = 256 ** (4 - len(leading))
    if last >= room or any(number > 255 for number in leading):
        raise WireError("host: a number in the IPv4 address is too large")
    value = last + sum(number << (24 - 8 * place) for place, number in enumerate(leading))
    return ipaddress.IPv4Address(value)


def _number(part: str) -> int:
    """Decimal, octal with a leading 0, or hexadecimal with 0x, as inet_aton counts."""
    if part.startswith("0x"):
        return int(part[2:] or "0", 16)
    if part.startswith("0") and len(part) > 1:
        if not set(part) <= set("01234567"):
            raise WireError("host: a number that starts with 0 is octal and has no 8 or 9")
        return int(part, 8)
    return int(part)
