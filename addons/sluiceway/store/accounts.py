"""The counters and the open reservations in memory, as the last commit left them plus the batch at work.

Only the writer thread touches them. They are a cache of the database that one process owns: when a batch
fails they are thrown away and read again, so they cannot drift from what is on disk.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sluiceway.store.amounts import PLACE, Amounts
from sluiceway.store.engines.connection import Connection
from sluiceway.store.scope import Scope, Who
from sluiceway.types import Cap, Unit


class Counter:
    """What is spent and reserved of one unit in one scope and window. `place`: its unit among Amounts."""

    __slots__ = ("_was", "ends_us", "key", "place", "reserved", "scope", "spent", "starts_us")

    def __init__(
        self,
        key: str,
        scope: Scope,
        unit: Unit,
        starts_us: int,
        ends_us: int | None,
        spent: int,
        reserved: int,
    ) -> None:
        self.key, self.scope, self.starts_us, self.ends_us = key, scope, starts_us, ends_us
        self.place = PLACE[unit]
        self.spent, self.reserved = spent, reserved
        self._was = (spent, reserved)

    def covers(self, who: Who, started_us: int) -> bool:
        """Whether a budgeted row of these scope columns, started then, counts here."""
        return self.in_window(started_us) and all(
            who.fits(dimension, value) for dimension, value in self.scope
        )

    def in_window(self, started_us: int) -> bool:
        """Whether something that started then belongs to this window."""
        return self.starts_us <= started_us and (self.ends_us is None or started_us < self.ends_us)

    def refresh(self, spent: int, reserved: int) -> None:
        """Takes the figures as another process may have left them."""
        self.spent, self.reserved = spent, reserved
        self._was = (spent, reserved)

    def change(self) -> tuple[int, int, str]:
        """What was added to spent and reserved since the last call, and the key: an UPDATE's parameters."""
        spent, reserved = self._was
        self._was = (self.spent, self.reserved)
        return self.spent - spent, self.reserved - reserved, self.key


@dataclass(slots=True)
class Held:
    """An open row: its reservation and the counters it sits on. `deferred`: its request is over, its usage
    is not known yet."""

    amounts: Amounts
    who: Who
    started_us: int
    budgeted: bool
    counters: list[Counter]
    deferred: bool = False


