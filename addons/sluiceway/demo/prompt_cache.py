"""What the simulated providers remember of prompts: which prefixes they saw, and until when."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

MINIMUM_TOKENS = 1024
_MOST_PREFIXES = 100_000


@dataclass(frozen=True, slots=True)
class Prefix:
    """A prompt up to the end of one block: its digest and its length."""

    digest: bytes
    tokens: int


class PromptCache:
    """Prefixes by digest. `clock` gives seconds; entries live as long as their writer asked."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until: dict[bytes, float] = {}

    def longest(self, prefixes: Iterable[Prefix]) -> int:
        """Tokens of the longest prefix still remembered, 0 without one. `prefixes` are in prompt order."""
        now = self._clock()
        found = [prefix.tokens for prefix in prefixes if self._until.get(prefix.digest, now) > now]
        return max(found, default=0)

    def remember(self, prefix: Prefix, lifetime_s: float) -> None:
        """Keep a prefix; a repeated one lives on, as reading refreshes it."""
        if len(self._until) >= _MOST_PREFIXES:
            self._until.clear()  # a long benchmark must not grow without end; a lost cache is realistic
        self._until[prefix.digest] = max(self._until.get(prefix.digest, 0.0), self._clock() + lifetime_s)


def prefixes(owner: str, blocks: Iterable[bytes]) -> list[Prefix]:
    """The prefix ending at each block, apart for each owner (an account and a model)."""
    digest, length, found = hashlib.sha256(owner.encode()), 0, []
    for block in blocks:
        length += len(block)
        digest.update(len(block).to_bytes(8))
        digest.update(block)
        found.append(Prefix(digest.digest(), length // 4))
    return found


def automatic(cache: PromptCache, owner: str, blocks: list[bytes], *, lifetime_s: float = 600) -> int:
    """Cached tokens as OpenAI and Gemini count them: no marks, prompts from 1,024 tokens, steps of 128."""
    if sum(map(len, blocks)) < MINIMUM_TOKENS * 4:
        return 0
    whole = prefixes(owner, blocks)
    known = cache.longest(whole)
    for prefix in whole:
        cache.remember(prefix, lifetime_s)
    return known // 128 * 128 if known >= MINIMUM_TOKENS else 0
