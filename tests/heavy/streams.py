"""Many streams at once: each of them whole, each with its exact row, and what one costs in memory.

    python -m tests.heavy.streams --streams 1000

All are open at the same time when the memory is read: each has had its first event, none its last.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.heavy.asking import Answered, Clients, Question, clients
from tests.heavy.processes import Billing, Child, Proxy

PEOPLE = tuple(f"person{number}" for number in range(10))
OUTPUT_TOKENS = 200
EVENTS = 50


@dataclass(frozen=True, slots=True)
class Found:
    """Figures of one run. `together`: how many streams were open when the memory was read."""

    streams: int
    whole: int
    together: int
    exact_rows: int
    idle_bytes: int
    open_bytes: int
    after_bytes: int
    seconds: float
    verify: str

    @property
    def bytes_a_stream(self) -> int:
        return (self.open_bytes - self.idle_bytes) // self.streams

    @property
    def good(self) -> bool:
        counts = {self.whole, self.together, self.exact_rows}
        return counts == {self.streams} and self.verify == "every counter equals the ledger"


class Opening:
    """Counts streams that have begun and not ended; `all` is set when every one has begun or failed."""

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self._open: set[int] = set()
        self._seen: set[int] = set()
        self.all = asyncio.Event()

    def began(self, number: int) -> None:
        self._open.add(number)
        self._note(number)

    def ended(self, number: int) -> None:
        self._open.discard(number)
        self._note(number)

    def _note(self, number: int) -> None:
        self._seen.add(number)
        if len(self._seen) == self._wanted:
            self.all.set()

    @property
    def now(self) -> int:
        return len(self._open)


def run(folder: Path, streams: int, length_s: float) -> Found:
    """`length_s` must be longer than it takes to open all of them, or `together` falls short."""
    billing = Billing.start(folder, (0, 0), (0, 0))
    try:
        proxy = Proxy(folder, billing, people=PEOPLE)
        with proxy.serving() as serve:
            return asyncio.run(_run(proxy, serve, streams, length_s))
    finally:
        billing.child.stop()


async def _run(proxy: Proxy, serve: Child, streams: int, length_s: float) -> Found:
    started_s = time.monotonic()
    async with clients(proxy.anchor, timeout_s=10 * length_s) as asking:
        await asking.ask(
            proxy.urls[0], _question(0)
        )  # what is made once, certificates and pools, is made now
        idle = serve.resident_bytes()
        opening = Opening(streams)
        open_streams = [
            asyncio.create_task(
                _one(asking, proxy.urls[number % len(PEOPLE)], _question(length_s), opening, number)
            )
            for number in range(streams)
        ]
        everybody = asyncio.gather(*open_streams)
        await asyncio.wait(
            [everybody, asyncio.create_task(opening.all.wait())], return_when="FIRST_COMPLETED"
        )
        together, open_bytes = opening.now, serve.resident_bytes()
        answers = await everybody
    after = serve.resident_bytes()
    return Found(
        streams=streams,
        whole=sum(answer.whole and answer.output_tokens == OUTPUT_TOKENS for answer in answers),
        together=together,
        exact_rows=_exact_rows(proxy) - 1,
        idle_bytes=idle,
        open_bytes=open_bytes,
        after_bytes=after,
        seconds=time.monotonic() - started_s,
        verify=proxy.command("ledger", "verify").stdout.strip(),
    )


async def _one(asking: Clients, url: str, question: Question, opening: Opening, number: int) -> Answered:
    try:
        return await asking.ask(url, question, lambda: opening.began(number))
    finally:
        opening.ended(number)


def _question(length_s: float) -> Question:
    pace = f"slow;first=0;between={length_s / EVENTS}"
    return Question("anthropic", True, OUTPUT_TOKENS, 2 * OUTPUT_TOKENS, events=EVENTS, fault=pace)


def _exact_rows(proxy: Proxy) -> int:
    told = Counter((row["outcome"], row["usage_source"], row["output_tokens"]) for row in proxy.rows())
    return told["ok", "reported", OUTPUT_TOKENS]


def allow_files(count: int) -> None:
    """A connection is a file; the usual limit of 1,024 is less than a thousand streams need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))


def main() -> None:
    """Prints the figures; exit 1 if a stream or its row was not whole."""
    parser = argparse.ArgumentParser(prog="python -m tests.heavy.streams", description=__doc__)
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--length-s", type=float, default=40, help="how long each stream lasts")
    options = parser.parse_args()
    allow_files(options.streams * 3)
    with tempfile.TemporaryDirectory(prefix="sluiceway-streams-") as folder:
        found = run(Path(folder), options.streams, options.length_s)
    mb = 1024 * 1024
    print(f"{found.streams} streams of {EVENTS} events in {found.seconds:.0f} s")
    print(f"  open at the same time: {found.together}")
    print(f"  whole at the client: {found.whole}, exact ledger rows: {found.exact_rows}")
    print(
        f"  resident: {found.idle_bytes / mb:.0f} MB idle, {found.open_bytes / mb:.0f} MB with all open,",
        end=" ",
    )
    print(f"{found.after_bytes / mb:.0f} MB afterwards; {found.bytes_a_stream / 1024:.0f} KB a stream")
    print(f"  ledger verify: {found.verify}")
    raise SystemExit(0 if found.good else 1)


if __name__ == "__main__":
    main()
