"""What the offers of the catalogue cost at one moment, and their order by it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from sluiceway.settings.models import Models, Offer
from sluiceway.types import Target, TokenPrice

type PriceOf = Callable[[Target], TokenPrice | None]


class Tariff:
    """USD for 1,000 tokens of each offer (None: not known), and its place when all are sorted, the cheapest
    first, the unknown last, equals by name. Worked out once for a source of prices: hundreds of offers."""

    __slots__ = ("_sorted", "per_1k_usd", "places")

    def __init__(self, models: Models, price: PriceOf) -> None:
        prices = {offer.target: price(offer.target) for offer in models.offers}
        self.per_1k_usd: Mapping[Target, Decimal | None] = {
            target: None if found is None else found.per_1k_usd for target, found in prices.items()
        }
        ordered = sorted(models.offers, key=lambda offer: (*self._cost(offer.target), offer.label))
        self.places: Mapping[Target, int] = {offer.target: n for n, offer in enumerate(ordered)}
        self._sorted: dict[int, tuple[tuple[Offer, ...], tuple[Offer, ...]]] = {}

    def cheapest_first(self, offers: tuple[Offer, ...]) -> tuple[Offer, ...]:
        """Some of the catalogue's offers in order, remembered for those that are asked again and again."""
        known = self._sorted.get(id(offers))
        if known is None or known[0] is not offers:
            ordered = tuple(sorted(offers, key=lambda offer: self.places[offer.target]))
            known = self._sorted[id(offers)] = offers, ordered
        return known[1]

    def _cost(self, target: Target) -> tuple[bool, Decimal]:
        cost = self.per_1k_usd[target]
        return cost is None, cost or Decimal(0)
