"""Masking: findings become placeholders (`<EMAIL_1>`) before a request leaves.

A value keeps its number for the whole conversation, else the provider's prompt cache is lost. What keeps
it is a keyed digest of the value: the numbering itself holds no text. Secrets are masked one way; what
else was masked can be put back into the answer to the same request (`restore.py`).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sluiceway.types import Finding

SECRET = "SECRET"  # noqa: S105 - the type's name
DIGEST_BYTES = 16
LABELS = {
    "EMAIL_ADDRESS": "EMAIL",
    "PHONE_NUMBER": "PHONE",
    "CREDIT_CARD": "CARD",
    "IBAN_CODE": "IBAN",
    "US_SSN": "SSN",
    "IP_ADDRESS": "IP",
    "LOCATION": "PLACE",
    "DATE_TIME": "DATE",
}
PLACEHOLDER = re.compile(r"<([A-Z][A-Z0-9_]{0,39})_([1-9][0-9]{0,6})>")


@dataclass(frozen=True, slots=True)
class Masked:
    """A text with placeholders. `originals` has what may be put back: never a secret."""

    text: str
    originals: Mapping[str, str] = MappingProxyType({})


class Numbering:
    """The placeholder numbers of one conversation. Holds digests under a key of its own, no values.

    Numbers are given in the order values are first seen, and never given again to another value.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._numbers: dict[bytes, int] = {}
        self._last: dict[str, int] = {}
        self._literal: dict[str, set[int]] = {}

    def __len__(self) -> int:
        """How many numbers are kept."""
        return len(self._numbers) + sum(map(len, self._literal.values()))

    def avoid(self, text: str) -> None:
        """Keep the numbers of placeholders that a text holds as its author's own words from new values."""
        for label, number in PLACEHOLDER.findall(text):
            self._literal.setdefault(label, set()).add(int(number))

    def placeholder(self, type: str, value: str) -> str:
        """The placeholder of a value, the same one each time."""
        label = LABELS.get(type, type)
        digest = hmac.digest(self._key, f"{label}\0{value}".encode("utf-8", "surrogatepass"), hashlib.sha256)
        number = self._numbers.get(digest[:DIGEST_BYTES])
        if number is None:
            number = self._next(label)
            self._numbers[digest[:DIGEST_BYTES]] = number
        return f"<{label}_{number}>"

    def _next(self, label: str) -> int:
        taken = self._literal.get(label, set())
        number = self._last.get(label, 0) + 1
        while number in taken:
            number += 1
        self._last[label] = number
        return number


def mask(text: str, findings: Iterable[Finding], numbering: Numbering) -> Masked:
    """The text with every finding replaced. Findings stand in order, none overlapping (`scan`)."""
    pieces: list[str] = []
    originals: dict[str, str] = {}
    done = 0
    for finding in findings:
        value = text[finding.start : finding.end]
        placeholder = numbering.placeholder(finding.type, value)
        pieces += (text[done : finding.start], placeholder)
        done = finding.end
        if finding.type != SECRET:
            originals[placeholder] = value
    if not pieces:
        return Masked(text)
    return Masked("".join((*pieces, text[done:])), originals)
