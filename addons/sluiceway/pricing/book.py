"""The price book: what a Usage costs, and the most a call can cost before its answer is known.

Prices come from rules/prices.yaml first, else from the bundled genai-prices data. What neither knows is
None, flagged, and bounded by the dearest rate known for the provider, or known at all: never zero.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

from sluiceway.pricing import catalogue, overrides, regions
from sluiceway.pricing.bounds import (
    CacheWrites,
    most_of_call,
    most_of_pieces,
    most_of_units,
    most_of_usage,
    unpriced,
)
from sluiceway.pricing.overrides import Overrides
from sluiceway.pricing.price_file import STANDARD_TIERS, Price
from sluiceway.pricing.rates import ZERO, Rates, Table, dearest, exact_usd
from sluiceway.types import NO_UNITS, Cost, CostBasis, KeyClass, Provider, TokenPrice, Usage

# Anthropic ("Token counting") and Google ("Count tokens") document these as free of charge, and so does
# OpenAI ("Moderation"); a file of requests costs nothing until its batch runs (OpenAI, "Batch API").
FREE = frozenset({"count_tokens", "moderation", "batch_file"})
# Their answers have no output to report.
WITHOUT_OUTPUT = frozenset({"embeddings", "moderations"})
# No provider has a longer model name; longer ones are not worth matching against every pattern.
MAX_NAME = 256
MAX_REMEMBERED = 4096
# A model or a system-defined profile by its ARN. Those of a company's own (application-inference-profile,
# provisioned-model, imported-model) say nothing of a price: they are priced by an alias for the whole ARN.
BEDROCK_ARN = re.compile(
    r"arn:aws[a-z-]*:bedrock:[a-z0-9-]*:[0-9]*:(?:foundation-model|inference-profile)/(.+)"
)
# OpenAI's models of 2025 (gpt-5: 400,000; its successors of 2026 take a million at most).
UNKNOWN_CONTEXT_TOKENS = 400_000


@dataclass(frozen=True, slots=True)
class Priced:
    """One model's price at one moment. `table` None: no price known for it, or not on that tier."""

    table: Table | None
    basis: CostBasis
    version: str


@dataclass(frozen=True, slots=True)
class _Asked:
    """One look-up. `bare`: the name without an inference profile's prefix; `at` in UTC."""

    provider: Provider
    name: str
    bare: str
    at: datetime
    tier: str | None
    region: str | None

    @classmethod
    def of(cls, provider: Provider, name: str, at: datetime, tier: str | None, region: str | None) -> _Asked:
        profile, bare = regions.profile(name)
        return cls(provider, name, bare, at.astimezone(UTC), tier, profile or region)

    @property
    def day(self) -> date:
        return self.at.date()

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name,) if self.bare == self.name else (self.name, self.bare)


