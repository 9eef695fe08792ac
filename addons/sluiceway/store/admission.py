"""Who may start: what the caps allow one want, and the fair line of those who wait for money to be freed.

The rule. `left` is what a cap has not spent, `free` what it has neither spent nor reserved. The most that a
want can ever get is the least `left` of its caps, or all it wants: that is attainable, and waiting cannot
raise it, because spent money does not come back. Attainable below the floor: the money is spent, a final no.
Attainable free on every cap: granted. Else money is only reserved by others, and the want waits for it.

The same holds for tokens, requests and open requests: each unit among its own caps, and all of them or none.
Of open requests nothing is ever spent, so waiting can help. A request once made counts as spent even while it
runs, since it does not come back. Who finds a cap of a minute or an hour used up is told to try the next one.

The line is first come, first served for each counter, not for the whole store: who waits claims the counters
that are short for it, and only those who need a claimed counter stand behind. A stuck cap blocks nobody else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sluiceway.store.accounts import Counter
from sluiceway.store.amounts import REQUESTS, Amounts
from sluiceway.types import Cap


@dataclass(frozen=True, slots=True)
class Fits:
    """The want may start with `amounts`; less than it asked for when `limited`."""

    amounts: Amounts
    limited: bool


@dataclass(frozen=True, slots=True)
class Exhausted:
    """Too little of this cap is left to start at all, whatever others give back."""

    cap: Cap
    spent: int


@dataclass(frozen=True, slots=True)
class Short:
    """What is wanted is reserved by others on the counters `keys`; `cap` is the tightest of them."""

    cap: Cap
    keys: frozenset[str]


type Verdict = Fits | Exhausted | Short
type Counters = Mapping[str, Counter]


class Waiter(Protocol):
    """Who asks: for how much, with how little it could start, its caps and, in the same order, the keys of
    their counters."""

    @property
    def most(self) -> Amounts: ...
    @property
    def least(self) -> Amounts: ...
    @property
    def caps(self) -> Sequence[Cap]: ...
    @property
    def keys(self) -> Sequence[str]: ...


def judge(asked: Waiter, counters: Counters) -> Verdict:
    """What the caps allow this want now."""
    least, attainable, limited = asked.least, list(asked.most), False
    exhausted: list[tuple[bool, int, int, Cap]] = []
    pairs = [(cap, counters[key]) for cap, key in zip(asked.caps, asked.keys, strict=True)]
    for cap, counter in pairs:
        place, left = counter.place, cap.limit - counter.spent
        if place == REQUESTS:
            left -= counter.reserved
        if left < attainable[place]:
            attainable[place], limited = left, True
        if left < least[place]:
            exhausted.append((cap.is_rate, place, left, cap))
    if exhausted:  # a final no before one for a minute
        *_, left, cap = min(exhausted, key=lambda found: found[:3])
        return Exhausted(cap, cap.limit - left)
    short = [(cap, counter) for cap, counter in pairs if free(cap, counter) < attainable[counter.place]]
    if not short:
        return Fits(Amounts._make(attainable) if limited else asked.most, limited)
    tightest = min(short, key=lambda pair: (pair[1].place, free(*pair)))[0]
    return Short(tightest, frozenset(counter.key for _, counter in short))


def free(cap: Cap, counter: Counter) -> int:
    """What nobody has spent or reserved of a cap; negative after a limit was lowered."""
    return cap.limit - counter.spent - counter.reserved


class Line[W: Waiter]:
    """The waiting, in order of arrival."""

    def __init__(self) -> None:
        self._waiting: dict[W, Short] = {}
        self._claimed: frozenset[str] = frozenset()
        self.moved = False  # somebody left: those behind may fit now

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[W]:
        return iter(self._waiting)

    def __contains__(self, waiter: W) -> bool:
        return waiter in self._waiting

    def shortage(self, waiter: W) -> Short:
        """What a waiter waits for."""
        return self._waiting[waiter]

    def judge(self, arriving: W, counters: Counters) -> Verdict:
        """The verdict for an arrival: nobody overtakes a waiter on a counter that the waiter claims."""
        verdict = judge(arriving, counters)
        if not isinstance(verdict, Fits) or self._claimed.isdisjoint(arriving.keys):
            return verdict
        behind = self._claimed.intersection(arriving.keys)
        cap = next(cap for cap, key in zip(arriving.caps, arriving.keys, strict=True) if key in behind)
        return Short(cap, behind)

    def join(self, waiter: W, short: Short, *, first: bool = False) -> None:
        """Adds a waiter at the end; `first`: the next attempt of a request admitted before all others."""
        if first:
            self._waiting = {waiter: short} | self._waiting
        else:
            self._waiting[waiter] = short
        self._claimed |= short.keys

    def leave(self, waiter: W) -> None:
        """Takes a waiter out, if it is there."""
        if self._waiting.pop(waiter, None) is not None:
            self.moved = True

    def ready(self, counters: Counters) -> Iterator[tuple[W, Fits | Exhausted]]:
        """Yields, in order, who need not wait longer; the caller acts on each before it asks for the next."""
        self.moved = False
        claimed: set[str] = set()
        for waiter in list(self._waiting):
            verdict = judge(waiter, counters)
            if isinstance(verdict, Short):
                self._waiting[waiter] = verdict
                claimed |= verdict.keys
            elif isinstance(verdict, Exhausted) or claimed.isdisjoint(waiter.keys):
                del self._waiting[waiter]
                yield waiter, verdict
        self._claimed = frozenset(claimed)
