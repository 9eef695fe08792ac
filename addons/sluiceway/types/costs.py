"""What a usage costs, and on which price that rests."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum


class CostBasis(StrEnum):
    """Which price a cost rests on. NOTIONAL: a subscription's tokens at list price."""

    LIST = "list"
    CONTRACT = "contract"
    NOTIONAL = "notional"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Cost:
    """The price of a Usage. `usd` None: no price known. `bound_usd` is what a cap is charged:
    the cost, or where it is unknown the dearest rate known for the provider (never zero for tokens used)."""

    usd: Decimal | None
    bound_usd: Decimal
    basis: CostBasis
    price_version: str


@dataclass(frozen=True, slots=True)
class TokenPrice:
    """What a model's standard service costs, in USD per million tokens, below the steps for long requests.
    Where a cache has no price of its own, it is that of plain input."""

    input_usd: Decimal
    output_usd: Decimal
    cache_read_usd: Decimal
    cache_write_usd: Decimal
    per_1k_usd: Decimal = field(init=False)

    def __post_init__(self) -> None:
        """`per_1k_usd`: for 1,000 tokens, three of input to one of output. By this models are compared."""
        object.__setattr__(self, "per_1k_usd", (3 * self.input_usd + self.output_usd) / 4000)
