"""The price book: what a Usage costs, and the most a call can cost before its answer is known.

Prices come from rules/prices.yaml first, else from the bundled genai-prices data. What neither knows is
None, flagged, and bounded by the dearest rate known for the provider, or known at all: never zero.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

from sluiceway.pricing import catalogue, overrides
from sluiceway.pricing.bounds import CacheWrites, most_of_call, most_of_usage, unpriced
from sluiceway.pricing.overrides import Overrides
from sluiceway.pricing.price_file import STANDARD_TIERS
from sluiceway.pricing.rates import ZERO, Rates, Table, dearest, exact_usd
from sluiceway.types import Cost, CostBasis, KeyClass, Provider, Usage

# Anthropic ("Token counting") and Google ("Count tokens") document these as free of charge; a file of
# requests costs nothing until its batch runs (OpenAI, "Batch API").
FREE = frozenset({"count_tokens", "batch_file"})
# Their answers have no output to report.
WITHOUT_OUTPUT = frozenset({"embeddings", "moderations"})
# No provider has a longer model name; longer ones are not worth matching against every pattern.
MAX_NAME = 256
MAX_REMEMBERED = 4096
# OpenAI's models of 2025 (gpt-5: 400,000; its successors of 2026 take a million at most).
UNKNOWN_CONTEXT_TOKENS = 400_000


@dataclass(frozen=True, slots=True)
class Priced:
    """One model's price at one moment. `table` None: no price known for it, or not on that tier."""

    table: Table | None
    basis: CostBasis
    version: str


