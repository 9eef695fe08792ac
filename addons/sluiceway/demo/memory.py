"""What the simulated providers remember between requests: prompt prefixes and stored responses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sluiceway.demo.accounts import Accounts
from sluiceway.demo.exchange import Json
from sluiceway.demo.prompt_cache import PromptCache

_MOST_RESPONSES = 10_000


@dataclass(frozen=True, slots=True)
class Turn:
    """A stored OpenAI response and the input items that led to it, for `previous_response_id`."""

    response: Json
    items: list[Json]
    begun_at: float | None = None  # of one that is made in the background


@dataclass(slots=True)
class Jobs:
    """How long work in the background takes, in seconds, as of now."""

    take_s: float = 0.0

    def is_over(self, begun_at: float | None, now: float) -> bool:
        return begun_at is None or now >= begun_at + self.take_s


@dataclass(slots=True)
class Manners:
    """Whether conversations are looked at as strictly as the real providers do (`strict.py`)."""

    strict: bool = False


@dataclass(frozen=True, slots=True)
class Memory:
    """One simulator's memory; accounts see only what is theirs."""

    prompts: PromptCache
    turns: dict[tuple[str, str], Turn] = field(default_factory=dict)
    jobs: Jobs = field(default_factory=Jobs)
    manners: Manners = field(default_factory=Manners)
    batches: dict[tuple[str, str], Any] = field(default_factory=dict)
    accounts: Accounts = field(default_factory=Accounts)

    @classmethod
    def empty(cls, clock: Callable[[], float]) -> Memory:
        return cls(PromptCache(clock))

    def store(self, account: str, response_id: str, turn: Turn) -> None:
        """Keep a turn; the oldest make room, so that a long benchmark does not grow without end."""
        while len(self.turns) >= _MOST_RESPONSES:
            del self.turns[next(iter(self.turns))]
        self.turns[account, response_id] = turn
