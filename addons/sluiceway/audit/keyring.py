"""The company's provider keys: sealed for the store, opened in memory for injection and nowhere else.

AES-256-GCM under a key derived (HKDF, RFC 5869) from the deployment's own key, bound to label and provider,
so that a sealed blob moved to another row opens nothing. Whoever has the database alone has no keys.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sluiceway.errors import ConfigError
from sluiceway.store.keys import ProviderKey
from sluiceway.types import KeyClass

NONCE_BYTES = 12
SEALED_FORM = b"\x01"


def fingerprint(secret: str, key: bytes) -> str:
    """16 hex digits of HMAC-SHA256: equal for equal credentials, useless to anyone without our key."""
    return hmac.new(key, b"credential\0" + secret.encode(), sha256).hexdigest()[:16]


def seal(secret: str, label: str, provider: str, key: bytes) -> bytes:
    """The form in which the store keeps a key: form byte, nonce, ciphertext and tag."""
    nonce = os.urandom(NONCE_BYTES)
    bound = _bound_to(label, provider)
    return SEALED_FORM + nonce + AESGCM(_sealing_key(key, SEALED_FORM)).encrypt(nonce, secret.encode(), bound)


def open_sealed(sealed: bytes, label: str, provider: str, key: bytes) -> str:
    """The key again. ConfigError when this deployment's key is not the one it was sealed with."""
    form, nonce, rest = sealed[:1], sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
    try:
        # Another form byte makes another key, which opens nothing.
        return AESGCM(_sealing_key(key, form)).decrypt(nonce, rest, _bound_to(label, provider)).decode()
    except (InvalidTag, ValueError):
        raise ConfigError(
            f"the provider key '{label}' cannot be opened: it was sealed with another sluiceway.key; "
            "restore that file, or retire the key and add it again"
        ) from None


def _sealing_key(key: bytes, form: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=b"sluiceway provider keys " + form).derive(key)


def _bound_to(label: str, provider: str) -> bytes:
    return f"{provider}\0{label}".encode()


@dataclass(frozen=True)
class KeyRing:
    """What is known of credentials, in memory. Replaced as a whole when keys change.

    `classes` and `owners` are by fingerprint; `secrets` are the injectable keys by provider.
    """

    classes: Mapping[str, KeyClass] = field(default_factory=dict)
    owners: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, keys: Iterable[ProviderKey], key: bytes) -> KeyRing:
        """Opens what may be injected: of each provider the newest company key that is not retired."""
        known = list(keys)
        usable = [each for each in known if each.sealed is not None and each.retired_at is None]
        newest = {each.provider: each for each in sorted(usable, key=lambda each: each.created_at)}
        return cls(
            {each.fingerprint: each.key_class for each in known},
            {each.fingerprint: each.provider for each in known},
            {
                provider: open_sealed(each.sealed, each.label, provider, key)
                for provider, each in newest.items()
                if each.sealed is not None
            },
        )

    @property
    def has_company_keys(self) -> bool:
        """Whether the company has registered any key of its own."""
        return KeyClass.COMPANY in self.classes.values()
