"""How fast targets answer, as we measured it: averages that follow, and the 95th percentile of what came.

What is older than the window counts no more, so that a target which was slow an hour ago is tried again. The
view of all targets is made anew only when something in it has changed.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from sluiceway.gateway.breaker import Breakers, Place
from sluiceway.types import NO_HEALTH, Health, Target

KEPT = 2_000  # targets, and as many places
SAMPLES = 64
WINDOW_S = 600.0
FOLLOWS = 0.2  # the share of the newest answer in an average
FRESH_S = 0.1  # a busy process does not make the view anew for each request
NOT_MEASURED = Health()


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer that ended well, in milliseconds. `ttft_ms` None: it was no stream."""

    at_s: float
    ttft_ms: float | None
    latency_ms: float


@dataclass(slots=True)
class _Record:
    """The samples of the window, and what they come to, until one is added or grows too old."""

    samples: deque[Sample] = field(default_factory=lambda: deque(maxlen=SAMPLES))
    _measured: Health = NOT_MEASURED
    _until_s: float = 0.0

    def add(self, sample: Sample) -> None:
        self.samples.append(sample)
        self._until_s = 0.0

    def health(self, now_s: float) -> Health:
        if now_s < self._until_s:
            return self._measured
        while self.samples and self.samples[0].at_s <= now_s - WINDOW_S:
            self.samples.popleft()
        first = [each.ttft_ms for each in self.samples if each.ttft_ms is not None]
        whole = [each.latency_ms for each in self.samples]
        self._until_s = self.samples[0].at_s + WINDOW_S if self.samples else float("inf")
        self._measured = Health(_average(first), _p95(first), _average(whole), _p95(whole))
        return self._measured

    @property
    def until_s(self) -> float:
        """When what was measured last is too old."""
        return self._until_s


class HealthBook:
    """What was measured of each target, and of each key at it. On the event loop only."""

    def __init__(self, breakers: Breakers) -> None:
        self._breakers = breakers
        self._targets: OrderedDict[Target, _Record] = OrderedDict()
        self._places: OrderedDict[Place, _Record] = OrderedDict()
        self._view: Mapping[Target, Health] = NO_HEALTH
        self._measured = False  # something was, since the view was made
        self._version = 0
        self._made_s = self._until_s = 0.0

    def observe(self, place: Place, sample: Sample) -> None:
        """An answer ended well."""
        _of(self._targets, place.target).add(sample)
        _of(self._places, place).add(sample)
        self._measured = True

    def snapshot(self, now_s: float) -> Mapping[Target, Health]:
        """All targets that were asked lately. The same object while nothing changes; a breaker shows at once,
        what was measured within a tenth of a second."""
        stale = now_s >= self._until_s or self._version != self._breakers.version
        if stale or (self._measured and now_s >= self._made_s + FRESH_S):
            self._view, self._measured = self._made(now_s), False
            self._version, self._made_s = self._breakers.version, now_s
            ends = (each.until_s for each in self._targets.values())
            self._until_s = min((*ends, self._breakers.next_turn_s(now_s)), default=float("inf"))
        return self._view

    def of(self, place: Place, now_s: float) -> Health:
        """What was measured with one key."""
        found = self._places.get(place)
        return NOT_MEASURED if found is None else found.health(now_s)

    def _made(self, now_s: float) -> Mapping[Target, Health]:
        made = {target: record.health(now_s) for target, record in self._targets.items()}
        for target in self._breakers.shut(now_s):
            made[target] = replace(made.get(target, NOT_MEASURED), open=True)
        return MappingProxyType(made)


def _of[K](records: OrderedDict[K, _Record], key: K) -> _Record:
    found = records.get(key)
    if found is None:
        found = records[key] = _Record()
        if len(records) > KEPT:
            records.popitem(last=False)
    else:
        records.move_to_end(key)
    return found


def _average(values: list[float]) -> float | None:
    """The exponentially weighted average, the newest last."""
    if not values:
        return None
    average = values[0]
    for value in values[1:]:
        average += FOLLOWS * (value - average)
    return average


def _p95(values: list[float]) -> float | None:
    """By nearest rank."""
    return sorted(values)[-(-len(values) * 95 // 100) - 1] if values else None
