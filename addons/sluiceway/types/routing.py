"""Where a request may go, what that decision looks at, and how it came about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from types import MappingProxyType

from sluiceway.types.amounts import NO_UNITS
from sluiceway.types.costs import TokenPrice
from sluiceway.types.people import KeyClass
from sluiceway.types.refusals import Refusal


@dataclass(frozen=True, slots=True)
class Target:
    """A provider and a model: where a request goes."""

    provider: str
    model: str

    def __str__(self) -> str:
        return f"{self.provider}/{self.model or '?'}"


@dataclass(frozen=True, slots=True)
class Health:
    """What we measured of a target lately, in milliseconds: averages that follow (EWMA) and the 95th
    percentile; None: not measured yet. `open`: its breaker lets nobody through."""

    ttft_ms: float | None = None
    ttft_p95_ms: float | None = None
    latency_ms: float | None = None
    latency_p95_ms: float | None = None
    open: bool = False


NO_HEALTH: Mapping[Target, Health] = MappingProxyType({})


def unpriced(target: Target) -> TokenPrice | None:
    """Nobody knows a price."""
    return None


@dataclass(frozen=True, slots=True)
class Facts:
    """What a decision may look at besides the call itself; gathered before, so that deciding is pure.

    `may_reroute`: the key is the company's, so the request may move. `company_money`: it counts as the
    company's, as unknown keys may (docs/decisions/0001). `signed`: the client's credential covers the body,
    which then cannot be changed. `contact`: whom to ask.
    `at`: when the request began. `task`: what sort of work it is (coding, reasoning, creative, other), None
    where that was not looked at or cannot be told. `used_percent`: how much of each budget that applies is
    spent, by the budget's name. `health`: what we measured of each target. `stays_with`: the target that
    served this conversation last, for the same model asked for, and `cached_tokens` how much of its input is
    warm in the cache there. `zone`: the company's, in which times of the day are meant.
    `reachable`: the providers that can take this very request now and have a company key where it is not the
    one asked, each with the dialects in which it can arrive there (its own, or those it can be translated
    into); None: nobody looked, so only the one asked. `price`: what a target costs.
    """

    provider: str
    client_name: str | None = None
    key_class: KeyClass = KeyClass.UNKNOWN
    input_tokens: int = 0
    may_reroute: bool = False
    company_money: bool = False
    contact: str = ""
    signed: bool = False
    at: datetime | None = None
    task: str | None = None
    used_percent: Mapping[str, int] = field(default_factory=lambda: NO_UNITS)
    health: Mapping[Target, Health] = field(default_factory=lambda: NO_HEALTH)
    stays_with: Target | None = None
    cached_tokens: int = 0
    zone: tzinfo = UTC
    reachable: Mapping[str, frozenset[str]] | None = None
    price: Callable[[Target], TokenPrice | None] = unpriced


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a decision's trail: the kind of rule, its name (None: none matched), what it did."""

    kind: str
    rule: str | None
    effect: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Where a request goes, by which rule, or why it does not; `trail` says how that came about.

    `chain`: where it goes next, in order, while no answer has begun; each another target than those before.
    `mirror`: who gets a copy, whose answer nobody sees. `chain_rule` and `mirror_rule` say by which rule.
    """

    target: Target
    rule: str | None
    refusal: Refusal | None
    trail: tuple[Step, ...]
    chain: tuple[Target, ...] = ()
    mirror: Target | None = None
    chain_rule: str | None = None
    mirror_rule: str | None = None
