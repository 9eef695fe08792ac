"""One line of a provider's export in our words, and how its cells are read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from sluiceway.errors import ConfigError

type Cells = Mapping[str, Any]

TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
KINDS = ("requests", *TOKENS, "cost_nusd")
"""What is compared. Input includes cache reads and writes, as in the ledger; cost is in nano-dollars."""

STANDARD = frozenset({"", "default", "auto", "standard", "standard_only", "on_demand", "none"})
MOST = 10**18  # more than anybody was ever billed; larger figures are faults
LONGEST_SHOWN = 40
_DATED = re.compile(r"(?:-\d{8}|-\d{4}-\d{2}-\d{2}|@[\w.-]+|-latest)$")
_GROUPED = re.compile(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Line:
    """`figures` holds the kinds that the export tells. `tier` None: it does not say; "standard" is one.
    `unit_nusd` is the smallest step of its amounts, for rounding. Models in brackets are fees of no model."""

    day: date
    model: str
    figures: Mapping[str, int]
    tier: str | None = None
    key: str | None = None
    unit_nusd: int = 0


def canonical(model: str) -> str:
    """A model without its date: `claude-sonnet-4-5-20250929` is the Console's `Claude Sonnet 4.5`."""
    name = model.strip().lower().rpartition("models/")[2]
    if " " in name:
        name = name.replace(" ", "-").replace(".", "-")
    return _DATED.sub("", name)


def tier_of(text: object) -> str | None:
    """The tier, every word for the plain one made the same; None where nothing is said."""
    if text is None:
        return None
    word = str(text).strip().lower()
    return "standard" if word in STANDARD else word


class Row:
    """The cells of one line, read with errors that say where."""

    def __init__(self, cells: Cells, where: str, decimal_comma: bool = False) -> None:
        self._cells, self._where, self._decimal_comma = cells, where, decimal_comma

    def text(self, name: str) -> str | None:
        value = self._cells.get(name)
        return None if value is None or str(value).strip() == "" else str(value).strip()

    def needs(self, name: str, instead: str) -> str:
        """The text of a cell that has to say something."""
        if (text := self.text(name)) is None:
            raise ConfigError(f"{self._where}: {name} is empty; {instead}")
        return text

    def count(self, name: str) -> int:
        """A whole number; an empty cell is zero, as providers leave out what was not used."""
        number = self.amount(name)
        if number != number.to_integral_value():
            raise self._wrong(name, "a whole number")
        return int(number)

    def amount(self, name: str) -> Decimal:
        text = self.text(name)
        if text is None:
            return Decimal(0)
        if self._decimal_comma and "," in text and "." not in text:
            text = text.replace(",", ".")
        elif _GROUPED.fullmatch(text):
            text = text.replace(",", "")
        try:
            number = Decimal(text.removeprefix("$"))
        except InvalidOperation:
            raise self._wrong(name, "a number") from None
        if not number.is_finite() or abs(number) > MOST:
            raise self._wrong(name, "a number that can be true")
        return number

    def nusd(self, name: str, per_usd: int = 1) -> tuple[int, int]:
        """An amount in nano-dollars, and the step it is rounded to. `per_usd` 100: the cell is in cents."""
        number = self.amount(name)
        exponent = number.as_tuple().exponent
        step = Decimal(1).scaleb(exponent if isinstance(exponent, int) else 0) / per_usd
        return round(number * 10**9 / per_usd), max(1, int(step * 10**9))

    def day(self, name: str) -> date:
        """The UTC day of a date, a time, or seconds since the epoch."""
        text = self.needs(name, "every line needs its time")
        try:
            if re.fullmatch(r"\d{9,11}(?:\.0*)?", text):
                return datetime.fromtimestamp(int(text.partition(".")[0]), UTC).date()
            moment = datetime.fromisoformat(text)
        except (ValueError, OverflowError):
            raise self._wrong(name, "a date") from None
        return moment.astimezone(UTC).date() if moment.tzinfo else moment.date()

    def _wrong(self, name: str, wanted: str) -> ConfigError:
        shown = "".join(c if c.isprintable() else "?" for c in (self.text(name) or "")[:LONGEST_SHOWN])
        return ConfigError(f"{self._where}: {name} must be {wanted}, not '{shown}'")
