"""Key pools: in which order a request tries several company keys of one provider, and what each has left of
its own limits.

A conversation keeps its key, because a provider's prompt cache belongs to an account: the order is a weighted
draw whose dice are a hash of the conversation and the key (weighted rendezvous hashing), so nothing has to be
remembered, and when one key is taken out only its own conversations move.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

from sluiceway.audit.keyring import CompanyKey
from sluiceway.policy.kinds.inject import PoolKey

MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class Member:
    """A key that a rule gives, with what the rule says of it; `entry` None: the rule names no pool."""

    key: CompanyKey
    entry: PoolKey | None = None
    rule: str | None = None  # its name

    @property
    def host(self) -> str | None:
        """The endpoint it is used at, where that is not the provider's own."""
        return None if self.entry is None else self.entry.host


def ordered(members: Sequence[Member], sticky: str) -> tuple[Member, ...]:
    """All members, the one to try first in front: always the same for the same `sticky`."""
    if len(members) < 2:
        return tuple(members)
    return tuple(sorted(members, key=lambda each: _rank(each, sticky)))


def _rank(member: Member, sticky: str) -> float:
    """Exponentially distributed with the weight as its rate: the least of several is a weighted draw."""
    text = f"{member.key.provider}\0{member.key.label}\0{member.host or ''}\0{sticky}"
    dice = int.from_bytes(hashlib.blake2b(text.encode(errors="replace"), digest_size=8).digest())
    weight = 1 if member.entry is None else member.entry.weight
    return -math.log((dice + 1) / (2**64 + 1)) / weight


@dataclass(slots=True)
class _Bucket:
    """What is left of a limit: it fills up evenly over a minute. May go below zero, when an answer was longer
    than was thought; then it has to fill up first."""

    left: float
    at_s: float

    def fill(self, limit: int, now_s: float) -> float:
        self.left = min(float(limit), self.left + (now_s - self.at_s) * limit / MINUTE_S)
        self.at_s = now_s
        return self.left


class KeyLimits:
    """What the keys of pools have left of their own limits. On the event loop only."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, str], _Bucket] = {}

    def wait_s(self, member: Member, tokens: int, now_s: float) -> float:
        """How long until the key takes a request of so many tokens; 0: now. More tokens than a minute's are
        taken when the minute is full."""
        return max((self._short_s(*each, now_s) for each in self._limits(member, tokens)), default=0.0)

    def take(self, member: Member, tokens: int, now_s: float) -> None:
        """A request of about so many tokens goes out with it."""
        for kind, limit, amount in self._limits(member, tokens):
            bucket = self._bucket(kind, limit, now_s)
            bucket.left -= amount[1]

    def give_back(self, member: Member, tokens: int, now_s: float) -> None:
        """It was taken, and did not go out after all."""
        for kind, limit, amount in self._limits(member, tokens):
            self._bucket(kind, limit, now_s).left += amount[1]

    def correct(self, member: Member, more_tokens: int, now_s: float) -> None:
        """It used so many tokens more than was thought, or fewer."""
        entry = member.entry
        if entry is not None and entry.limit_tokens_per_minute is not None:
            key = (member.key.fingerprint, "tokens")
            self._bucket(key, entry.limit_tokens_per_minute, now_s).left -= more_tokens

    def _limits(self, member: Member, tokens: int) -> list[tuple[tuple[str, str], int, tuple[float, float]]]:
        """For each limit: its bucket, the limit, and (what must be left, what is taken)."""
        entry, found = member.entry, []
        if entry is not None and (limit := entry.limit_requests_per_minute) is not None:
            found.append(((member.key.fingerprint, "requests"), limit, (1.0, 1.0)))
        if entry is not None and (limit := entry.limit_tokens_per_minute) is not None:
            need = min(float(tokens), float(limit))
            found.append(((member.key.fingerprint, "tokens"), limit, (need, float(tokens))))
        return found

    def _short_s(self, key: tuple[str, str], limit: int, amount: tuple[float, float], now_s: float) -> float:
        missing = amount[0] - self._bucket(key, limit, now_s).left
        return max(0.0, missing * MINUTE_S / limit)

    def _bucket(self, key: tuple[str, str], limit: int, now_s: float) -> _Bucket:
        found = self._buckets.setdefault(key, _Bucket(float(limit), now_s))
        found.fill(limit, now_s)
        return found
