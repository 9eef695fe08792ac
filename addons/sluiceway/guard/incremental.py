"""Remembering what was already scanned: a conversation sends its whole history again with each turn.

Texts are known by a keyed hash, under a key per employee, so that nobody learns from the memory whether
two people sent the same text. Findings hold no text.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Iterable, Sequence

from sluiceway.guard.patterns import Profile
from sluiceway.types import Finding

type Findings = tuple[Finding, ...]
MAX_WEIGHT = 200_000  # remembered texts and findings together; about 60 MB
DIGEST_BYTES = 16


class History:
    """Findings of texts seen before; the least recently used are forgotten first.

    `version` names the detectors (policy or recognisers' version): findings of others are not used.
    """

    def __init__(self, key: bytes, max_weight: int = MAX_WEIGHT) -> None:
        self._key = key
        self._max_weight = max_weight
        self._weight = 0
        self._known: OrderedDict[bytes, Findings] = OrderedDict()

    def recall(
        self, owner: str, profile: Profile, version: str, texts: Iterable[str]
    ) -> tuple[list[bytes], list[Findings | None]]:
        """For each text its digest, to `remember` it by, and its findings; None where it must be scanned."""
        key = hmac.digest(self._key, f"{owner}\0{profile}\0{version}".encode(), hashlib.sha256)
        digests = [self._digest(key, text) for text in texts]
        return digests, [self._find(digest) for digest in digests]

    def remember(self, digests: Sequence[bytes], findings: Sequence[Findings]) -> None:
        """Keep the findings of texts just scanned; never call it with what a failed scan left."""
        for digest, found in zip(digests, findings, strict=True):
            self._forget(digest)
            self._known[digest] = found
            self._weight += 1 + len(found)
        while self._weight > self._max_weight:
            self._forget(next(iter(self._known)))

    def __len__(self) -> int:
        return len(self._known)

    def _find(self, digest: bytes) -> Findings | None:
        if digest in self._known:
            self._known.move_to_end(digest)
        return self._known.get(digest)

    def _forget(self, digest: bytes) -> None:
        if (found := self._known.pop(digest, None)) is not None:
            self._weight -= 1 + len(found)

    @staticmethod
    def _digest(key: bytes, text: str) -> bytes:
        data = text.encode("utf-8", "surrogatepass")
        return hashlib.blake2b(data, key=key, digest_size=DIGEST_BYTES).digest()
