"""How big a slice of a hot budget a node takes, so that most admissions need no lock that all nodes share.

Pure: no clock, no database; times and figures come in as arguments, so it can be simulated. One `Leaser` is
one node's view of one counter. What it decides about:

    limit = spent + reserved + sliced + free          (of the whole budget, all nodes together)

`sliced` is what nodes hold for themselves and have not promised to any request yet. A node may admit out of
its own slice without asking anybody; for more it goes to the shared counter, under its lock, and there

    add = leaser.ask(wanted, unused, pool, now_s)     moves `add` from free to the node's slice
    back = leaser.surplus(unused, pool, now_s)        moves `back` from the slice to free

and after each admission out of the slice, `leaser.used(amount, now_s)`. Call `surplus` now and then (every
second or so), not only when there is a request.

The rules, and what follows from them:
- `ask` never returns more than is free. So slices, reservations and charges together never pass the limit,
  whatever the nodes know of each other.
- A slice is what the node used lately in `horizon_s`, at most an equal share of half of what is free: a
  second node finds as much as the first, and what is left is never all in slices.
- Near the limit (an equal share would hold fewer than `least_wants` requests like this one) there are no
  slices: `ask` returns what this request lacks and nothing more, and `surplus` all that is unused. There the
  shared counter alone decides, as without slices, so nobody waits for money that lies idle on another node
  for longer than that node takes to notice.
- Somebody waits (`pool.starved`): the same, at any distance from the limit.
- Who is idle for `idle_s` gives all back.
Nobody is finally refused because of a slice: a final no is for spent money alone, and slices are not spent.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp


@dataclass(frozen=True, slots=True)
class Pool:
    """The shared counter as read under its lock, or a moment ago. `nodes`: how many take part, at least one.

    `starved`: somebody waits for money that is not spent but reserved or sliced.
    """

    free: int
    nodes: int = 1
    starved: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """How slices are cut. Seconds; `share` of what is free may be in slices after everybody asked once."""

    horizon_s: float = 2.0
    idle_s: float = 5.0
    share: float = 0.5
    least_wants: int = 8


class Leaser:
    """One node's slice of one counter. Its own figures are a rate and a moment; what it holds, the caller
    keeps, beside the counter and as durable."""

    def __init__(self, terms: Terms | None = None) -> None:
        self._terms = terms or Terms()
        self._rate = 0.0  # what requests took a second, of late
        self._last_s: float | None = None
        self._typical = 0.0  # the size of a request, of late

    def used(self, amount: int, now_s: float) -> None:
        """A request was admitted for this much, out of the slice or past it."""
        horizon_s = self._terms.horizon_s
        faded = 1.0 if self._last_s is None else exp(-max(0.0, now_s - self._last_s) / horizon_s)
        self._rate = self._rate * faded + amount / horizon_s
        self._typical = amount if self._last_s is None else 0.9 * self._typical + 0.1 * amount
        self._last_s = now_s

    def requests_per_s(self, now_s: float) -> float:
        """How often the node asks, of late."""
        if self._last_s is None or self._typical <= 0:
            return 0.0
        faded = exp(-max(0.0, now_s - self._last_s) / self._terms.horizon_s)
        return self._rate * faded / self._typical

    def ask(self, wanted: int, unused: int, pool: Pool, now_s: float) -> int:
        """How much to move from what is free into the slice, so that it holds `wanted` and some more.

        0: the slice has enough, or what is free is too little for the request to start.
        """
        lacking = wanted - unused
        if lacking <= 0 or lacking > pool.free:
            return 0
        target = self._target(pool, max(wanted, self._typical), now_s)
        return min(pool.free, max(lacking, target + lacking))

    def surplus(self, unused: int, pool: Pool, now_s: float) -> int:
        """How much of the slice to move back to what is free."""
        if unused <= 0:
            return 0
        whole = Pool(pool.free + unused, pool.nodes, pool.starved)
        keep = self._target(whole, self._typical, now_s)
        # A little more than the target is not worth the lock.
        return unused - keep if unused > 2 * keep else 0

    def _target(self, pool: Pool, request: float, now_s: float) -> int:
        terms = self._terms
        if pool.starved or self._last_s is None or now_s - self._last_s >= terms.idle_s:
            return 0
        most = int(pool.free * terms.share / max(1, pool.nodes))
        if most < terms.least_wants * request:
            return 0
        faded = self._rate * exp(-max(0.0, now_s - self._last_s) / terms.horizon_s)
        return min(most, int(faded * terms.horizon_s))
