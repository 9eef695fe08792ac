"""How long the simulated providers take: waits before the first byte and between events."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Latency:
    """Ranges in milliseconds, drawn from evenly."""

    first_ms: tuple[float, float] = (20.0, 80.0)
    between_ms: tuple[float, float] = (2.0, 5.0)


NO_LATENCY = Latency((0.0, 0.0), (0.0, 0.0))


class Pace:
    """Waits drawn from a latency with seeded randomness. Fixed waits, in seconds, take their place."""

    def __init__(self, latency: Latency, random: Random) -> None:
        self._latency, self._random = latency, random
        self._released = asyncio.Event()

    async def before_first(self, fixed_s: float | None) -> None:
        wait_s = self._drawn_s(self._latency.first_ms) if fixed_s is None else fixed_s
        if wait_s:
            await asyncio.sleep(wait_s)

    async def before_next(self, fixed_s: float | None) -> None:
        """At zero latency this still lets the loop run, so that each event leaves on its own."""
        await asyncio.sleep(self._drawn_s(self._latency.between_ms) if fixed_s is None else fixed_s)

    def hold(self) -> None:
        """From now on `until_released` waits."""
        self._released.clear()

    def release(self) -> None:
        """What waits goes on, and nothing waits until the next `hold`."""
        self._released.set()

    async def until_released(self) -> None:
        await self._released.wait()

    def _drawn_s(self, range_ms: tuple[float, float]) -> float:
        low, high = range_ms
        return (low + (high - low) * self._random.random()) / 1000 if high else 0.0
