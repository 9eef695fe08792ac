"""Content under a data key: compressed, then AES-256-GCM bound to what it belongs to.

A data key is 32 random bytes. It is never used itself: a key derived from it seals. Addresses of parts are
HMACs under a second random key that is not derived from it and is never stored: whoever opens the data key
later must not be able to try out what a redacted number was by comparing addresses.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sluiceway.audit.canonical import Json, tagged
from sluiceway.audit.derive import derive
from sluiceway.audit.wrap import CannotOpen

NONCE_BYTES = 12
LEVEL = 3


@dataclass(frozen=True, slots=True)
class Sealer:
    """Seals and opens under one data key."""

    secret: bytes = field(repr=False)

    @property
    def _aead(self) -> AESGCM:
        return AESGCM(derive(self.secret, "content"))

    def seal(self, plain: bytes, bound: bytes) -> bytes:
        """Nonce, ciphertext and tag of the compressed bytes."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, zstandard.ZstdCompressor(level=LEVEL).compress(plain), bound)

    def open(self, sealed: bytes, bound: bytes) -> bytes:
        """The bytes again. Raises CannotOpen where key, place or bytes are not those it was sealed with."""
        try:
            packed = self._aead.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound)
            return zstandard.ZstdDecompressor().decompress(packed)
        except (InvalidTag, ValueError, zstandard.ZstdError):
            raise CannotOpen(
                "this ciphertext does not belong to this key and place, or was altered"
            ) from None


def part_bound(data_key: str, address: str) -> bytes:
    """What a message part's ciphertext is bound to."""
    return tagged("part", {"data_key": data_key, "id": address})


def entry_bound(entry: Mapping[str, Json]) -> bytes:
    """What an entry's own ciphertext is bound to: all of the entry but the hashes of the ciphertexts."""
    return tagged("content", {name: value for name, value in entry.items() if name != "sealed"})


def address(key: bytes, role: str, text: str) -> str:
    """Where a message part is kept: equal for equal parts of one person and day. 32 hex digits."""
    message = role.encode("utf-8", "replace") + b"\0" + text.encode("utf-8", "replace")
    return hmac.digest(key, message, sha256).hex()[:32]
