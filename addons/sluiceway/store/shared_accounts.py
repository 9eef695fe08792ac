"""The accounts of one of many nodes: its own open rows, and counters whose figures are good for one batch.

Other nodes make counters, change them and delete them between two batches of ours. So before a batch is
judged, every counter that one of its rows counts on is locked and read anew (store/locking.py); nothing else
in here may be believed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

import orjson

from sluiceway.store.accounts import Accounts, Counter, Held
from sluiceway.store.amounts import Amounts
from sluiceway.store.engines.connection import Connection
from sluiceway.store.scope import Scope, Who, from_json, to_json
from sluiceway.store.slices import Slices
from sluiceway.types import Cap

# The dimensions of a scope, in its order; where models are meant by a pattern, with the pattern.
type Shape = tuple[str | tuple[str, str], ...]
type Figures = tuple[str, str, str, int, int | None, int, int]  # a row of `counters`, without its window


# The window of the same length that moved on to another, the last that is kept. Locked: else it, and old rows
# of it, could be deleted between this look and the sums that are made with it (store/retention.py).
_BEFORE = """
SELECT counter, starts_at, ends_at, spent, reserved FROM counters
WHERE scope = ? AND ends_at > ? AND ends_at < ? AND unit = ? AND "window" = 'rolling'
  AND ends_at - starts_at = ?
ORDER BY ends_at DESC LIMIT 1 FOR UPDATE
"""


class Concern(NamedTuple):
    """A budgeted row, as far as it decides which counters it counts on."""

    who: Who
    started_us: int


class SharedAccounts(Accounts):
    """`ids`: numbers for new rows, taken from the database ahead of need. `shapes`: every shape of scope that
    a counter has anywhere."""

    def __init__(self, ids: deque[int], slices: Slices | None = None) -> None:
        super().__init__(next_id=0, covered_from_us=0)  # 0: whatever a row needs was read before the batch
        self.ids = ids
        self.slices = slices or Slices("")
        self.shapes: frozenset[Shape] = frozenset()

    def new_id(self) -> int:
        return self.ids.popleft()

    def forget(self, before_us: int, keep: set[str]) -> None:
        super().forget(before_us, keep)
        self.covered_from_us = 0

    def let_deferred_go(self) -> None:
        """Any node may end those: they are looked for again when one is to be ended here."""
        for ledger_id in [ledger_id for ledger_id, held in self.open.items() if held.deferred]:
            del self.open[ledger_id]

    def held(self, ledger_id: int) -> Iterable[Concern]:
        """An open row of ours, if there is one that counts anywhere."""
        held = self.open.get(ledger_id)
        if held is not None and held.budgeted:
            yield Concern(held.who, held.started_us)

    def places(self, concerns: Iterable[Concern]) -> list[tuple[str, int]]:
        """In which scopes, as `counters` keeps them, and at which moments to look for counters."""
        found = dict.fromkeys(
            (scope, started_us)
            for who, started_us in concerns
            for shape in self.shapes
            if (scope := _scope(shape, who)) is not None
        )
        return [(to_json(scope), started_us) for scope, started_us in found]

    def take(self, figures: Iterable[Figures], concerns: Iterable[Concern]) -> None:
        """Believes what was read under lock: new counters come in, those that are gone leave."""
        seen = set()
        for key, of, unit, starts_us, ends_us, spent, reserved in figures:
            seen.add(key)
            if key in self.counters:
                self.counters[key].refresh(spent, reserved)
            else:
                self.add(Counter(key, from_json(of), unit, starts_us, ends_us, spent, reserved))  # type: ignore[arg-type]  # a Unit, as the table keeps it
            if self.slices.fold(self.counters[key]):
                self._touched.add(self.counters[key])
        for who, started_us in concerns:
            for counter in self.covering(who, started_us):
                if counter.key not in seen and counter.key not in self.slices.apart:
                    self._gone(counter)

    def changes(self) -> list[tuple[int, int, str]]:
        """Without what goes to slices."""
        found = super().changes()
        for spent, reserved, key in found:
            if key in self.slices.apart:
                self.slices.use(key, spent, reserved)
        return [change for change in found if change[2] not in self.slices.apart]

    def previous(self, connection: Connection, cap: Cap, starts_us: int, ends_us: int) -> Counter | None:
        """As the database has it: figures in memory of a window that is over may be old. Nobody changes it
        meanwhile, since whoever makes a counter keeps all batches out that write rows of its scope."""
        length_us = ends_us - starts_us
        parameters = (to_json(cap.scope), starts_us, ends_us, cap.unit, length_us)
        found = connection.execute(_BEFORE, parameters).fetchone()
        return None if found is None else Counter(found[0], cap.scope, cap.unit, *found[1:])

    def reserve_slices(self, taken: dict[str, int]) -> list[tuple[int, int, str]]:
        """What to add to counters for new slices. In memory the node's own slices are free, not reserved."""
        return [(0, amount, key) for key, amount in sorted(taken.items())]

    def reopen(self, ledger_id: int, amounts: Amounts, who: Who, started_us: int, budgeted: bool) -> None:
        """Takes back a row that was swept while we were away: what it was charged is reserved again."""
        held = Held(amounts, who, started_us, budgeted, self.covering(who, started_us) if budgeted else [])
        self.open[ledger_id] = held
        charged = amounts.kept()
        for counter in held.counters:
            counter.spent -= charged[counter.place]
            counter.reserved += amounts[counter.place]
        self._touched.update(held.counters)

    def _gone(self, counter: Counter) -> None:
        self._remove(counter)
        for held in self.open.values():
            if counter in held.counters:
                held.counters.remove(counter)


def shape_of(scope: Scope) -> Shape:
    """The shape that a counter's scope has."""
    return tuple([pair if pair[0] == "models" else pair[0] for pair in scope])


def shape_from_json(text: str) -> Shape:
    """A shape as `counter_shapes` keeps it."""
    return tuple([part if isinstance(part, str) else (part[0], part[1]) for part in orjson.loads(text)])


def _scope(shape: Shape, who: Who) -> Scope | None:
    """The one scope of a shape that a row is of, if there is one."""
    found = []
    for part in shape:
        if isinstance(part, tuple):
            value = part[1] if who.fits(*part) else None
            found.append((part[0], value))
        else:
            found.append((part, who.value(part)))
    return None if any(value is None for _, value in found) else tuple(found)  # type: ignore[arg-type]  # none is None
