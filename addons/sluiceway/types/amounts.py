"""Amounts and mappings of them: money is exact, and rounded to nano-dollars in one place."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from types import MappingProxyType

NANO = Decimal("0.000000001")
NO_UNITS: Mapping[str, int] = MappingProxyType({})
NO_NAMES: Mapping[str, str] = MappingProxyType({})


def to_nusd(usd: Decimal) -> int:
    """USD to integer nano-dollars, rounded half to even: the one place money is rounded."""
    return int((usd / NANO).to_integral_value(rounding=ROUND_HALF_EVEN))


def to_usd(nusd: int) -> Decimal:
    """Integer nano-dollars to exact USD, without an exponent in its text."""
    return Decimal(nusd).scaleb(-9)
