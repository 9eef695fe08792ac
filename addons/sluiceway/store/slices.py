"""A node's slices of hot budgets on money: what it may admit without the lock that all nodes share.

A slice is a row of its own beside the counter: `unused`, taken and not promised yet, and `spent`, charged and
not yet told the counter. While slices are out,

    counters.reserved = what rows have reserved + the `unused` and `spent` of all slices
    counters.spent    = what rows were charged - the `spent` of all slices

A batch whose wants a slice can carry leaves the counter alone and moves its changes to the slice. Any other
batch locks the counter as ever, folds the node's slice into it, judges, and may take a new one (leasing.py).
Slices are taken only where it pays: of money, in windows of a day and more, by a node that asks often, while
there is another node.

The figures in memory of a counter left alone are those of its last visit and what this node did since. They
are old, and that does no harm: a slice is never promised twice, and only a batch that locked says no.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sluiceway.store.accounts import Counter
from sluiceway.store.engines.adapter import Adapter, Many
from sluiceway.store.leasing import Leaser, Pool
from sluiceway.store.orders import Admit, Order, TopUp
from sluiceway.types import Cap

HOT_PER_S = 30.0  # admissions a second on one counter by one node, from which on it takes slices
BARRED_S = 1.0  # how long a node takes no slice of a counter that somebody waits for
WINDOWS = ("day", "week", "month", "lifetime")

_TAKE = """
INSERT INTO slices (counter, node, unused, spent, called) VALUES (?, ?, ?, 0, FALSE)
ON CONFLICT (counter, node) DO UPDATE SET unused = excluded.unused, spent = 0, called = FALSE
"""
_USE = "UPDATE slices SET unused = unused - ?, spent = spent + ? WHERE counter = ? AND node = ?"
_OWN = "SELECT counter, unused, spent FROM slices WHERE node = ?"
_CALL = "UPDATE slices SET called = TRUE WHERE counter = ANY(?) AND node <> ? AND NOT called"
_CALLED = "SELECT counter FROM slices WHERE node = ? AND called"
_LOCK = """
SELECT c.counter FROM counters c JOIN slices s ON s.counter = c.counter
WHERE s.node = ? AND s.counter = ANY(?) ORDER BY c.counter FOR UPDATE OF c
"""
_FOLD = """
UPDATE counters SET spent = counters.spent + s.spent, reserved = counters.reserved - s.unused - s.spent
FROM slices s WHERE s.counter = counters.counter AND s.node = ? AND s.counter = ANY(?)
"""
_END = "DELETE FROM slices WHERE node = ? AND counter = ANY(?)"


@dataclass(slots=True)
class Slice:
    """What the node holds of one counter, as of the last commit and the batch at work."""

    unused: int = 0
    spent: int = 0


@dataclass(slots=True)
class Slices:
    """All slices of a node, and how much it uses of which counter."""

    node: str
    held: dict[str, Slice] = field(default_factory=dict)
    limits: dict[str, int] = field(default_factory=dict)  # the caps that the slices were cut from
    apart: frozenset[str] = frozenset()  # counters that the batch at work leaves alone
    uses: dict[str, tuple[int, int]] = field(default_factory=dict)  # of the batch: unused less, spent more
    folded: set[str] = field(default_factory=set)
    leasers: dict[str, Leaser] = field(default_factory=dict)
    barred: dict[str, float] = field(default_factory=dict)

    def load(self, connection: Adapter) -> None:
        """After a failure, or at the start."""
        found = connection.execute(_OWN, (self.node,)).fetchall()
        self.held = {key: Slice(unused, spent) for key, unused, spent in found}
        self.limits.clear()  # not used before the counter was locked once

    def begin(self, orders: Iterable[Order], line: Sequence[Admit], known: dict[str, Counter]) -> None:
        """Which counters this batch can leave alone: those whose slice carries all it could ask for."""
        self.uses, self.folded, self.apart = {}, set(), frozenset()
        if not self.held:
            return
        needs = dict.fromkeys(self.held, 0)
        for order in orders:
            if isinstance(order, Admit):
                # Whether a cap that only counts is passed is told by the counter itself.
                needs |= dict.fromkeys(needs.keys() & set(order.watched_keys), 2**62)
                most = order.most.usd
                for cap, key in zip(order.caps, order.keys, strict=True):
                    if key in needs:
                        same = self.limits.get(key) == cap.limit
                        needs[key] = needs[key] + most if same else 2**62
            elif isinstance(order, TopUp) and order.unit == "usd":
                for key in needs.keys() & set(order.keys):
                    needs[key] += order.extra
        for waiter in line:
            needs |= dict.fromkeys(needs.keys() & set(waiter.keys), 2**62)
        self.apart = frozenset(
            key
            for key, need in needs.items()
            if key in known and key in self.limits and need <= self.held[key].unused
        )

    def fold(self, counter: Counter) -> bool:
        """Puts the node's slice back into a counter that is locked and was read. False: it had none."""
        mine = self.held.get(counter.key)
        if mine is None:
            return False
        counter.spent += mine.spent
        counter.reserved -= mine.unused + mine.spent
        self.folded.add(counter.key)
        return True

    def use(self, key: str, spent: int, reserved: int) -> None:
        """A change of a counter that was left alone."""
        used, charged = self.uses.get(key, (0, 0))
        self.uses[key] = (used + spent + reserved, charged + spent)
        mine = self.held[key]
        mine.unused -= spent + reserved
        mine.spent += spent

    def took(self, granted: Iterable[Admit], now_s: float) -> None:
        """Admissions of this batch, for the rates."""
        for order in granted:
            for cap, key in zip(order.caps, order.keys, strict=True):
                if _may_be_sliced(cap):
                    self.leasers.setdefault(key, Leaser()).used(order.most.usd, now_s)

    def wanted(
        self, orders: Iterable[Admit], short: set[str], counters: dict[str, Counter], nodes: int
    ) -> dict[str, int]:
        """How much to take of which counters that the batch has locked, once it is judged."""
        if nodes < 2:
            return {}
        now_s = time.monotonic()
        limits = _limits(orders)
        found: dict[str, int] = {}
        for key, limit in limits.items():
            leaser, counter = self.leasers.get(key), counters.get(key)
            if leaser is None or counter is None or key in self.apart or self.barred.get(key, 0) > now_s:
                continue
            if leaser.requests_per_s(now_s) < HOT_PER_S:
                continue
            free = limit - counter.spent - counter.reserved
            taken = leaser.ask(1, 0, Pool(max(0, free), nodes, key in short), now_s)
            if taken > 1:
                found[key] = taken
                self.limits[key] = limit
        return found

    def write(self, connection: Adapter, taken: dict[str, int]) -> None:
        """What the batch changed, in its transaction; the counters are written already."""
        if self.uses:
            connection.executemany(
                _USE, [(used, spent, key, self.node) for key, (used, spent) in sorted(self.uses.items())]
            )
        ended = self.folded - taken.keys()
        if ended:
            connection.execute(_END, (self.node, Many(sorted(ended))))
        for key in ended:
            del self.held[key]
        for key, amount in sorted(taken.items()):
            connection.execute(_TAKE, (key, self.node, amount))
            self.held[key] = Slice(amount)

    def call(self, connection: Adapter, short: set[str]) -> None:
        """Asks the other nodes for their slices of counters that somebody here waits for."""
        if short:
            connection.execute(_CALL, (Many(sorted(short)), self.node))

    def tidy(self, connection: Adapter, counters: dict[str, Counter], nodes: int) -> None:
        """Between two batches: gives back what others wait for, and what is idle."""
        now_s = time.monotonic()
        called = {key for (key,) in connection.execute(_CALLED, (self.node,)).fetchall()}
        self.barred |= dict.fromkeys(called, now_s + BARRED_S)
        idle = {
            key
            for key, mine in self.held.items()
            if self.leasers.setdefault(key, Leaser()).surplus(max(1, mine.unused), Pool(2**60, nodes), now_s)
        }
        give_back(connection, self.node, called | idle)
        for key in called | idle:
            self.held.pop(key, None)
            self.limits.pop(key, None)


def give_back(connection: Adapter, node: str, keys: Iterable[str] | None = None) -> None:
    """Ends slices of a node, some or all, in a transaction of its own."""
    if keys is None:
        keys = [key for key, _, _ in connection.execute(_OWN, (node,)).fetchall()]
    which = Many(sorted(keys))
    if not which:
        return
    connection.execute("BEGIN")
    connection.execute(_LOCK, (node, which)).fetchall()
    connection.execute(_FOLD, (node, which))
    connection.execute(_END, (node, which))
    connection.execute("COMMIT")


def _limits(orders: Iterable[Admit]) -> dict[str, int]:
    """The limit of each counter that may be sliced, where all who ask agree on it."""
    found: dict[str, set[int]] = {}
    for order in orders:
        for cap, key in zip(order.caps, order.keys, strict=True):
            if _may_be_sliced(cap):
                found.setdefault(key, set()).add(cap.limit)
    return {key: limits.pop() for key, limits in found.items() if len(limits) == 1}


def _may_be_sliced(cap: Cap) -> bool:
    """Not where a scope means models by a pattern: those are few, and seldom hot."""
    return cap.unit == "usd" and cap.window in WINDOWS and "models" not in dict(cap.scope)
