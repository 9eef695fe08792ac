"""Checkpoints: the size and root of a log, signed by its node, as C2SP tlog-checkpoint notes.

The node's key is Ed25519 and lies on the box, since it must sign unattended: it proves which node wrote a
log, not that the box was not taken over. What was shipped before a take-over cannot be changed by it.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import secrets
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from sluiceway.errors import ConfigError, SluicewayError

ED25519 = b"\x01"  # the note's signature type
_NAME = re.compile(r"[A-Za-z0-9./_-]{1,128}")
_SIZE = re.compile(r"0|[1-9][0-9]{0,15}")
MAX_NOTE_BYTES = 4096


class BadCheckpoint(SluicewayError):
    """A text is no checkpoint of this node."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head. `origin` is the node's name."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


@dataclass(frozen=True, slots=True)
class Verifier:
    """A node's public key, for whoever checks its log: `name+id+base64`, as Go's note package writes it."""

    name: str
    public: bytes

    @classmethod
    def parse(cls, text: str) -> Verifier:
        """Reads the text form. Raises ConfigError."""
        name, _, rest = text.strip().partition("+")
        number, _, encoded = rest.partition("+")
        try:
            data = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            data = b""
        if not _NAME.fullmatch(name) or len(data) != 33 or data[:1] != ED25519:
            raise ConfigError("not a node's public key; `sluiceway audit verify` of the node prints it")
        verifier = cls(name, data[1:])
        if number != verifier.id.hex():
            raise ConfigError("the node's public key was not copied whole: its check digits do not fit")
        return verifier

    @property
    def id(self) -> bytes:
        return sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(ED25519 + self.public).decode()}"

    def open(self, note: str) -> Checkpoint:
        """The checkpoint in a note, if this key signed it. Raises BadCheckpoint."""
        if len(note) > MAX_NOTE_BYTES:
            raise BadCheckpoint("the note is too long")
        text, found, signatures = note.partition("\n\n")
        if not found or not note.endswith("\n"):
            raise BadCheckpoint("not a signed note")
        self._check(text + "\n", signatures)
        return self._read(text)

    def _check(self, text: str, signatures: str) -> None:
        expected = f"— {self.name} "
        own = [line for line in signatures.splitlines() if line.startswith(expected)]
        if len(own) != 1 or signatures != own[0] + "\n":
            raise BadCheckpoint("the note does not carry exactly the signature of its node")
        try:
            signature = base64.b64decode(own[0].removeprefix(expected), validate=True)
            # Base64 has several spellings of the same bytes; only one is ours.
            if base64.b64encode(signature).decode() != own[0].removeprefix(expected):
                raise BadCheckpoint("the signature is not spelled canonically")
            if signature[:4] != self.id:
                raise BadCheckpoint("the note is signed with another key")
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature[4:], text.encode())
        except (binascii.Error, InvalidSignature, ValueError):
            raise BadCheckpoint("the signature is not good") from None

    def _read(self, text: str) -> Checkpoint:
        lines = text.split("\n")
        if len(lines) != 3 or lines[0] != self.name or not _SIZE.fullmatch(lines[1]):
            raise BadCheckpoint("not a checkpoint of this node")
        try:
            root = base64.b64decode(lines[2], validate=True)
        except binascii.Error:
            raise BadCheckpoint("the root is not base64") from None
        checkpoint = Checkpoint(lines[0], int(lines[1]), root)
        if len(root) != 32 or checkpoint.text != text + "\n":
            raise BadCheckpoint("the root is not a SHA-256 hash")
        return checkpoint


class NodeKey:
    """What a node signs its checkpoints with."""

    def __init__(self, name: str, seed: bytes) -> None:
        if not _NAME.fullmatch(name):
            raise ConfigError("a node's name is made of letters, digits, dots, slashes and hyphens")
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = Verifier(name, self._key.public_key().public_bytes_raw())

    @property
    def name(self) -> str:
        return self.verifier.name

    def sign(self, size: int, root: bytes) -> str:
        """The note for a tree head."""
        text = Checkpoint(self.name, size, root).text
        signature = self.verifier.id + self._key.sign(text.encode())
        return f"{text}\n— {self.name} {base64.b64encode(signature).decode()}\n"

    @classmethod
    def load_or_create(cls, path: Path) -> NodeKey:
        """The key in a file, or a new one under a new name. Only its owner may read the file."""
        if not path.exists():
            name, seed = f"sluiceway/audit/{secrets.token_hex(4)}", os.urandom(32)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(f"{name}+{seed.hex()}\n")
        return cls.load(path)

    @classmethod
    def load(cls, path: Path) -> NodeKey:
        """The key in a file. Raises ConfigError."""
        try:
            name, _, seed = path.read_text("ascii").strip().partition("+")
            return cls(name, bytes.fromhex(seed))
        except (OSError, ValueError):
            raise ConfigError(f"{path}: the node's signing key cannot be read; restore it") from None
