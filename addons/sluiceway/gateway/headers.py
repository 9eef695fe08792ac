"""Which headers travel: ours are added, hop-by-hop ones and what would lead clients past us are dropped."""

from __future__ import annotations

from collections.abc import Mapping

from multidict import CIMultiDict, CIMultiDictProxy

# RFC 9110 section 7.6.1, and the proxy's own.
HOP_BY_HOP = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "expect",
    )
)
# Alt-Svc would invite the client to HTTP/3, around the proxy.
NOT_TO_CLIENT = HOP_BY_HOP | {"alt-svc"}


def _travelling(
    headers: Mapping[str, str] | CIMultiDictProxy[str], stay: frozenset[str]
) -> CIMultiDict[str]:
    named = {name.strip().lower() for name in headers.get("connection", "").split(",")}
    return CIMultiDict(
        (name, value)
        for name, value in headers.items()
        if (lower := name.lower()) not in stay
        and lower not in named
        and not lower.startswith("x-sluiceway-")
    )


def to_provider(headers: CIMultiDictProxy[str], host: str) -> CIMultiDict[str]:
    """The client's headers for the provider; framing is set anew by whoever sends."""
    out = _travelling(headers, HOP_BY_HOP)
    out.popall("content-length", None)
    out["host"] = host
    return out


def to_client(headers: CIMultiDictProxy[str], *, keep_length: bool) -> CIMultiDict[str]:
    """The provider's headers for the client. The length stays only where the bytes do."""
    out = _travelling(headers, NOT_TO_CLIENT)
    if not keep_length:
        out.popall("content-length", None)
    return out

