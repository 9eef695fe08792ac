"""The company's provider keys: sealed for the store, opened in memory for injection and nowhere else.

A key is a word that goes out as it is, or a service account, for which tokens are minted (gateway/tokens.py).

AES-256-GCM under a key derived (HKDF, RFC 5869) from the deployment's own key, bound to label and provider,
so that a sealed blob moved to another row opens nothing. Whoever has the database alone has no keys.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sluiceway.audit.service_account import ServiceAccount
from sluiceway.errors import ConfigError
from sluiceway.store.keys import ProviderKey
from sluiceway.types import KeyClass

NONCE_BYTES = 12
SEALED_FORM, ACCOUNT_FORM = b"\x01", b"\x02"
# Derived apart: a version that knows no accounts cannot open one, and would send it as if it were a key.
_PURPOSE = {ACCOUNT_FORM: b"sluiceway service accounts "}


def fingerprint(secret: str, key: bytes) -> str:
    """16 hex digits of HMAC-SHA256: equal for equal credentials, useless to anyone without our key."""
    text = secret.encode(errors="surrogateescape")
    return hmac.digest(key, b"credential\0" + text, "sha256").hex()[:16]


def seal(secret: str, label: str, provider: str, key: bytes, form: bytes = SEALED_FORM) -> bytes:
    """The form in which the store keeps a key: form byte, nonce, ciphertext and tag. `form` ACCOUNT_FORM: the
    secret is a service account's."""
    nonce = os.urandom(NONCE_BYTES)
    bound = _bound_to(label, provider)
    return form + nonce + AESGCM(_sealing_key(key, form)).encrypt(nonce, secret.encode(), bound)


def open_sealed(sealed: bytes, label: str, provider: str, key: bytes) -> str:
    """The key again. ConfigError when this deployment's key is not the one it was sealed with."""
    form, nonce, rest = sealed[:1], sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
    try:
        # Another form byte makes another key, which opens nothing.
        return AESGCM(_sealing_key(key, form)).decrypt(nonce, rest, _bound_to(label, provider)).decode()
    except (InvalidTag, ValueError):
        raise ConfigError(
            f"the provider key '{label}' cannot be opened: it was sealed with another sluiceway.key; "
            "restore that file (or SLUICEWAY_KEY), or retire the key and add it again"
        ) from None


def _sealing_key(key: bytes, form: bytes) -> bytes:
    purpose = _PURPOSE.get(form, b"sluiceway provider keys ")
    return HKDF(SHA256(), 32, salt=None, info=purpose + form).derive(key)


def _bound_to(label: str, provider: str) -> bytes:
    return f"{provider}\0{label}".encode()


@dataclass(frozen=True, slots=True)
class Known:
    """A registered key as it is recognised: whose it is, without the key."""

    label: str
    provider: str
    key_class: KeyClass
    retired: bool


@dataclass(frozen=True, slots=True)
class CompanyKey:
    """A key that may be injected, opened. Of an `account` there is no `secret` until one is minted: the token
    that goes out in its place."""

    label: str
    provider: str
    fingerprint: str
    secret: str = field(repr=False)
    account: ServiceAccount | None = None


def _opened(each: ProviderKey, sealed: bytes, key: bytes) -> CompanyKey:
    secret, account = open_sealed(sealed, each.label, each.provider, key), None
    if sealed[:1] == ACCOUNT_FORM:
        secret, account = "", ServiceAccount.opened(secret)
    return CompanyKey(each.label, each.provider, each.fingerprint, secret, account)


@dataclass(frozen=True)
class KeyRing:
    """What is known of credentials, in memory. Replaced as a whole when keys change.

    `known` is by fingerprint; `usable` are the keys that may be injected, the newest first.
    """

    known: Mapping[str, Known] = field(default_factory=dict)
    usable: tuple[CompanyKey, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, keys: Iterable[ProviderKey], key: bytes) -> KeyRing:
        """Opens what may be injected: the company's keys that are not retired. Raises ConfigError."""
        newest = sorted(keys, key=lambda each: each.created_at, reverse=True)
        return cls(
            {
                each.fingerprint: Known(
                    each.label, each.provider, each.key_class, each.retired_at is not None
                )
                for each in newest
            },
            tuple(
                _opened(each, each.sealed, key)
                for each in newest
                if each.sealed is not None and each.retired_at is None and each.key_class is KeyClass.COMPANY
            ),
        )

    @cached_property
    def has_company_keys(self) -> bool:
        """Whether the company has a key of its own here, other than retired ones."""
        return any(each.key_class is KeyClass.COMPANY and not each.retired for each in self.known.values())

    def key_for(self, provider: str, label: str | None = None) -> CompanyKey | None:
        """The key to use at a provider: the one of that label, else the newest. None: there is none."""
        fitting = (each for each in self.usable if each.provider == provider and label in (None, each.label))
        return next(fitting, None)


NO_KEYS = KeyRing()
