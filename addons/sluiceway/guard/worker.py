"""Scanning that takes long, in processes of its own: with a deadline, and never by silence.

The process of a `serve` must not stand still while a long text is scanned. Texts below a measured size
are scanned at once; longer ones, and the audit profile, go to a worker: a fresh Python process that
imports the guard and nothing else, spoken to over its pipes. A worker that is late or gone is replaced;
what it had is answered `Failed`, and `may_pass` says what a failure means.

This is the guard's only file with I/O.
"""

from __future__ import annotations

import asyncio
import json
import struct
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sluiceway.guard.patterns import Profile
from sluiceway.guard.scan import Scanner
from sluiceway.types import Finding

type Action = Literal["detect", "mask", "block"]
type FailMode = Literal["closed", "open"]
# 16,000 characters take 1 to 3 ms on a machine of two cores; a round trip to a worker costs 1 ms.
AT_ONCE_CHARACTERS = 16_000
MAX_WAITING = 64
HEADER = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class Failed:
    """No findings: the scan did not happen. It does not mean that there is nothing to find."""

    reason: Literal["deadline", "worker_lost", "overloaded"]


def may_pass(rules: Iterable[tuple[Action, FailMode]]) -> bool:
    """Whether a request whose scan failed may go on unscanned: only where every rule that would have been
    asked merely detects, and says `open`. Under a mask or a block nothing passes unmasked, ever."""
    return all(action == "detect" and mode == "open" for action, mode in rules)


@dataclass(frozen=True, slots=True)
class Setup:
    """What a worker needs to make the same scanners: a recognisers file's path, None for the built-in rules."""

    recognizers: str | None = None


class Workers:
    """A few worker processes. Start it within a running event loop, close it at the end."""

    def __init__(self, inline: Scanner, setup: Setup | None = None, count: int = 1) -> None:
        self._inline = inline
        self._setup = setup or Setup()
        self._idle: asyncio.Queue[_Worker] = asyncio.Queue()
        self._workers = [_Worker(self._setup) for _ in range(count)]
        self._waiting = 0

    async def __aenter__(self) -> Workers:
        await asyncio.gather(*(worker.start() for worker in self._workers))
        for worker in self._workers:
            self._idle.put_nowait(worker)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(worker.stop() for worker in self._workers))

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes that run now."""
        return tuple(pid for worker in self._workers if (pid := worker.pid) is not None)

    async def scan_many(
        self, texts: Sequence[str], profile: Profile, deadline_s: float
    ) -> tuple[tuple[Finding, ...], ...] | Failed:
        """The findings of each text, or Failed for all of them. Never later than the deadline."""
        if profile == self._inline.profile == "inline" and sum(map(len, texts)) <= AT_ONCE_CHARACTERS:
            return tuple(self._inline.scan(text) for text in texts)
        if self._waiting >= MAX_WAITING:
            return Failed("overloaded")
        self._waiting += 1
        try:
            async with asyncio.timeout(deadline_s):
                worker = await self._idle.get()
                try:
                    return await worker.scan(texts, profile)
                finally:
                    self._idle.put_nowait(worker)
        except TimeoutError:
            return Failed("deadline")
        except (OSError, EOFError):
            return Failed("worker_lost")
        finally:
            self._waiting -= 1


class _Worker:
    """One process, one request at a time. Whatever goes wrong in a request, the process is replaced."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> None:
        command = (sys.executable, "-m", "sluiceway.guard.worker", self._setup.recognizers or "")
        self._process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )

    async def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.kill()
        await process.wait()

    async def scan(self, texts: Sequence[str], profile: Profile) -> tuple[tuple[Finding, ...], ...]:
        if self.pid is None:
            await self.stop()
            await self.start()
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(packed({"texts": list(texts), "profile": profile}))
            await process.stdin.drain()
            (size,) = HEADER.unpack(await process.stdout.readexactly(HEADER.size))
            answer = json.loads(await process.stdout.readexactly(size))
        except BaseException:
            # Late, cancelled or gone: an answer still on its way must not meet the next request.
            process.kill()
            raise
        return tuple(tuple(Finding(*finding) for finding in findings) for findings in answer)


def packed(message: Any) -> bytes:
    """A message on a pipe: its length and its JSON."""
    data = json.dumps(message).encode()
    return HEADER.pack(len(data)) + data


def serve(recognizers: str) -> None:
    """The worker's side: scan what comes in until the pipe closes. Starts with a recognisers file or ''."""
    from sluiceway.guard.load import scanner  # here, as it brings pydantic, which `scan` alone does not need

    scanners: dict[str, Scanner] = {}
    read, write = sys.stdin.buffer, sys.stdout.buffer
    while len(header := read.read(HEADER.size)) == HEADER.size:
        request = json.loads(read.read(*HEADER.unpack(header)))
        profile: Profile = request["profile"]
        if profile not in scanners:
            scanners[profile] = scanner(profile, recognizers or None)
        found = [scanners[profile].scan(text) for text in request["texts"]]
        write.write(packed([[(f.type, f.rule, f.start, f.end, f.score) for f in each] for each in found]))
        write.flush()


if __name__ == "__main__":
    serve(sys.argv[1])
