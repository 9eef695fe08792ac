"""How fast targets answer, as we measured it: averages that follow, and the 95th percentile of what came.

What is older than the window counts no more, so that a target which was slow an hour ago is tried again. The
view of all targets is made anew only when something in it has changed.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from sluiceway.gateway.breaker import Breakers, Place
from sluiceway.types import NO_HEALTH, Health, Target

KEPT = 2_000  # targets, and as many places
SAMPLES = 64
WINDOW_S = 600.0
FOLLOWS = 0.2  # the share of the newest answer in an average


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer that ended well, in milliseconds. `ttft_ms` None: it was no stream."""

    at_s: float
    ttft_ms: float | None
    latency_ms: float


@dataclass(slots=True)
class _Record:
    samples: deque[Sample] = field(default_factory=lambda: deque(maxlen=SAMPLES))

    def health(self, now_s: float, *, shut: bool) -> Health:
        """Of the samples within the window, the oldest first."""
        while self.samples and self.samples[0].at_s <= now_s - WINDOW_S:
            self.samples.popleft()
        first = [each.ttft_ms for each in self.samples if each.ttft_ms is not None]
        whole = [each.latency_ms for each in self.samples]
        return Health(_average(first), _p95(first), _average(whole), _p95(whole), open=shut)


class HealthBook:
    """What was measured of each target, and of each key at it. On the event loop only."""

    def __init__(self, breakers: Breakers) -> None:
        self._breakers = breakers
        self._targets: OrderedDict[Target, _Record] = OrderedDict()
        self._places: OrderedDict[Place, _Record] = OrderedDict()
        self._view: Mapping[Target, Health] = NO_HEALTH
        self._version = self._seen = 0
        self._good_until_s = 0.0

    def observe(self, place: Place, sample: Sample) -> None:
        """An answer ended well."""
        _of(self._targets, place.target).samples.append(sample)
        _of(self._places, place).samples.append(sample)
        self._version += 1

    def snapshot(self, now_s: float) -> Mapping[Target, Health]:
        """All targets that were asked lately. The same object until something changes."""
        version = self._version + self._breakers.version
        if version != self._seen or now_s >= self._good_until_s:
            self._view = self._made(now_s)
            self._seen = version
            oldest = (each.samples[0].at_s + WINDOW_S for each in self._targets.values() if each.samples)
            self._good_until_s = min((*oldest, self._breakers.next_turn_s(now_s)), default=now_s)
        return self._view

    def of(self, place: Place, now_s: float) -> Health:
        """What was measured with one key."""
        record = self._places.get(place) or _Record()
        return record.health(now_s, shut=self._breakers.shut(place.target, now_s))

    def _made(self, now_s: float) -> Mapping[Target, Health]:
        known = {*self._targets, *(place.target for place, _ in self._breakers.states())}
        nothing = _Record()
        return MappingProxyType(
            {
                target: self._targets.get(target, nothing).health(
                    now_s, shut=self._breakers.shut(target, now_s)
                )
                for target in known
            }
        )


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
