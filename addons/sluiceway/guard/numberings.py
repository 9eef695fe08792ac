"""The placeholder numbers of many conversations; those least recently used are forgotten first.

A conversation that was forgotten is numbered anew in the order of its texts, which gives the same numbers
again as long as its beginning stays.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict

from sluiceway.guard.placeholders import Numbering

MAX_NUMBERS = 200_000  # of all conversations together; about 40 MB
CONVERSATION_WEIGHT = 10  # an empty Numbering takes as much as so many numbers


class Numberings:
    """By conversation: `owner` keeps people apart, `conversation` is whatever stays the same in one."""

    def __init__(self, key: bytes, max_numbers: int = MAX_NUMBERS) -> None:
        self._key = key
        self._max_numbers = max_numbers
        self._known: OrderedDict[bytes, Numbering] = OrderedDict()
        self._weights: dict[bytes, int] = {}
        self._weight = 0

    def of(self, owner: str, conversation: str) -> Numbering:
        """The conversation's numbering, to be used before the next one is asked for."""
        if self._known:
            self._weigh(next(reversed(self._known)))  # it may have grown since it was given out
        name = f"{owner}\0{conversation}".encode("utf-8", "surrogatepass")
        digest = hmac.digest(self._key, name, hashlib.sha256)
        numbering = self._known.pop(digest, None) or Numbering(digest)
        self._known[digest] = numbering
        self._weigh(digest)
        while self._weight > self._max_numbers and len(self._known) > 1:
            oldest, _ = self._known.popitem(last=False)
            self._weight -= self._weights.pop(oldest)
        return numbering

    def _weigh(self, digest: bytes) -> None:
        weight = CONVERSATION_WEIGHT + len(self._known[digest])
        self._weight += weight - self._weights.get(digest, 0)
        self._weights[digest] = weight

    def __len__(self) -> int:
        return len(self._known)
