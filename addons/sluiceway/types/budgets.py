"""Budgets: what spends, what limits it, and what raises a limit for a while."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from sluiceway.types.people import Principal

# What a budget may limit: money, requests, tokens (input and output), or requests open at the same time.
type Unit = Literal["usd", "requests", "tokens", "concurrent"]


@dataclass(frozen=True, slots=True)
class Spender:
    """What budgets look at of one attempt: who asks, and what is really asked where, by which key.

    `model` is the one that is sent to `provider`, after routes and failovers. `key` is the fingerprint of the
    credential it goes out with, `key_name` its label where it is registered. What is not known is in no
    budget by it.
    """

    principal: Principal
    provider: str | None = None
    model: str | None = None
    key: str | None = None
    key_name: str | None = None
    client: str | None = None
    conversation: str | None = None


@dataclass(frozen=True, slots=True)
class Raise:
    """More of a budget for a while: `by` added to its limit, or `to` instead of it where that is more, in
    nano-dollars or counted, from one moment up to another.

    `only`: for the one employee, team or other holder of that name, where the budget is one for each.
    """

    budget: str
    from_at: datetime
    until_at: datetime
    by: int = 0
    to: int | None = None
    only: str | None = None

    def holds(self, at: datetime) -> bool:
        return self.from_at <= at < self.until_at

    def on(self, limit: int) -> int:
        """The limit it makes of a limit."""
        return max(limit, self.to or 0) + self.by


@dataclass(frozen=True, slots=True)
class Cap:
    """One budget as it applies to one request: a limit on the counter of a scope in a window.

    `scope` holds (dimension, value) pairs, () for the whole company: (("team", "core"),). The dimension
    "models" has a name or a pattern for a value and counts all models that fit it together.
    `window` is minute, hour, day, week, month, lifetime, `rolling_24h` (any length), `fiscal_month_25` (by
    the day it starts on), and "now" of what is open at once.
    `limit` is in nano-dollars for the unit "usd", else a count.
    `counter` is the key of what it limits, found by scope, window and unit alone, so renaming a budget keeps
    its balance.
    `on_exceed`: "warn" counts and never refuses; "degrade" asks for the model `degrade_to` instead once it
    is used up.
    """

    rule: str
    scope: tuple[tuple[str, str], ...]
    window: str
    starts_at: datetime
    ends_at: datetime | None
    limit: int
    unit: Unit = "usd"
    on_exceed: Literal["block", "warn", "degrade"] = "block"
    degrade_to: str | None = None
    counter: str = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "counter", self._key())  # once: each request asks for it

    @property
    def limit_nusd(self) -> int:
        """The limit of a cap on money."""
        return self.limit

    @property
    def holds(self) -> bool:
        """Whether it refuses at all, or only counts."""
        return self.on_exceed != "warn"

    @property
    def is_rate(self) -> bool:
        """Whether it is worth asking again soon once it is used up; else the answer is a final no."""
        if self.kind == "rolling" and self.ends_at is not None:
            return self.ends_at - self.starts_at <= RATE_AT_MOST
        return self.window in ("now", "minute", "hour")

    @property
    def kind(self) -> str:
        """The window without what its kind leaves open: `rolling` of `rolling_24h`."""
        return "rolling" if self.window.startswith("rolling_") else self.window

    def _key(self) -> str:
        """The counter's key, for example `team=core|month|2026-11-01T00:00:00+00:00`; for other units than
        money it ends with the unit, `...|tokens`."""
        where = ",".join([f"{dimension}={_spelt(value)}" for dimension, value in self.scope]) or "company"
        key = f"{where}|{self.window}|{self.starts_at.isoformat()}"
        return key if self.unit == "usd" else f"{key}|{self.unit}"


# A rolling window of an hour, with the grain it is counted by.
RATE_AT_MOST = timedelta(hours=1, minutes=5)


def _spelt(value: str) -> str:
    """A value within a counter's key. Models, clients and conversations are named by whoever asks: what
    separates the parts of a key is written otherwise, and a long name by its hash."""
    if len(value) > LONGEST_IN_KEY:
        return f"%{hashlib.sha256(value.encode(errors='surrogatepass')).hexdigest()}"
    return value if value.isidentifier() else _SEPARATORS.sub(lambda found: f"%{ord(found[0]):02X}", value)


LONGEST_IN_KEY = 128
_SEPARATORS = re.compile(r"[%,|=]")