class PriceBook:
    """Prices of all providers. Pure after `load`, apart from remembering what it looked up."""

    def __init__(self, providers: Iterable[Provider], rules: Overrides | None = None) -> None:
        self._rules = rules or Overrides()
        self.version = " + ".join(filter(None, [catalogue.VERSION, self._rules.version]))
        self._remembered: dict[tuple[str, str, str | None, str | None, int], Priced] = {}
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
        return self._price(provider, model, at, None, None).table is not None

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
        region: str | None = None,
        operation: str = "chat",
        dialect: str | None = None,
        key_class: KeyClass = KeyClass.UNKNOWN,
        summed: int = 1,
    ) -> Cost:
        """What `usage` cost at `at`; `service_tier` is the one the answer was given on, `region` the one that
        the host names (regions.of_host). An inference profile in the model's name goes before it. Where
        `usage` is the sum of several answers, a price by length is the one of their average.

        `usd` is exact or None. `bound_usd` equals it, or covers all counts that are known. `dialect` is
        taken so that `cost` and `bound` are asked alike; usage reads the same whatever it came from.
        """
        if operation in FREE:
            return Cost(ZERO, ZERO, _basis(CostBasis.LIST, key_class), self.version)
        if operation in WITHOUT_OUTPUT and usage.output_tokens is None:
            usage = replace(usage, output_tokens=0)
        priced = self._price(provider, model, at, _tier(service_tier), region)
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
        region: str | None = None,
        operation: str = "chat",
        dialect: str | None = None,
        units: Mapping[str, int] = NO_UNITS,
    ) -> tuple[Decimal, bool]:
        """The most a call of at most these tokens and `units` can cost in USD, and whether it has a price.

        Covers the service tier asked for and the standard one: providers may answer on either. Uses of
        server-side tools are not covered: no request says how many there will be.
        """
        if operation in FREE:
            return ZERO, True
        tier = _tier(service_tier)
        asked = self._price(provider, model, at, tier, region).table
        # Batches are answered on their own tier or not at all.
        either = tier is not None and not (tier == "batch" and asked)
        plain = self._price(provider, model, at, None, region).table if either else None
        rates = dearest(table.up_to(input_tokens) for table in (asked, plain) if table)
        pieces = ZERO
        if owed := _owed(rates, units):
            pieces = most_of_units(rates, self._ceiling(provider), owed)
        alone = ZERO
        if rates.by_units:
            alone = pieces + rates.per_request if owed else most_of_pieces(rates, input_tokens)
            if asked is not None:
                return alone, True
        known = asked is not None and not unpriced(rates, output_tokens, cache_writes)
        if not known:
            rates = dearest((rates, self._ceiling(provider)))
        # OpenAI writes its cache unasked (GPT-6 models bill it 1.25x), Anthropic only when asked to.
        unasked = not (dialect or "").startswith(("anthropic", "bedrock"))
        tokens = most_of_call(rates, input_tokens, output_tokens, cache_writes, unasked)
        return max(tokens + pieces, alone), known

    def standing(
        self, provider: Provider, model: str, at: datetime, service_tier: str | None
    ) -> Callable[[Usage], Decimal | None] | None:
        """What a sum of many usages costs, without the steps for long requests; None: no price is known."""
        priced = self._price(provider, model, at, _tier(service_tier), None)
        if priced.table is None:
            return None
        rates = priced.table.at(0)
        return lambda usage: exact_usd(rates, usage)

    def token_price(self, provider: Provider, model: str, at: datetime) -> TokenPrice | None:
        """The standard service's prices, below the steps for long requests; None: none is known by tokens."""
        table = self._price(provider, model, at, None, None).table
        rates = None if table is None else table.at(0)
        if rates is None or rates.input is None or rates.output is None:
            return None
        read, write = rates.cache_read, rates.cache_write
        return TokenPrice(
            rates.input,
            rates.output,
            rates.input if read is None else read,
            rates.input if write is None else write,
        )

    def _price(
        self, provider: Provider, model: str | None, at: datetime, tier: str | None, region: str | None
    ) -> Priced:
        name = _name(model)
        if name is None:
            return Priced(None, CostBasis.UNKNOWN, self.version)
        # By the minute: DeepSeek's prices change at 00:30 and 16:30 UTC, all others at midnight.
        key = (provider.name, name, tier, region, int(at.timestamp()) // 60)
        if (found := self._remembered.get(key)) is None:
            if len(self._remembered) >= MAX_REMEMBERED:
                self._remembered.clear()
            found = self._remembered[key] = self._look_up(_Asked.of(provider, name, at, tier, region))
        return found

    def _look_up(self, asked: _Asked) -> Priced:
        found = self._ruled(asked)
        if found is None and (other := self._alias(asked)) is not None:
            billed_as = replace(asked, name=other, bare=other)
            found = self._ruled(billed_as) or self._catalogued(billed_as)
            found = replace(found, version=self.version)
        found = found or self._catalogued(asked)
        if found.table is None:
            return found
        return replace(found, table=found.table.with_tools(self._rules.tools(asked.provider, asked.day)))

    def _alias(self, asked: _Asked) -> str | None:
        return next(
            (other for name in asked.names if (other := self._rules.alias(asked.provider, name))), None
        )

    def _ruled(self, asked: _Asked) -> Priced | None:
        """The price in prices.yaml, for the whole name or what is behind an inference profile's prefix.
        A tier it does not price is unknown, whatever the list says: the list's premium does not belong to a
        negotiated price."""
        for name in asked.names:
            if (price := self._price_of(asked, name, asked.tier)) is not None:
                return self._placed(asked, price, price.table())
            if asked.tier is None or (price := self._price_of(asked, name, None)) is None:
                continue
            factor = self._rules.factor(asked.provider, name, asked.tier, asked.day)
            if factor is None:
                return Priced(None, CostBasis(price.basis), self._rules.version)
            return self._placed(asked, price, price.table().scaled(factor))
        return None

    def _price_of(self, asked: _Asked, name: str, tier: str | None) -> Price | None:
        return self._rules.price(asked.provider, name, tier, asked.region, asked.at)

    def _placed(self, asked: _Asked, price: Price, table: Table) -> Priced:
        factor = None if price.region or price.basis == "contract" else self._regional(asked)
        return Priced(
            table if factor is None else table.scaled(factor), CostBasis(price.basis), self._rules.version
        )

    def _catalogued(self, asked: _Asked) -> Priced:
        price_id, tier = asked.provider.price_id, asked.tier
        table, ours = catalogue.table(price_id, asked.name, asked.at, tier), False
        if table is None and tier is not None:
            standard = catalogue.table(price_id, asked.name, asked.at)
            factor = self._rules.factor(asked.provider, asked.bare, tier, asked.day)
            table, ours = standard.scaled(factor) if standard and factor is not None else None, True
        if table is not None and (regional := self._regional(asked)) is not None:
            table, ours = table.scaled(regional), True
        return Priced(table, CostBasis.LIST, self.version if table is None or ours else catalogue.VERSION)

    def _regional(self, asked: _Asked) -> Decimal | None:
        if asked.region is None:
            return None
        return self._rules.regional(asked.provider, asked.bare, asked.region, asked.day)

    def _ceiling(self, provider: Provider) -> Rates:
        if (found := self._ceilings.get(provider.name)) is None:
            found = self._ceilings[provider.name] = self._dearest_known(provider)
        return found

    def _dearest_known(self, provider: Provider) -> Rates:
        """The provider's dearest rates; for kinds it never priced, the dearest of all providers. That one
        model is free says nothing about an unknown one, so zero is no dearest rate."""
        own = dearest((catalogue.ceiling(provider.price_id), self._rules.ceiling(provider)))
        return own.without_zeros().or_else(catalogue.ceiling(None))


def _owed(rates: Rates, units: Mapping[str, int]) -> Mapping[str, int]:
    """The units that are billed: of a model whose tokens are, those that have a price; of others all."""
    if not rates.input:
        return units
    return {unit: number for unit, number in units.items() if unit in rates.tools}


@lru_cache(1024)
def _tier(service_tier: str | None) -> str | None:
    tier = (service_tier or "").strip().lower()
    return None if tier in STANDARD_TIERS else tier


@lru_cache(4096)
def _name(model: str | None) -> str | None:
    """The model as price data spells it: lower case, without Gemini's and Vertex's path or AWS's ARN."""
    name = (model or "").strip().lower()
    if len(name) > MAX_NAME:
        return None
    if name.startswith(("models/", "publishers/", "projects/")):
        name = name.rpartition("models/")[2]
    if name.startswith("arn:") and (found := BEDROCK_ARN.fullmatch(name)):
        name = found[1]
    return name or None


def _basis(basis: CostBasis, key_class: KeyClass) -> CostBasis:
    return CostBasis.NOTIONAL if key_class is KeyClass.SUBSCRIPTION else basis
