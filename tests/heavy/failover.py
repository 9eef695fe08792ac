"""How long a failover takes, fault by fault, and what a mirror adds to the time to the first event.

    python -m tests.heavy.failover --pairs 200

A whole Sluiceway and its simulated providers run in this process, so the figures are upper bounds. A fault
that is only noticed by waiting takes as long as `upstream.first_event_s` says, which is one second here.
"""

from __future__ import annotations

import argparse
import asyncio
import ssl
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from sluiceway.demo.pace import Latency
from sluiceway.settings.config import Upstream
from tests.e2e.running import Running

URL = "https://api.anthropic.com/v1/messages"
FIRST_EVENT_S = 1.0
FIRST_MS = 20.0
POLICY = """
routes:
  - {name: resilient, match: {model: claude-haiku-4-5},
     failover: [{provider: openrouter, model: anthropic/claude-haiku-4.5}]}
  - name: compare
    match: {employee: bob}
    mirror:
      to: {provider: openrouter, model: anthropic/claude-haiku-4.5}
      percent: 100
      budget_usd_per_day: 9
inject: [{name: for-all}]
"""
FAULTS = ("refuse", "429", "500", "529", "stream-error;after=0", "slow;first=30", "hang")
# Asked in turn, so that whatever the machine does besides falls on both alike.
TURNS = (("alice", "bob"), ("bob", "alice"))


@dataclass(frozen=True, slots=True)
class Paired:
    """Times to the first event in milliseconds, without and with a mirror, pair by pair."""

    plain_ms: Sequence[float]
    mirrored_ms: Sequence[float]

    @property
    def ratio(self) -> float:
        """The median of the pairs' ratios."""
        pairs = zip(self.mirrored_ms, self.plain_ms, strict=True)
        return statistics.median(mirrored / plain for mirrored, plain in pairs)


class World:
    """The deployment, and one client for each person."""

    def __init__(self, folder: Path) -> None:
        pace = Latency((FIRST_MS, FIRST_MS), (0.0, 0.0))
        self.running = Running(folder, latency=pace, patience_s=60)
        self.running.set_rules("20-routes", POLICY)
        for provider, secret in (("anthropic", "sk-ant-api03-ours"), ("openrouter", "sk-or-v1-ours")):
            self.running.add_key(provider, provider, secret)
        self.running.service.gateway.parts.bounds = Upstream(first_event_s=FIRST_EVENT_S)
        self.proxies = {name: self.running.add(name) for name in ("alice", "bob")}
        self.context = ssl.create_default_context(cafile=self.running.anchor)

    async def first_event_ms(self, session: aiohttp.ClientSession, who: str, model: str) -> float:
        """From the request to the first event of its answer, which is then read to its end."""
        body = {
            "model": model,
            "max_tokens": 60,
            "stream": True,
            "messages": [{"role": "user", "content": "What is a sluiceway?"}],
        }
        headers = {"x-api-key": "sluiceway", "anthropic-version": "2023-06-01"}
        began_s = time.perf_counter()
        async with session.post(URL, json=body, headers=headers, proxy=self.proxies[who]) as answer:
            assert answer.status == 200, answer.status
            first = await answer.content.readany()
            took_ms = (time.perf_counter() - began_s) * 1000
            text = first + await answer.read()
        assert b"message_stop" in text
        return took_ms

    async def recovery_ms(self, fault: str | None, times: int) -> list[float]:
        """The times to the first event while the first target has this fault; breakers are kept closed."""
        running, found = self.running, []
        async with self._session() as session:
            await self.first_event_ms(session, "alice", "claude-haiku-4-5")
            for _ in range(times):
                parts = running.service.gateway.parts
                running.on.call(lambda parts=parts: parts.breakers.__init__())  # type: ignore[misc]
                if fault is not None:
                    running.on.call(lambda: running.providers.fault("anthropic", fault, times=1))
                found.append(await self.first_event_ms(session, "alice", "claude-haiku-4-5"))
        return found

    async def paired(self, pairs: int) -> Paired:
        found: dict[str, list[float]] = {"alice": [], "bob": []}
        async with self._session() as session, self._session() as other:
            sessions = {"alice": session, "bob": other}
            for turn in range(pairs + 5):
                for who in TURNS[turn % 2]:
                    took_ms = await self.first_event_ms(sessions[who], who, "claude-opus-4-5")
                    await self._idle()
                    if turn >= 5:  # connections and caches are warm
                        found[who].append(took_ms)
        return Paired(found["alice"], found["bob"])

    async def _idle(self) -> None:
        """The copy of the request before is over: what is measured is what a request pays for its own."""
        copies = self.running.service.gateway.parts.copies
        for _ in range(2_000):
            if not copies.running:
                return
            await asyncio.sleep(0.002)

    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=self.context))


async def measure(world: World, pairs: int, times: int) -> None:
    usual = statistics.median(await world.recovery_ms(None, times))
    print(f"{'fault':<24}{'median ms':>12}{'worst ms':>12}{'over a sound one':>18}")
    print(f"{'none':<24}{usual:>12.1f}")
    for fault in FAULTS:
        found = await world.recovery_ms(fault, times)
        middle = statistics.median(found)
        print(f"{fault:<24}{middle:>12.1f}{max(found):>12.1f}{middle - usual:>18.1f}", flush=True)
    if pairs:
        paired = await world.paired(pairs)
        plain, mirrored = (statistics.median(each) for each in (paired.plain_ms, paired.mirrored_ms))
        print(f"\nfirst event without a mirror {plain:.2f} ms, with one {mirrored:.2f} ms")
        print(f"paired ratio over {pairs} pairs: {paired.ratio:.4f}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.heavy.failover", description=__doc__)
    parser.add_argument("--pairs", type=int, default=200, help="pairs for the mirror; 0: leave it out")
    parser.add_argument("--times", type=int, default=9, help="how often each fault is tried")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        try:
            asyncio.run(measure(world, options.pairs, options.times))
            store = world.running.service.store
            assert store
            print(f"open reservations {store.status()['open_reservations']}, verify {store.verify() or 'ok'}")
        finally:
            world.running.stop()


if __name__ == "__main__":
    main()
