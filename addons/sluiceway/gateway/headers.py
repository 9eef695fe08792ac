"""Which headers travel: ours are added, hop-by-hop ones and what would lead clients past us are dropped."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from multidict import CIMultiDict, CIMultiDictProxy

from sluiceway.errors import WireError
from sluiceway.gateway.decoding import KNOWN

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
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def _travelling(headers: CIMultiDictProxy[str], stay: frozenset[str]) -> CIMultiDict[str]:
    travelling = CIMultiDict([pair for pair in headers.items() if _travels(pair[0], stay)])
    for value in headers.getall("connection", ()):
        for name in value.split(","):
            travelling.popall(name.strip(), None)
    return travelling


@lru_cache(1024)  # the same few names come with every request
def _travels(name: str, stay: frozenset[str]) -> bool:
    lower = name.lower()
    return lower not in stay and not lower.startswith("x-sluiceway-")


def to_provider(headers: CIMultiDictProxy[str], host: str) -> CIMultiDict[str]:
    """The client's headers for the provider; framing is set anew by whoever sends."""
    out = _travelling(headers, HOP_BY_HOP)
    out.popall("content-length", None)
    out["host"] = host
    return out


def to_client(headers: CIMultiDictProxy[str], own: Iterable[tuple[str, str]]) -> CIMultiDict[str]:
    """The provider's headers for the client, with `own` ones. Raises WireError where one holds a control
    character, which the next reader might take for the end of it."""
    out = _travelling(headers, NOT_TO_CLIENT)
    if _CONTROL.search("".join(out.values())):
        raise WireError("a header of the answer holds a control character")
    for name, value in own:
        out[name] = value
    return out


def accepted(accept_encoding: str) -> str:
    """An `accept-encoding` value without the encodings that could not be metered; a `*` is one of those."""
    offers = (offer.strip() for offer in accept_encoding.split(","))
    known = [offer for offer in offers if offer.partition(";")[0].strip().lower() in KNOWN]
    return ", ".join(known) or "identity"
