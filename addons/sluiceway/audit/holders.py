"""Who can open what is sealed: auditors and members of the works council, by their public keys.

Always two of them together: every pair with at least one auditor in it. The file is rules/auditors.yaml,
so that a change of who can read is reviewed like any other rule; each set used is also a fact in the log.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from itertools import permutations
from pathlib import Path
from typing import Annotated, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from pydantic import AfterValidator, Field

from sluiceway.audit.canonical import FORM, tagged
from sluiceway.audit.records import listed
from sluiceway.errors import ConfigError
from sluiceway.settings.section import Name, Section
from sluiceway.settings.yaml_file import load_document
from sluiceway.settings.yaml_nodes import Problem

PREFIX = "swyaudit1."
MAX_HOLDERS = 12  # every ordered pair costs a wrap with each data key

type Role = Literal["auditor", "council"]


@dataclass(frozen=True, slots=True)
class PublicKey:
    """Ed25519 to check what a holder signed, X25519 to seal for them. `id` names the pair of keys."""

    signing: bytes
    sealing: bytes

    @classmethod
    def parse(cls, text: str) -> PublicKey:
        """Reads `swyaudit1.` and 64 bytes in URL-safe base64. Raises ValueError."""
        try:
            data = base64.urlsafe_b64decode(text.removeprefix(PREFIX) + "==")
        except (binascii.Error, ValueError):
            data = b""
        if not text.startswith(PREFIX) or len(data) != 64 or str(cls(data[:32], data[32:])) != text:
            raise ValueError("write the public key that `sluiceway audit keygen` printed (swyaudit1....)")
        return cls(data[:32], data[32:])

    def __str__(self) -> str:
        return PREFIX + base64.urlsafe_b64encode(self.signing + self.sealing).decode().rstrip("=")

    @property
    def id(self) -> str:
        """32 hex digits."""
        return sha256(f"{FORM}/holder\n".encode() + self.signing + self.sealing).hexdigest()[:32]

    @property
    def hpke(self) -> X25519PublicKey:
        return X25519PublicKey.from_public_bytes(self.sealing)

    def signed(self, message: bytes, signature: bytes) -> bool:
        """Whether this key's owner signed the message."""
        try:
            Ed25519PublicKey.from_public_bytes(self.signing).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class Holder:
    """A person with a key. Two names with one key, or one name with two keys, are refused."""

    name: str
    role: Role
    key: PublicKey


@dataclass(frozen=True)
class Holders:
    """Everybody whose key can take part in opening."""

    holders: tuple[Holder, ...] = ()

    @cached_property
    def pairs(self) -> tuple[tuple[Holder, Holder], ...]:
        """(approver, reader): every two of them in both orders, except two of the works council."""
        both = permutations(self.holders, 2)
        return tuple((one, other) for one, other in both if "auditor" in (one.role, other.role))

    @property
    def can_open(self) -> bool:
        """Whether anything sealed for them could ever be read."""
        return bool(self.pairs)

    @cached_property
    def text(self) -> str:
        """The set as a record holds it, in the order of the names."""
        ordered = sorted(self.holders, key=lambda each: each.name)
        return listed([[each.name, each.role, str(each.key)] for each in ordered])

    @cached_property
    def id(self) -> str:
        return sha256(tagged("holders", self.text)).hexdigest()[:32]

    def named(self, name: str) -> Holder | None:
        """The holder of this name."""
        return next((each for each in self.holders if each.name == name), None)


def _key(text: str) -> str:
    PublicKey.parse(text)
    return text


class _Auditor(Section):
    name: Name
    role: Role
    public_key: Annotated[str, AfterValidator(_key)]


class _AuditorsFile(Section):
    version: Literal[1]
    auditors: Annotated[tuple[_Auditor, ...], Field(max_length=MAX_HOLDERS)] = ()


def load_holders(path: Path) -> Holders:
    """The holders of rules/auditors.yaml; none where there is no such file. Raises ConfigError."""
    if not path.exists():
        return Holders()
    document = load_document(path)
    auditors = document.read(_AuditorsFile).auditors
    problems: list[Problem] = []
    for at, each in enumerate(auditors):
        before = auditors[:at]
        if each.name in {other.name for other in before}:
            problems.append(Problem(("auditors", at, "name"), "this name stands here twice"))
        if each.public_key in {other.public_key for other in before}:
            text = "this key stands here twice; two people need a key each"
            problems.append(Problem(("auditors", at, "public_key"), text))
    if problems:
        raise document.error(problems)
    return Holders(tuple(Holder(e.name, e.role, PublicKey.parse(e.public_key)) for e in auditors))


def one_of(holders: Holders, name: str) -> Holder:
    """The holder of this name. Raises ConfigError with the names there are."""
    found = holders.named(name)
    if found is None:
        names = ", ".join(each.name for each in holders.holders) or "nobody yet"
        raise ConfigError(f"{name!r} is not in rules/auditors.yaml; there: {names}")
    return found
