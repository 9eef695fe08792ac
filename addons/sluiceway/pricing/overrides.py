"""Asking rules/prices.yaml about one provider and model: loading, checking across entries, look-up.

Where several entries match, the one that names the provider (not its price data) wins, then the exact
model, then the longest pattern.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path

from sluiceway.pricing.price_file import Alias, Price, PriceFile, Tier, Tool
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

    def price(self, provider: Provider, model: str, tier: str | None, day: date) -> Price | None:
        return _best((p for p in self._file.prices if p.tier == tier and p.holds_on(day)), provider, model)

    def factor(self, provider: Provider, model: str, tier: str, day: date) -> Decimal | None:
        found = _best((t for t in self._file.tiers if t.tier == tier and t.holds_on(day)), provider, model)
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


def _best[E: (Price, Tier, Alias)](entries: Iterable[E], provider: Provider, model: str) -> E | None:
    matching = [e for e in entries if e.provider in _names(provider) and fnmatchcase(model, e.model)]
    return max(
        matching,
        key=lambda e: (e.provider == provider.name, e.model == model, len(e.model)),
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
    lists: dict[str, Sequence[Alias | Tier | Tool | Price]] = {
        "aliases": file.aliases,
        "tiers": file.tiers,
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
    yield from _clashes("prices", file.prices, lambda p: (p.provider, p.model, p.tier))
    yield from _clashes("tiers", file.tiers, lambda t: (t.provider, t.model, t.tier))
    yield from _clashes("tools", file.tools, lambda t: (t.provider, t.tool))


def _clashes[E: (Price, Tier, Tool)](
    name: str, entries: Sequence[E], subject: Callable[[E], tuple[str | None, ...]]
) -> Iterator[Problem]:
    seen: dict[tuple[str | None, ...], list[int]] = {}
    for index, entry in enumerate(entries):
        earlier = seen.setdefault(subject(entry), [])
        if (other := next((i for i in earlier if _meet(entry, entries[i])), None)) is not None:
            text = f"overlaps {name}.{other}; end that one with 'to', and start this one there"
            yield Problem((name, index, "from"), text)
        earlier.append(index)


def _meet(one: Price | Tier | Tool, other: Price | Tier | Tool) -> bool:
    return (one.to is None or other.from_ < one.to) and (other.to is None or one.from_ < other.to)


def _twice(file: PriceFile) -> Iterator[Problem]:
    seen: set[tuple[str, str]] = set()
    for index, alias in enumerate(file.aliases):
        if (alias.provider, alias.model) in seen:
            yield Problem(("aliases", index, "model"), "this model already has an alias; keep one")
        seen.add((alias.provider, alias.model))
