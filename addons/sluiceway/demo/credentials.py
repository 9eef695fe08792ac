"""Who calls a simulated provider: presented credentials, kept as digests only, and each provider's 401."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from sluiceway.demo.exchange import Rejected

# Also headers that must never arrive here: a test finds them on record if they do.
_HEADERS = ("x-api-key", "authorization", "x-goog-api-key", "api-key", "proxy-authorization", "cookie")
_OWN = {
    "anthropic": "x-api-key",
    "gemini": "x-goog-api-key",
    "vertex": "x-goog-api-key",
    "azure": "api-key",
}


def presented(headers: Mapping[str, str], query: Mapping[str, str]) -> dict[str, str]:
    """SHA-256 of each credential by header name (`?key` for the one in the query), without "Bearer "."""
    found = {name: headers[name] for name in _HEADERS if name in headers}
    if "key" in query:
        found["?key"] = query["key"]
    return {name: sha256(_bare(value).encode()).hexdigest() for name, value in found.items()}


def check(provider: str, headers: Mapping[str, str], query: Mapping[str, str]) -> None:
    """Reject a request without a key, or with one that says it is wrong or invalid."""
    key = _key(provider, headers, query)
    if key is None:
        raise _missing(provider)
    if "wrong" in key or "invalid" in key:
        raise _wrong(provider)


def _key(provider: str, headers: Mapping[str, str], query: Mapping[str, str]) -> str | None:
    own = _OWN.get(provider)
    if own is not None and headers.get(own):
        return headers[own]
    if provider == "gemini" and (query.get("key") or query.get("upload_id")):
        return query.get("key") or query["upload_id"]  # the address of an upload is a credential by itself
    return _bare(headers.get("authorization", "")) or None


def _bare(value: str) -> str:
    if value.startswith("AWS4-"):  # of a signature, the id of the key, which stays the same
        return value.partition("Credential=")[2].partition("/")[0]
    scheme, _, rest = value.partition(" ")
    return rest.strip() if scheme.lower() == "bearer" else value


def _missing(provider: str) -> Rejected:
    if provider == "anthropic":
        return Rejected(401, "x-api-key header is required")
    if provider == "gemini":
        # Gemini takes a caller without a key for an unregistered one, which it may not serve.
        return Rejected(403, "Method doesn't allow unregistered callers. Please use an API key.")
    return Rejected(401, "You didn't provide an API key in an Authorization header.")


def _wrong(provider: str) -> Rejected:
    if provider == "anthropic":
        return Rejected(401, "invalid x-api-key")
    if provider == "gemini":
        return Rejected(400, "API key not valid. Please pass a valid API key.", code="API_KEY_INVALID")
    if provider == "xai":
        return Rejected(400, "Incorrect API key provided.")
    return Rejected(401, "Incorrect API key provided.")