class Accounts:
    """All counters whose window is not over, and every open row.

    `covered_from_us`: each stored counter whose window ends after this moment is here, so the counters of a
    row that started since then can be told without asking the database.
    `freed` is set when a reservation shrinks or ends: somebody waiting may fit now.
    """

    def __init__(self, next_id: int, covered_from_us: int) -> None:
        self.next_id = next_id
        self.covered_from_us = covered_from_us
        self.counters: dict[str, Counter] = {}
        self.open: dict[int, Held] = {}
        self.freed = False
        self._by_scope: dict[tuple[tuple[str, str | None], ...], list[Counter]] = {}
        self._shapes: dict[tuple[str, ...], None] = {}
        self._patterns: dict[str, None] = {}  # of models, that any counter is kept by
        self._touched: set[Counter] = set()

    def add(self, counter: Counter) -> None:
        """Takes a counter in; its figures already include the rows that are open."""
        self.counters[counter.key] = counter
        self._by_scope.setdefault(counter.scope, []).append(counter)
        self._shapes[tuple(dimension for dimension, _ in counter.scope)] = None
        self._patterns.update((value, None) for dimension, value in counter.scope if dimension == "models")
        for held in self.open.values():
            if held.budgeted and counter.covers(held.who, held.started_us):
                held.counters.append(counter)

    def adopt(
        self, ledger_id: int, amounts: Amounts, who: Who, started_us: int, budgeted: bool, deferred: bool
    ) -> None:
        """Takes in a row that is open on disk; the counters already include it."""
        counters = self.covering(who, started_us) if budgeted else []
        self.open[ledger_id] = Held(amounts, who, started_us, budgeted, counters, deferred)

    def covering(self, who: Who, started_us: int) -> list[Counter]:
        """Every counter that a budgeted row of this kind counts on."""
        return [
            counter
            for shape in self._shapes
            for scope in self._scopes(shape, who)
            for counter in self._by_scope.get(scope, ())
            if counter.in_window(started_us)
        ]

    def _scopes(self, shape: tuple[str, ...], who: Who) -> Iterable[tuple[tuple[str, str | None], ...]]:
        """The scopes of one shape that a row is of: one, unless several patterns fit its model."""
        if "models" not in shape:
            return (tuple([(dimension, who.value(dimension)) for dimension in shape]),)
        return [
            tuple([(each, pattern if each == "models" else who.value(each)) for each in shape])
            for pattern in self._patterns
            if who.fits("models", pattern)
        ]

    def previous(self, connection: Connection, cap: Cap, starts_us: int, ends_us: int) -> Counter | None:
        """The counter of the same rolling window before it moved on to here, if it is still kept."""
        for counter in self._by_scope.get(cap.scope, ()):
            if counter.place != PLACE[cap.unit] or counter.ends_us is None or counter.ends_us <= starts_us:
                continue
            moved_us = starts_us - counter.starts_us
            if moved_us > 0 and ends_us - counter.ends_us == moved_us:
                return counter
        return None

    def new_id(self) -> int:
        """The next row's id, never given twice."""
        self.next_id += 1
        return self.next_id - 1

    def reserve(self, held: Held) -> int:
        """Opens a row and puts its reservation on its counters; the new row's id."""
        ledger_id = self.new_id()
        self.open[ledger_id] = held
        for counter in held.counters:
            counter.reserved += held.amounts[counter.place]
        self._touched.update(held.counters)
        return ledger_id

    def top_up(self, ledger_id: int, unit: Unit, extra: int) -> None:
        """Adds to the reservation of an open row."""
        held = self.open[ledger_id]
        held.amounts = held.amounts.plus(unit, extra)
        concerned = [counter for counter in held.counters if counter.place == PLACE[unit]]
        for counter in concerned:
            counter.reserved += extra
        self._touched.update(concerned)

    def defer(self, ledger_id: int) -> None:
        """The row's request is over, so it no longer counts as open at once; its money stays reserved."""
        held = self.open[ledger_id]
        for counter in held.counters:
            if counter.place == PLACE["concurrent"]:
                counter.reserved -= held.amounts.concurrent
                self._touched.add(counter)
        held.amounts, held.deferred = held.amounts.kept(), True
        self.freed = True

    def settle(self, ledger_id: int, charged: Amounts) -> None:
        """Ends an open row: its reservation is released and the charge is spent."""
        held = self.open.pop(ledger_id)
        for counter in held.counters:
            counter.reserved -= held.amounts[counter.place]
            counter.spent += charged[counter.place]
        self._touched.update(held.counters)
        self.freed = True

    def charge(self, counters: Iterable[Counter], charged: Amounts) -> None:
        """Spends without a reservation: a final row that carries a charge."""
        for counter in counters:
            counter.spent += charged[counter.place]
            self._touched.add(counter)

    def changes(self) -> list[tuple[int, int, str]]:
        """What the batch changed, as the parameters of one UPDATE per counter, in a fixed order."""
        touched = sorted(self._touched, key=lambda counter: counter.key)
        self._touched.clear()
        return [change for counter in touched if any((change := counter.change())[:2])]

    def forget(self, before_us: int, keep: set[str]) -> None:
        """Drops counters whose window ended before this moment, unless an open row or `keep` needs them."""
        used = keep | {counter.key for held in self.open.values() for counter in held.counters}
        for counter in list(self.counters.values()):
            if counter.ends_us is not None and counter.ends_us <= before_us and counter.key not in used:
                self._remove(counter)
        self.covered_from_us = max(self.covered_from_us, before_us)

    def _remove(self, counter: Counter) -> None:
        del self.counters[counter.key]
        siblings = self._by_scope[counter.scope]
        siblings.remove(counter)
        if not siblings:
            del self._by_scope[counter.scope]
