"""`reconcile`: a provider's exports beside the ledger, with the price book to tell tokens from prices."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from sqlalchemy import Connection

from sluiceway.app.deployment import Deployment
from sluiceway.errors import ConfigError
from sluiceway.report.bills import ours as ledger_side
from sluiceway.report.bills.classes import Compared, gathered
from sluiceway.report.bills.compare import compare
from sluiceway.report.bills.formats import Format
from sluiceway.report.bills.line import Line
from sluiceway.report.bills.ours import Apart, Group, Sums
from sluiceway.report.bills.source import opened
from sluiceway.types import Usage, UsageSource, to_nusd

NOON_HOURS = 12


@dataclass(frozen=True, slots=True)
class Asked:
    """Which files, of whom, and which days and keys of them; None: what the files have. `to` is not in it."""

    files: Sequence[Path]
    family: str | None = None
    from_: date | None = None
    to: date | None = None
    keys: frozenset[str] = frozenset()


@dataclass(slots=True)
class Reconciled:
    """What came out; `formats` by file, days both included."""

    family: str
    first: date
    last: date
    formats: dict[str, str]
    compared: Compared
    apart: Apart
    by_tier: bool
    lines: int = field(default=0)


def reconcile(
    deployment: Deployment, asked: Asked, connection: Connection, progress: Callable[[int, int], None]
) -> Reconciled:
    """Reads, sums, compares. Raises ConfigError for what cannot be read."""
    reading = _Reading(asked, progress)
    theirs, by_tier = gathered(reading.lines())
    if not reading.lines_read:
        raise ConfigError(
            f"{', '.join(path.name for path in asked.files)}: no line is of the days and keys asked for"
        )
    days = [group[0] for group in theirs]
    first, last = min(days), max(days)
    family = reading.family or ""
    mine, apart = ledger_side.load(connection, family, first, last, by_tier)
    compared = compare(theirs, mine, apart.unmetered, _price(deployment, family))
    return Reconciled(family, first, last, reading.formats, compared, apart, by_tier, reading.lines_read)


class _Reading:
    """All files as one stream of lines; they must be of one provider."""

    def __init__(self, asked: Asked, progress: Callable[[int, int], None]) -> None:
        self._asked, self._progress = asked, progress
        self.family = asked.family
        self.formats: dict[str, str] = {}
        self.lines_read = 0

    def lines(self) -> Iterator[Line]:
        for path in self._asked.files:
            with opened(path, self._asked.family, self._progress) as (found, lines):
                self._note(path.name, found)
                for line in filter(self._wanted, lines):
                    self.lines_read += 1
                    yield line

    def _note(self, name: str, found: Format) -> None:
        if self.family not in (None, found.family):
            raise ConfigError(
                f"{name}: an export of {found.family}, the others are of {self.family}; "
                "reconcile one provider at a time"
            )
        self.family, self.formats[name] = found.family, found.name

    def _wanted(self, line: Line) -> bool:
        asked = self._asked
        if (asked.from_ and line.day < asked.from_) or (asked.to and line.day >= asked.to):
            return False
        return not asked.keys or line.key in asked.keys


def _price(deployment: Deployment, family: str) -> ledger_side.Price:
    content = deployment.content()
    provider = content.providers.by_name.get(family)

    def price(group: Group, sums: Sums) -> int | None:
        """At noon of the day, and as one request: long-context prices are left out of it."""
        day, model, tier = group
        if provider is None or not sums:
            return 0 if not sums else None
        usage = Usage(
            input_tokens=sums.get("input_tokens", 0),
            output_tokens=sums.get("output_tokens", 0),
            cache_read_tokens=sums.get("cache_read_tokens", 0),
            cache_write_tokens=sums.get("cache_write_tokens", 0),
            source=UsageSource.REPORTED,
        )
        at = datetime(day.year, day.month, day.day, NOON_HOURS, tzinfo=UTC)
        table = content.prices.standing(provider, model, at, tier)
        cost = table(usage) if table else None
        return None if cost is None else to_nusd(cost)

    return price
