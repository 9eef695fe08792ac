"""The value of HTTPS_PROXY as a checked record: where the proxy is, and who calls. The token is a secret."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from sluiceway.errors import MachineError

FORM = "write it as your platform team gave it to you: http://NAME:TOKEN@HOST:PORT or https://NAME:TOKEN@HOST:PORT"
# What no shell, no environment.d file and no URL parser reads in a way of its own.
_PLAIN = re.compile(r"[A-Za-z0-9._~%:@/\[\]-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class ProxyUrl:
    """`user` and `token` are None where the port or the address alone says who calls."""

    text: str = field(repr=False)
    scheme: str
    host: str
    port: int
    user: str | None
    token: str | None = field(repr=False)

    @property
    def shown(self) -> str:
        """The URL for people, without the token."""
        who = f"{self.user}:***@" if self.user else ""
        return f"{self.scheme}://{who}{self.place}"

    @property
    def place(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def authorization(self) -> str | None:
        """The value of Proxy-Authorization."""
        if self.user is None:
            return None
        return "Basic " + base64.b64encode(f"{self.user}:{self.token}".encode()).decode()


def parse_proxy_url(text: str) -> ProxyUrl:
    """Raises MachineError, which never quotes the URL: it holds a token."""
    text = text.strip()
    if not text:
        raise MachineError(f"the proxy URL is empty; {FORM}")
    if not _PLAIN.fullmatch(text):
        raise MachineError(
            f"the proxy URL holds a space or a character that must be percent-encoded (%24 for $); {FORM}"
        )
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        raise MachineError(f"the proxy URL's host or port cannot be read; {FORM}") from None
    if url.scheme not in ("http", "https"):
        raise MachineError(f"the proxy URL must start with http:// or https://; {FORM}")
    if not url.hostname or url.path not in ("", "/"):
        raise MachineError(f"the proxy URL is a scheme, a host and a port, and nothing after them; {FORM}")
    if not port:
        raise MachineError(f"the proxy URL has no port; {FORM}")
    if url.username is not None and not (url.username and url.password):
        raise MachineError(f"the proxy URL has a name or a token only, not both; {FORM}")
    user = unquote(url.username) if url.username else None
    token = unquote(url.password) if url.password else None
    return ProxyUrl(text.rstrip("/"), url.scheme, url.hostname, port, user, token)
