"""A holder's private key: one seed, in a file that only a passphrase opens. It never comes near the proxy."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from pydantic import Field, ValidationError

from sluiceway.audit.canonical import FORM, tagged
from sluiceway.audit.derive import derive
from sluiceway.audit.holders import Holder, PublicKey, Role
from sluiceway.errors import ConfigError
from sluiceway.settings.section import Name, Section

FILE_FORM = "sluiceway-audit-key-v1"
COST = 17  # scrypt with N = 2^17, r = 8, p = 1: 128 MB and about half a second
NONCE_BYTES = 12

type Hex = Annotated[str, Field(pattern=r"^([0-9a-f]{2})+$", max_length=256)]


class _KeyFile(Section):
    form: Literal["sluiceway-audit-key-v1"]
    name: Name
    role: Role
    public_key: str
    scrypt_log_n: Annotated[int, Field(ge=1, le=22, strict=True)]  # more would be an attack on our memory
    salt: Hex
    nonce: Hex
    sealed: Hex


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A holder who is here in person: can sign, and take their own layer off a wrap."""

    name: str
    role: Role
    seed: bytes = field(repr=False)

    @property
    def hpke(self) -> X25519PrivateKey:
        return X25519PrivateKey.from_private_bytes(derive(self.seed, "x25519"))

    @property
    def public(self) -> PublicKey:
        return PublicKey(
            self._signing.public_key().public_bytes_raw(), self.hpke.public_key().public_bytes_raw()
        )

    @property
    def holder(self) -> Holder:
        return Holder(self.name, self.role, self.public)

    def sign(self, message: bytes) -> bytes:
        return self._signing.sign(message)

    @property
    def _signing(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(derive(self.seed, "ed25519"))


def generate(name: str, role: Role) -> PrivateKey:
    """A new key from the system's randomness."""
    return PrivateKey(name, role, os.urandom(32))


def save(key: PrivateKey, path: Path, passphrase: str, cost: int = COST) -> None:
    """Writes the key under a passphrase. Never replaces a file. Raises ConfigError."""
    salt, nonce = os.urandom(16), os.urandom(NONCE_BYTES)
    header = {"name": key.name, "role": key.role, "public_key": str(key.public)}
    sealing = AESGCM(_stretch(passphrase, salt, cost))
    content = {
        "form": FILE_FORM,
        **header,
        "scrypt_log_n": cost,
        "salt": salt.hex(),
        "nonce": nonce.hex(),
        "sealed": sealing.encrypt(nonce, key.seed, tagged("keyfile", header)).hex(),
    }
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be made: {error.strerror}") from None
    with os.fdopen(descriptor, "w") as file:
        file.write(json.dumps(content, indent=2) + "\n")


def load(path: Path, passphrase: str) -> PrivateKey:
    """The key in a file. Raises ConfigError, without a word about what is in it."""
    try:
        file = _KeyFile.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except ValidationError:
        raise ConfigError(f"{path}: not a key file of `sluiceway audit keygen`") from None
    header = {"name": file.name, "role": file.role, "public_key": file.public_key}
    opening = AESGCM(_stretch(passphrase, bytes.fromhex(file.salt), file.scrypt_log_n))
    try:
        seed = opening.decrypt(
            bytes.fromhex(file.nonce), bytes.fromhex(file.sealed), tagged("keyfile", header)
        )
    except (InvalidTag, ValueError):
        raise ConfigError(f"{path}: the passphrase is wrong, or the file was altered") from None
    return PrivateKey(file.name, file.role, seed)


def _stretch(passphrase: str, salt: bytes, cost: int) -> bytes:
    if not passphrase:
        raise ConfigError("the passphrase must not be empty")
    return Scrypt(salt=salt, length=32, n=2**cost, r=8, p=1).derive(f"{FORM}\0{passphrase}".encode())
