"""Keys from keys: HKDF-SHA256 (RFC 5869) with a label for each use, so that no key is used for two things."""

from __future__ import annotations

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sluiceway.audit.canonical import FORM


def derive(secret: bytes, use: str) -> bytes:
    """32 bytes for one use of a secret that is itself uniformly random; no salt."""
    return HKDF(SHA256(), 32, salt=None, info=f"{FORM} {use}".encode()).derive(secret)
