"""Whose credential a request carries, as far as its shape tells; and its keyed fingerprint for the ledger."""

from __future__ import annotations

import hashlib
import hmac

from multidict import CIMultiDictProxy

from sluiceway.types import KeyClass, Provider

# Login tokens, by the shapes the providers' own tools use: Claude Code's OAuth tokens start sk-ant-oat;
# a ChatGPT or Google login is a bearer JWT or ya29 token, never an API key.
LOGIN_PREFIXES = ("sk-ant-oat", "eyJ", "ya29.")


def credential_of(headers: CIMultiDictProxy[str], provider: Provider) -> str | None:
    """The credential itself. Never logged or stored, only classified and hashed."""
    for name in provider.credential_headers:
        if value := headers.get(name):
            return value.removeprefix("Bearer ").strip()
    return None


def key_class(credential: str | None) -> KeyClass:
    """SUBSCRIPTION for logins; what else a key is, the company has to say."""
    if credential is not None and credential.startswith(LOGIN_PREFIXES):
        return KeyClass.SUBSCRIPTION
    return KeyClass.UNKNOWN


def fingerprint(credential: str | None, key: bytes) -> str | None:
    """16 hex digits of HMAC-SHA256: equal for equal credentials, useless to anyone without our key."""
    if not credential:
        return None
    return hmac.new(key, b"credential\0" + credential.encode(), hashlib.sha256).hexdigest()[:16]
