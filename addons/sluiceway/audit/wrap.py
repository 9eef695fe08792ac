"""A data key for two people: HPKE inside HPKE (RFC 9180 base mode), so that each holds half of the way.

The approver's layer is outside, the reader's inside. The approver takes the outer one off and has then
nothing but a text sealed to the reader; the reader never gets past the outer one alone. Both layers name the
data key, its person and both people, so that none can be moved to another place.
"""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from sluiceway.audit.canonical import tagged
from sluiceway.audit.holders import PublicKey
from sluiceway.audit.keyfile import PrivateKey
from sluiceway.errors import SluicewayError

SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


class CannotOpen(SluicewayError):
    """This key does not open this: it is another person's layer, or it was altered."""


@dataclass(frozen=True, slots=True)
class Lock:
    """What a wrap belongs to: `data_key` and the ids of the two holders' keys."""

    data_key: str
    person: str
    approver: str
    reader: str

    def info(self, layer: str) -> bytes:
        """HPKE's info: binds a layer to its place."""
        return tagged(
            "wrap",
            {
                "layer": layer,
                "data_key": self.data_key,
                "person": self.person,
                "approver": self.approver,
                "reader": self.reader,
            },
        )


def wrap(secret: bytes, lock: Lock, approver: PublicKey, reader: PublicKey) -> bytes:
    """The secret under both layers: 32 bytes become 128."""
    inner = SUITE.encrypt(secret, reader.hpke, info=lock.info("reader"))
    return SUITE.encrypt(inner, approver.hpke, info=lock.info("approver"))


def release(wrapped: bytes, lock: Lock, approver: PrivateKey) -> bytes:
    """Takes the approver's layer off; what is left only the reader can open. Raises CannotOpen."""
    return _peel(wrapped, lock.info("approver"), approver)


def unwrap(released: bytes, lock: Lock, reader: PrivateKey) -> bytes:
    """Takes the reader's layer off: the secret. Raises CannotOpen."""
    return _peel(released, lock.info("reader"), reader)


def _peel(sealed: bytes, info: bytes, key: PrivateKey) -> bytes:
    try:
        return SUITE.decrypt(sealed, key.hpke, info=info)
    except (InvalidTag, ValueError):
        raise CannotOpen("this key does not open this wrap") from None
