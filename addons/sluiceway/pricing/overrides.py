"""Asking rules/prices.yaml about one provider and model: loading, checking across entries, look-up.

Where several entries match, the one that names the provider (not its price data) wins, then the exact
model, then the longest pattern; among those an entry for the region, then one for the hours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path

from sluiceway.pricing.price_file import Alias, Price, PriceFile, Region, Tier, Tool
from sluiceway.pricing.rates import Rates, dearest
from sluiceway.settings.sentences import nearest
from sluiceway.settings.yaml_file import load_document
from sluiceway.settings.yaml_nodes import Problem
from sluiceway.types import Provider


class Overrides:
    """The file, asked about one provider and model at a time. Names are lower case here."""

    def __init__(self, file: PriceFile | None = None, version: str = "") -> None:
        self._file = file or PriceFile(version=1)
        self.version = version

    def price(
        self, provider: Provider, model: str, tier: str | None, region: str | None, at: datetime
    ) -> Price | None:
        held = (
            p for p in self._file.prices if p.tier == tier and p.holds_at(at) and _there(p.region, region)
        )
        return _best(held, provider, model)

    def factor(self, provider: Provider, model: str, tier: str, day: date) -> Decimal | None:
        found = _best((t for t in self._file.tiers if t.tier == tier and t.holds_on(day)), provider, model)
        return found.factor if found else None

    def regional(self, provider: Provider, model: str, region: str, day: date) -> Decimal | None:
        """What the region multiplies token prices by; None: no entry is for it."""
        held = (r for r in self._file.regions if r.holds_on(day) and fnmatchcase(region, r.region))
        found = _best(held, provider, model)
        return found.factor if found else None

    def alias(self, provider: Provider, model: str) -> str | None:
        found = _best(self._file.aliases, provider, model)
        return found.price_as if found else None

    def tools(self, provider: Provider, day: date) -> Mapping[str, Decimal]:
        held = [t for t in self._file.tools if t.holds_on(day) and t.provider in _names(provider)]
        return {tool.tool: tool.usd for tool in sorted(held, key=lambda t: t.provider == provider.name)}

    def ceiling(self, provider: Provider) -> Rates:
        """The dearest rates the file ever had for this provider."""
        mine = [p for p in self._file.prices if p.provider in _names(provider)]
        tools = {t.tool: t.usd for t in self._file.tools if t.provider in _names(provider)}
        rates = [rates for price in mine for _, rates in price.table().steps]
        return dearest([*rates, Rates(input=None, output=None, tools=tools)])


def _names(provider: Provider) -> tuple[str, str]:
    return provider.name, provider.price_id


def _there(wanted: str | None, region: str | None) -> bool:
    return wanted is None or (region is not None and fnmatchcase(region, wanted))


def _closeness(entry: Price | Tier | Region | Alias) -> tuple[bool, int, bool]:
    """How narrowly an entry fits beyond its model: a region by name, a pattern of regions, some hours."""
    region = getattr(entry, "region", None)
    exact = region is not None and not set("*?[").intersection(region)
    return exact, len(region or ""), getattr(entry, "hours", None) is not None


def _best[E: (Price, Tier, Region, Alias)](entries: Iterable[E], provider: Provider, model: str) -> E | None:
    matching = [e for e in entries if e.provider in _names(provider) and fnmatchcase(model, e.model)]
    return max(
        matching,
        key=lambda e: (e.provider == provider.name, e.model == model, len(e.model), _closeness(e)),
        default=None,
    )


def load(path: Path, known_providers: Sequence[str]) -> Overrides:
    """The checked file. Raises ConfigError: unknown providers, entries that overlap in time."""
    document = load_document(path)
    file = document.read(PriceFile)
    if problems := [*_strangers(file, known_providers), *_overlaps(file), *_twice(file)]:
        raise document.error(problems)
    return Overrides(file, f"prices.yaml sha256:{sha256(path.read_bytes()).hexdigest()[:8]}")


def _strangers(file: PriceFile, known: Sequence[str]) -> Iterator[Problem]:
    lists: dict[str, Sequence[Alias | Tier | Region | Tool | Price]] = {
        "aliases": file.aliases,
        "tiers": file.tiers,
        "regions": file.regions,
        "tools": file.tools,
        "prices": file.prices,
    }
    for name, entries in lists.items():
        for index, entry in enumerate(entries):
            if entry.provider not in known:
                near = nearest(entry.provider, known)
                hint = f" (did you mean '{near}'?)" if near else "; see providers.yaml"
                yield Problem((name, index, "provider"), f"unknown provider{hint}")


def _overlaps(file: PriceFile) -> Iterator[Problem]:
    yield from _clashes("prices", file.prices, _who_and_where)
    yield from _clashes("regions", file.regions, lambda r: (r.provider, r.model, r.region))
    yield from _clashes("tiers", file.tiers, lambda t: (t.provider, t.model, t.tier))
    yield from _clashes("tools", file.tools, lambda t: (t.provider, t.tool))


def _who_and_where(price: Price) -> tuple[str | None, ...]:
    return price.provider, price.model, price.tier, price.region, "hours" if price.hours else None


def _clashes[E: (Price, Tier, Region, Tool)](
    name: str, entries: Sequence[E], subject: Callable[[E], tuple[str | None, ...]]
) -> Iterator[Problem]:
    seen: dict[tuple[str | None, ...], list[int]] = {}
    for index, entry in enumerate(entries):
        earlier = seen.setdefault(subject(entry), [])
        if (other := next((i for i in earlier if _meet(entry, entries[i])), None)) is not None:
            text = f"overlaps {name}.{other}; end that one with 'to', and start this one there"
            yield Problem((name, index, "from"), text)
        earlier.append(index)


def _meet(one: Price | Tier | Region | Tool, other: Price | Tier | Region | Tool) -> bool:
    days = (one.to is None or other.from_ < one.to) and (other.to is None or one.from_ < other.to)
    return days and _same_hours(one, other)


def _same_hours(one: Price | Tier | Region | Tool, other: Price | Tier | Region | Tool) -> bool:
    """False where one is a price by day and the other one by night."""
    if not (isinstance(one, Price) and isinstance(other, Price)) or one.hours is None or other.hours is None:
        return True
    return one.hours.meet(other.hours)


def _twice(file: PriceFile) -> Iterator[Problem]:
    seen: set[tuple[str, str]] = set()
    for index, alias in enumerate(file.aliases):
        if (alias.provider, alias.model) in seen:
            yield Problem(("aliases", index, "model"), "this model already has an alias; keep one")
        seen.add((alias.provider, alias.model))
