"""How much of each unit that a budget may limit a row holds or is charged, and how the ledger adds it up."""

from __future__ import annotations

from typing import NamedTuple, Self

from sluiceway.errors import StoreError
from sluiceway.types import LedgerRow, Unit

# No single answer has a trillion tokens: such a figure is a fault, and summing many overflows 64 bits.
MAX_TOKENS = 10**12
# The owner of open rows whose usage comes with a later request: no process holds them, or ends them by dying.
DEFERRED = "deferred"


class Amounts(NamedTuple):
    """Nano-dollars, requests made, tokens in and out, requests open now."""

    usd: int = 0
    requests: int = 0
    tokens: int = 0
    concurrent: int = 0

    def plus(self, unit: Unit, extra: int) -> Self:
        """With more of one unit."""
        return self._replace(**{unit: self[PLACE[unit]] + extra})

    def kept(self) -> Self:
        """What is charged when a row that held this ends and no more is known: all but that it is open."""
        return self._replace(concurrent=0)


NOTHING = Amounts()
# A counter finds its amount by place: reading a tuple costs less than reading an attribute by name.
PLACE: dict[Unit, int] = {"usd": 0, "requests": 1, "tokens": 2, "concurrent": 3}
REQUESTS = PLACE["requests"]

# What is spent and what is reserved of each unit, summed over the rows that a counter covers.
SUMS: dict[Unit, tuple[str, str]] = {
    "usd": ("sum(charged_nusd)", "sum(reserved_nusd)"),
    "requests": (
        "sum(requests) FILTER (WHERE owner IS NULL)",
        "sum(requests) FILTER (WHERE owner IS NOT NULL)",
    ),
    "tokens": ("sum(charged_tokens)", "sum(reserved_tokens)"),
    "concurrent": ("0", f"count(*) FILTER (WHERE owner IS NOT NULL AND owner <> '{DEFERRED}')"),
}


# The column of `carried` for each unit that outlives its rows.
CARRIED: dict[Unit, str] = {"usd": "nusd", "requests": "requests", "tokens": "tokens"}


def tokens_used(row: LedgerRow) -> int | None:
    """The tokens a final row is charged. None: nobody knows, so it is charged what it had reserved.
    Raises StoreError where the counts cannot be true.

    Where it is known that the provider bills nothing (it was not asked, or answered with an error), what it
    did not report is none; and so are those that are nobody's to cap.
    """
    if not row.spends:
        return 0
    unknown = row.input_tokens is None or row.output_tokens is None
    if unknown and row.cost_nusd != 0:
        return None
    tokens = (row.input_tokens or 0) + (row.output_tokens or 0)
    if not 0 <= tokens <= MAX_TOKENS:
        raise StoreError("a row must have used between no and a trillion tokens")
    return tokens
