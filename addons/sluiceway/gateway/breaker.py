"""Circuit breakers: whether a model of a provider is asked with a key, by how it answered lately.

Failures in a window open one; after a while exactly one request goes through as a probe, and what becomes of
it closes the breaker or opens it for longer. A client that went away is neither success nor failure. A 429
opens nothing: that one key rests for as long as the provider said. The clock is passed in; nothing here
waits.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from sluiceway.types import Target

KEPT = 2_000  # places remembered: what was not asked for longest is forgotten


@dataclass(frozen=True, slots=True)
class Place:
    """What can fail by itself: a model of a provider, asked with a key (its fingerprint; None: without)."""

    target: Target
    key: str | None = None


class State(StrEnum):
    """Where a breaker stands. Half open: one probe is on its way."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class Trip:
    """When a breaker opens: `failures` of its last answers within `window_s`, and no fewer than half of them.
    It stays open for `open_s`, and twice as long each time its probe fails, up to `longest_s`."""

    failures: int = 5
    window_s: float = 30.0
    open_s: float = 10.0
    longest_s: float = 120.0


@dataclass(frozen=True, slots=True)
class Leave:
    """Leave to ask. `era` counts how often the breaker changed: an answer that was asked for before it opened
    says nothing of what came after."""

    place: Place
    era: int
    probe: bool = False


@dataclass(frozen=True, slots=True)
class Ending:
    """What became of it. `reason`: a status or a code of ours, never a text of the provider's."""

    kind: Literal["success", "failure", "limited", "neither"]
    reason: str = ""
    rest_s: float = 0.0  # limited: for how long


SUCCESS, NEITHER = Ending("success"), Ending("neither")


@dataclass(frozen=True, slots=True)
class Change:
    """A breaker changed, for the history."""

    place: Place
    state: State
    reason: str


@dataclass(slots=True)
class _Breaker:
    state: State = State.CLOSED
    era: int = 0
    endings: deque[tuple[float, bool]] = field(default_factory=lambda: deque(maxlen=20))
    until_s: float = 0.0  # open until then
    last_s: float = 0.0  # how long it was opened for
    rests_until_s: float = 0.0


def _nobody(change: Change) -> None:
    """Nobody keeps a history."""


class Breakers:
    """All breakers of the process. Every method is one step on the event loop."""

    def __init__(self, trip: Trip = Trip(), changed: Callable[[Change], None] = _nobody) -> None:
        self._trip = trip
        self.changed = changed
        self._known: OrderedDict[Place, _Breaker] = OrderedDict()
        self.version = 0

    def ask(self, place: Place, now_s: float) -> Leave | None:
        """Leave to ask there now; None: not now. Whoever gets leave tells `ended` what became of it."""
        breaker = self._of(place)
        if breaker.rests_until_s > now_s:
            return None
        if breaker.state is State.CLOSED:
            return Leave(place, breaker.era)
        if breaker.state is State.HALF_OPEN or breaker.until_s > now_s:
            return None
        self._turn(place, breaker, State.HALF_OPEN, "probe")
        return Leave(place, breaker.era, probe=True)

    def insist(self, place: Place) -> Leave:
        """Leave to ask there all the same, because there is nowhere else to go."""
        return Leave(place, self._of(place).era)

    def began(self, leave: Leave) -> Leave:
        """Its answer begins well. A probe has told enough then, though it may stream for minutes: others may
        ask, and its end counts like any other's. The leave to go on with."""
        breaker = self._of(leave.place)
        if not leave.probe or leave.era != breaker.era:
            return leave
        breaker.endings.clear()
        self._turn(leave.place, breaker, State.CLOSED, "probe_answered")
        return Leave(leave.place, breaker.era)

    def ended(self, leave: Leave, ending: Ending, now_s: float) -> None:
        """What became of a request that had leave. To be told once."""
        breaker = self._of(leave.place)
        if ending.kind == "limited":
            breaker.rests_until_s = max(breaker.rests_until_s, now_s + ending.rest_s)
            self.version += 1
        if leave.probe and leave.era == breaker.era:
            self._probed(leave.place, breaker, ending, now_s)
        elif breaker.state is State.CLOSED and leave.era == breaker.era:
            self._counted(leave.place, breaker, ending, now_s)

    def shut(self, now_s: float) -> frozenset[Target]:
        """The targets nobody gets through to: not with any key that was used there lately."""
        shut = {place.target for place, breaker in self._known.items() if _is_shut(breaker, now_s)}
        if not shut:
            return frozenset()
        passing = (place.target for place, breaker in self._known.items() if not _is_shut(breaker, now_s))
        return frozenset(shut.difference(passing))

    def next_turn_s(self, now_s: float) -> float:
        """When the first of those that are shut will let somebody through by itself."""
        ends = (max(each.until_s, each.rests_until_s) for each in self._known.values())
        return min((end for end in ends if end > now_s), default=float("inf"))

    def states(self) -> Sequence[tuple[Place, State]]:
        """Every breaker that is not closed."""
        return [(place, each.state) for place, each in self._known.items() if each.state is not State.CLOSED]

    def _of(self, place: Place) -> _Breaker:
        found = self._known.get(place)
        if found is None:
            found = self._known[place] = _Breaker()
            if len(self._known) > KEPT:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(place)
        return found

    def _probed(self, place: Place, breaker: _Breaker, ending: Ending, now_s: float) -> None:
        if ending.kind == "failure":
            breaker.last_s = min(breaker.last_s * 2, self._trip.longest_s)
            breaker.until_s = now_s + breaker.last_s
            self._turn(place, breaker, State.OPEN, ending.reason)
        elif ending.kind == "neither":
            self._turn(place, breaker, State.OPEN, "probe_left")  # its time is over: the next one probes
        else:
            breaker.endings.clear()
            self._turn(place, breaker, State.CLOSED, "probe_answered")

    def _counted(self, place: Place, breaker: _Breaker, ending: Ending, now_s: float) -> None:
        if ending.kind in ("neither", "limited"):
            return
        breaker.endings.append((now_s, ending.kind == "failure"))
        if ending.kind == "success":
            return
        recent = [failed for at_s, failed in breaker.endings if at_s > now_s - self._trip.window_s]
        if sum(recent) >= self._trip.failures and sum(recent) * 2 >= len(recent):
            breaker.last_s = self._trip.open_s
            breaker.until_s = now_s + breaker.last_s
            self._turn(place, breaker, State.OPEN, ending.reason)

    def _turn(self, place: Place, breaker: _Breaker, state: State, reason: str) -> None:
        breaker.state = state
        breaker.era += 1
        self.version += 1
        self.changed(Change(place, state, reason))


def _is_shut(breaker: _Breaker, now_s: float) -> bool:
    waits = breaker.state is State.OPEN and breaker.until_s > now_s
    return waits or breaker.state is State.HALF_OPEN or breaker.rests_until_s > now_s