class PriceBook:
    """Prices of all providers. Pure after `load`, apart from remembering what it looked up."""

    def __init__(self, providers: Iterable[Provider], rules: Overrides | None = None) -> None:
        self._rules = rules or Overrides()
        self.version = " + ".join(filter(None, [catalogue.VERSION, self._rules.version]))
        self._remembered: dict[tuple[str, str, str | None, int], Priced] = {}
        # Worked out here, since it reads all price data: 40 ms that no request should wait for.
        self._ceilings = {provider.name: self._dearest_known(provider) for provider in providers}

    @classmethod
    def load(cls, path: Path | None, providers: Iterable[Provider]) -> PriceBook:
        """The book with the overrides in `path`. Raises ConfigError: see rules/prices.yaml."""
        known = list(providers)
        if path is None:
            return cls(known)
        names = sorted({*(p.name for p in known), *(p.price_id for p in known), *catalogue.IDS})
        return cls(known, overrides.load(path, names))

    def known(self, provider: Provider, model: str | None, at: datetime) -> bool:
        """Whether the standard service has a price."""
        return self._price(provider, model, at, None).table is not None

    def context_tokens(self, provider: Provider, model: str | None) -> int:
        """The most input a call can have: the model's context, or a large one where none is known."""
        name = _name(model)
        known = None if name is None else catalogue.context_tokens(provider.price_id, name)
        return known or UNKNOWN_CONTEXT_TOKENS

    def cost(
        self,
        *,
        provider: Provider,
        model: str | None,
        usage: Usage,
        at: datetime,
        service_tier: str | None = None,
        operation: str = "chat",
        dialect: str | None = None,
        key_class: KeyClass = KeyClass.UNKNOWN,
        summed: int = 1,
    ) -> Cost:
        """What `usage` cost at `at`; `service_tier` is the one the answer was given on. Where `usage` is
        the sum of several answers, a price by length is the one of their average.

        `usd` is exact or None. `bound_usd` equals it, or covers all counts that are known. `dialect` is
        taken so that `cost` and `bound` are asked alike; usage reads the same whatever it came from.
        """
        if operation in FREE:
            return Cost(ZERO, ZERO, _basis(CostBasis.LIST, key_class), self.version)
        if operation in WITHOUT_OUTPUT and usage.output_tokens is None:
            usage = replace(usage, output_tokens=0)
        priced = self._price(provider, model, at, _tier(service_tier))
        rates = priced.table.at((usage.input_tokens or 0) // summed) if priced.table else None
        usd = exact_usd(rates, usage) if rates else None
        if usd is not None:
            return Cost(usd, usd, _basis(priced.basis, key_class), priced.version)
        bound = most_of_usage(rates, self._ceiling(provider), usage)
        return Cost(None, bound, CostBasis.UNKNOWN, priced.version)

    def bound(
        self,
        *,
        provider: Provider,
        model: str | None,
        input_tokens: int,
        output_tokens: int,
        at: datetime,
        cache_writes: CacheWrites,
        service_tier: str | None = None,
        operation: str = "chat",
        dialect: str | None = None,
    ) -> tuple[Decimal, bool]:
        """The most a call of at most these tokens can cost in USD, and whether its price is known.

        Covers the service tier asked for and the standard one: providers may answer on either. Uses of
        server-side tools are not covered: no request says how many there will be.
        """
        if operation in FREE:
            return ZERO, True
        tier = _tier(service_tier)
        asked = self._price(provider, model, at, tier).table
        # Batches are answered on their own tier or not at all.
        either = tier is not None and not (tier == "batch" and asked)
        plain = self._price(provider, model, at, None).table if either else None
        rates = dearest(table.up_to(input_tokens) for table in (asked, plain) if table)
        known = asked is not None and not unpriced(rates, output_tokens, cache_writes)
        if not known:
            rates = dearest((rates, self._ceiling(provider)))
        # OpenAI writes its cache unasked (GPT-6 models bill it 1.25x), Anthropic only when asked to.
        unasked = not (dialect or "").startswith("anthropic")
        return most_of_call(rates, input_tokens, output_tokens, cache_writes, unasked), known

    def _price(self, provider: Provider, model: str | None, at: datetime, tier: str | None) -> Priced:
        name = _name(model)
        if name is None:
            return Priced(None, CostBasis.UNKNOWN, self.version)
        # By the minute: DeepSeek's prices change at 00:30 and 16:30 UTC, all others at midnight.
        key = (provider.name, name, tier, int(at.timestamp()) // 60)
        if (found := self._remembered.get(key)) is None:
            if len(self._remembered) >= MAX_REMEMBERED:
                self._remembered.clear()
            found = self._remembered[key] = self._look_up(provider, name, at, tier)
        return found

    def _look_up(self, provider: Provider, name: str, at: datetime, tier: str | None) -> Priced:
        day = at.astimezone(UTC).date()
        found = self._ruled(provider, name, tier, day)
        if found is None and (other := self._rules.alias(provider, name)) is not None:
            found = self._ruled(provider, other, tier, day) or self._catalogued(
                provider, other, at, tier, day
            )
            found = replace(found, version=self.version)
        found = found or self._catalogued(provider, name, at, tier, day)
        if found.table is None:
            return found
        return replace(found, table=found.table.with_tools(self._rules.tools(provider, day)))

    def _ruled(self, provider: Provider, name: str, tier: str | None, day: date) -> Priced | None:
        """The price that prices.yaml gives. A tier it does not price is unknown, whatever the list says:
        the list's premium does not belong to a negotiated price."""
        if (price := self._rules.price(provider, name, tier, day)) is not None:
            return Priced(price.table(), CostBasis(price.basis), self._rules.version)
        if tier is None or (price := self._rules.price(provider, name, None, day)) is None:
            return None
        factor = self._rules.factor(provider, name, tier, day)
        table = price.table().scaled(factor) if factor is not None else None
        return Priced(table, CostBasis(price.basis), self._rules.version)

    def _catalogued(self, provider: Provider, name: str, at: datetime, tier: str | None, day: date) -> Priced:
        table = catalogue.table(provider.price_id, name, at, tier)
        if table is not None or tier is None:
            return Priced(table, CostBasis.LIST, self.version if table is None else catalogue.VERSION)
        standard = catalogue.table(provider.price_id, name, at)
        factor = self._rules.factor(provider, name, tier, day)
        table = standard.scaled(factor) if standard and factor is not None else None
        return Priced(table, CostBasis.LIST, self.version)

    def _ceiling(self, provider: Provider) -> Rates:
        if (found := self._ceilings.get(provider.name)) is None:
            found = self._ceilings[provider.name] = self._dearest_known(provider)
        return found

    def _dearest_known(self, provider: Provider) -> Rates:
        """The provider's dearest rates; for kinds it never priced, the dearest of all providers. That one
        model is free says nothing about an unknown one, so zero is no dearest rate."""
        own = dearest((catalogue.ceiling(provider.price_id), self._rules.ceiling(provider)))
        return own.without_zeros().or_else(catalogue.ceiling(None))


def _tier(service_tier: str | None) -> str | None:
    tier = (service_tier or "").strip().lower()
    return None if tier in STANDARD_TIERS else tier


def _name(model: str | None) -> str | None:
    """The model as price data spells it: lower case, without Gemini's and Vertex's path in front."""
    name = (model or "").strip().lower()
    if len(name) > MAX_NAME:
        return None
    if name.startswith(("models/", "publishers/", "projects/")):
        name = name.rpartition("models/")[2]
    return name or None


def _basis(basis: CostBasis, key_class: KeyClass) -> CostBasis:
    return CostBasis.NOTIONAL if key_class is KeyClass.SUBSCRIPTION else basis
