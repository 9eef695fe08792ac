"""Whose credential a request carries, as far as its shape tells; and its keyed fingerprint for the ledger."""

from __future__ import annotations

import hmac

from multidict import CIMultiDictProxy

from sluiceway.types import KeyClass, Provider

# Login tokens, by the shapes the providers' own tools use: Claude Code's OAuth tokens start sk-ant-oat;
# a ChatGPT or Google login is a bearer JWT or ya29 token, never an API key.
LOGIN_PREFIXES = ("sk-ant-oat", "eyJ", "ya29.")


def credentials_of(headers: CIMultiDictProxy[str], provider: Provider) -> list[str]:
    """The credentials themselves, the provider's preferred header first. Never logged or stored, only
    classified and hashed."""
    values = [value for name in provider.credential_headers for value in headers.getall(name, ())]
    return [bare for bare in map(_bare, values) if bare]


def _bare(value: str) -> str:
    scheme, _, rest = value.strip().partition(" ")
    return rest.strip() if scheme.lower() == "bearer" else value.strip()


def signs_body(headers: CIMultiDictProxy[str]) -> bool:
    """Whether a signature of the client covers the body (AWS Signature Version 4)."""
    return any(value.strip().upper().startswith("AWS4-") for value in headers.getall("authorization", ()))


def key_class(credentials: list[str]) -> KeyClass:
    """SUBSCRIPTION where every credential is a login; what else a key is, the company has to say. A made-up
    login beside a key must not lift the key's requests out of the caps."""
    if credentials and all(credential.startswith(LOGIN_PREFIXES) for credential in credentials):
        return KeyClass.SUBSCRIPTION
    return KeyClass.UNKNOWN


def fingerprint(credentials: list[str], key: bytes) -> str | None:
    """16 hex digits of HMAC-SHA256 of the preferred one: equal for equal ones, useless without `key`."""
    if not credentials:
        return None
    text = credentials[0].encode(errors="surrogateescape")
    return hmac.digest(key, b"credential\0" + text, "sha256").hex()[:16]
