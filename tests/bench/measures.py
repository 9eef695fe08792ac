"""The measurements: each takes all paths in turn, so that a busy machine is busy for all of them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path as File
from statistics import median

from .client import BadAnswerError, Connection, Way, first_event_ms, message, rolling, timed_ms
from .figures import Path, Samples, quantile
from .processes import Process, Provider, Proxy, Sluiceway, Stock

SMALL = message("Name the three primary colours and say which two of them make green.")
LARGE = message("The quick brown fox jumps over the lazy dog. " * 2300)
EVENTS = 150
_LENGTH = ("X-Demo-Output-Tokens: 900", f"X-Demo-Events: {EVENTS}")
# 100 events a second is what a fast model streams; unpaced, several events share a read and look cheaper.
PACED = message("Tell a story.", stream=True, demo=(*_LENGTH, "X-Demo-Fault: slow;first=0;between=0.01"))
BURST = message("Tell a story.", stream=True, demo=_LENGTH)
SHORT = message("Say hello.", stream=True, demo=("X-Demo-Output-Tokens: 20", "X-Demo-Events: 5"))
HELD = message("Wait.", stream=True, demo=(*_LENGTH, "X-Demo-Fault: slow;first=0;between=60"))


@dataclass(frozen=True, slots=True)
class Size:
    """How much of each is done in a round; the short form proves that it works, the full one measures."""

    rounds: int = 7
    small: int = 1000
    single: int = 250
    large: int = 160
    connections: int = 100
    streams: int = 20
    bursts: int = 60
    latencies: int = 200
    first_events: int = 60
    fresh_starts: int = 3
    held_streams: int = 200


FULL = Size()
BRIEF = Size(
    rounds=2,
    small=100,
    single=40,
    large=12,
    connections=10,
    streams=4,
    bursts=4,
    latencies=20,
    first_events=8,
    fresh_starts=1,
    held_streams=30,
)


@dataclass(frozen=True, slots=True)
class Field:
    """What a round measures: the proxies by path, mitmdump a second time with bodies streamed."""

    provider: Provider
    whole: Mapping[Path, Proxy]
    streaming: Mapping[Path, Proxy]

    def ways(self, proxies: Mapping[Path, Proxy]) -> dict[Path, Way]:
        return {Path.DIRECT: self.provider.way, **{path: proxy.way for path, proxy in proxies.items()}}


class Count:
    """How many requests went through Sluiceway, to be compared with its ledger."""

    def __init__(self) -> None:
        self.requests = 0

    def add(self, path: Path, count: int) -> None:
        if path is Path.OURS:
            self.requests += count


class Round:
    """One pass over all measurements."""

    def __init__(self, field: Field, size: Size, samples: Samples, count: Count) -> None:
        self._field, self._size, self._samples, self._count = field, size, samples, count

    def run(self) -> None:
        size = self._size
        self._requests("small", SMALL, size.small, at_once=16)
        self._requests("single", SMALL, size.single, at_once=1)
        self._requests("large", LARGE, size.large, at_once=4)
        self._new_connections()
        self._streams("event", PACED, size.streams, at_once=size.streams)
        self._streams("burst", BURST, size.bursts, at_once=4)
        self._latencies()
        self._first_events()

    def _requests(self, metric: str, request: bytes, count: int, at_once: int) -> None:
        for path, proxy in self._field.whole.items():
            with connected(proxy.way, at_once) as connections:
                rolling(connections, request, at_once * 2)
                begun, start_s = proxy.process.cpu_s(), time.perf_counter()
                rolling(connections, request, count)
                self._samples.add(metric, path, (proxy.process.cpu_s() - begun) / count * 1e6)
                if metric == "small":
                    waited_s = time.perf_counter() - start_s
                    self._samples.add("throughput", path, waited_s / count * 1e6)
            self._count.add(path, count + at_once * 2)

    def _new_connections(self) -> None:
        """Connect, CONNECT, TLS and one request, less what a request costs on a connection that is there."""
        count = self._size.connections
        for path, proxy in self._field.whole.items():
            begun = proxy.process.cpu_s()
            for _ in range(count):
                with Connection(proxy.way) as connection:
                    connection.ask(SMALL)
            each = (proxy.process.cpu_s() - begun) / count * 1e6
            self._samples.add("connection", path, each - self._samples.last("single", path))
            self._count.add(path, count)

    def _streams(self, metric: str, request: bytes, count: int, at_once: int) -> None:
        for path, proxy in self._field.streaming.items():
            with connected(proxy.way, at_once) as connections:
                rolling(connections, SMALL, at_once)
                begun = proxy.process.cpu_s()
                rolling(connections, request, count)
                used = proxy.process.cpu_s() - begun
            self._samples.add(metric, path, used / (count * EVENTS) * 1e6)
            self._count.add(path, count + at_once)

    def _latencies(self) -> None:
        """Each proxied request beside a direct one, so that the difference is of the same moment."""
        ways, count = self._field.ways(self._field.whole), self._size.latencies
        with _one_each(ways) as open_:
            taken = [{path: timed_ms(open_[path], SMALL) for path in ways} for _ in range(count)]
        for path in self._field.whole:
            added = [each[path] - each[Path.DIRECT] for each in taken[1:]]
            self._samples.add("added_p50", path, median(added))
            self._samples.add("added_p99", path, quantile(added, 0.99))
            self._count.add(path, count)

    def _first_events(self) -> None:
        ways, count = self._field.ways(self._field.streaming), self._size.first_events
        with _one_each(ways) as open_:
            taken = [{path: first_event_ms(open_[path], SHORT) for path in ways} for _ in range(count)]
        for path in ways:
            self._samples.add("first_event", path, median(each[path] for each in taken[1:]))
            self._count.add(path, count)


def fresh(stock: Stock, ours: Sluiceway, size: Size, samples: Samples, count: Count) -> None:
    """Start-up and memory need new processes: what a process once held, it seldom gives back."""
    for path in (Path.STOCK, Path.OURS):
        proxy = stock.start(streams=True) if path is Path.STOCK else ours.start()
        try:
            with Connection(proxy.way) as connection:
                connection.ask(SMALL)
            samples.add("start", path, time.perf_counter() - proxy.process.started_s)
            warm_up(proxy)
            samples.add("left_open", path, _left_open(proxy))
            samples.add("stream_memory", path, _memory_per_stream(proxy, size.held_streams))
        finally:
            proxy.process.stop()
        count.add(path, 1 + WARM_REQUESTS + WARM_STREAMS + CLOSED + size.held_streams)


WARM_REQUESTS, WARM_STREAMS, CLOSED, SYNCS = 100, 16, 50, 15


def warm_up(proxy: Proxy) -> None:
    """First requests pay for imports, caches and certificates; none of that belongs to a unit."""
    with connected(proxy.way, 8) as connections:
        rolling(connections, SMALL, WARM_REQUESTS)
    with connected(proxy.way, WARM_STREAMS) as connections:
        for connection in connections:
            events = connection.ask(BURST).count(b"event: content_block_delta")
            if events != EVENTS:
                raise BadAnswerError(f"expected a stream of {EVENTS} events, got {events}")


def _left_open(proxy: Proxy) -> float:
    """Files that stay open after clients have gone; what closes within two seconds does not count."""
    deadline = time.monotonic() + 2
    before = proxy.process.open_files()
    for _ in range(CLOSED):
        with Connection(proxy.way) as connection:
            connection.ask(SMALL)
    while (left := proxy.process.open_files() - before) > 0 and time.monotonic() < deadline:
        time.sleep(0.05)
    return max(0, left)


def _memory_per_stream(proxy: Proxy, count: int) -> float:
    """Kilobytes that the process grows by for each stream that has begun and stays open."""
    before = proxy.process.resident_bytes()
    with connected(proxy.way, count) as connections:
        for connection in connections:
            connection.send(HELD)
        for connection in connections:
            connection.first_event()
        return (proxy.process.resident_bytes() - before) / count / 1000


def resident(process: Process) -> float:
    """Megabytes."""
    return process.resident_bytes() / 1e6


def sync_ms(folder: File) -> float:
    """How long this disk takes to keep 4 KB, median of a few. Sluiceway waits for it once before it forwards
    a request, so on a busy or slow disk the latencies below are mostly this."""
    taken = []
    with (folder / "sync").open("wb", buffering=0) as file:
        for _ in range(SYNCS):
            file.write(bytes(4096))
            start = time.perf_counter()
            os.fsync(file.fileno())
            taken.append((time.perf_counter() - start) * 1000)
    return median(taken)


@contextmanager
def connected(way: Way, count: int) -> Iterator[list[Connection]]:
    with ExitStack() as stack:
        yield [stack.enter_context(Connection(way)) for _ in range(count)]


@contextmanager
def _one_each(ways: Mapping[Path, Way]) -> Iterator[dict[Path, Connection]]:
    with ExitStack() as stack:
        yield {path: stack.enter_context(Connection(way)) for path, way in ways.items()}
