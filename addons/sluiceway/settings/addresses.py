"""host:port texts, host names and URLs of the configuration: one spelling each, mistakes named."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator

LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
HOST = re.compile(rf"(?=.{{1,253}}\Z){LABEL}(?:\.{LABEL})*")
NUMBERS = re.compile(r"[0-9.]+|0x[0-9a-f]*")
FORM = "write host:port, for example 127.0.0.1:8080 or '[::1]:8080'"


@dataclass(frozen=True, slots=True)
class Address:
    """A host (IP without brackets, or a lower-case name) and a port; its text has the brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: object) -> Address:
    """`127.0.0.1:8080`, `[::1]:8080`, `proxy.example.com:8080`. Raises ValueError with a sentence."""
    if isinstance(text, Address):
        return text
    if not isinstance(text, str) or ":" not in text:
        raise ValueError(FORM)
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65535):
        raise ValueError("the port must be a number from 0 to 65535")
    if not host:
        raise ValueError(f"the host is missing; write 0.0.0.0:{int(port)} to listen on every interface")
    if host.startswith("[") and host.endswith("]"):
        return Address(_ipv6(host[1:-1]), int(port))
    if ":" in host:
        raise ValueError("an IPv6 address needs brackets: '[::1]:8080'")
    return Address(parse_host(host), int(port))


def parse_host(text: str) -> str:
    """An IP address or a name in its one spelling: lower case, no final dot. Raises ValueError."""
    try:
        return str(ip_address(text))
    except ValueError:
        host = text.lower().removesuffix(".")
    # inet_aton reads "127.1", "2130706433" and "0x7f.1" as addresses; we do not guess which was meant.
    if not HOST.fullmatch(host) or NUMBERS.fullmatch(host.rpartition(".")[2]):
        raise ValueError("not a host name or an IP address")
    return host


def _ipv6(text: str) -> str:
    try:
        return str(IPv6Address(text))
    except ValueError:
        raise ValueError("not an IPv6 address between the brackets") from None


def _dialled(text: object) -> Address:
    address = parse_address(text)
    if address.port == 0:
        raise ValueError("the port must be a number from 1 to 65535")
    return address


def check_http_url(text: str) -> str:
    """`http(s)://host[:port]` with neither path nor query; a final slash is dropped."""
    try:
        url = urlsplit(text.strip())
        whole = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
        parse_host(url.hostname or "")
    except ValueError:
        whole = False
    if not whole or url.path not in ("", "/") or url.query or url.fragment:
        raise ValueError("write http://host:port or https://host:port, with nothing behind it")
    return text.strip().removesuffix("/")


def check_public_url(text: str) -> str:
    """As check_http_url, and without credentials: each employee's are added when it is shown."""
    if "@" in text:
        raise ValueError("leave user and password out; each employee's are added when it is shown")
    return check_http_url(text)


def check_connect_key(text: str) -> str:
    """`api.anthropic.com:443` or `*:443`, in its one spelling: two spellings of a key would hide one."""
    host, _, port = text.rpartition(":")
    try:
        key = f"*:{_dialled('any:' + port).port}" if host == "*" else str(_dialled(text))
    except ValueError:
        raise ValueError("write host:port, for example 'api.anthropic.com:443', or '*:443'") from None
    if key != text:
        raise ValueError(f"write it as '{key}'")
    return key


type Listen = Annotated[Address, BeforeValidator(parse_address)]
type Dial = Annotated[Address, BeforeValidator(_dialled)]
type ConnectTo = dict[Annotated[str, AfterValidator(check_connect_key)], Dial]
type HttpUrl = Annotated[str, AfterValidator(check_http_url)]
type PublicUrl = Annotated[str, AfterValidator(check_public_url)]
