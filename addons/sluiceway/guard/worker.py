"""Scanning that takes long, in processes of its own: with a deadline, and never by silence.

The process of a `serve` must not stand still while a long text is scanned. Texts below a measured size
are scanned at once; longer ones, and the audit profile, go to a worker: a fresh Python process that
imports the guard and nothing else, spoken to over its pipes. A worker that is late or gone is replaced;
what it had is answered `Failed`, and `may_pass` says what a failure means.

This is the guard's only file with I/O.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import signal
import struct
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import IO, Any, Literal

from sluiceway.guard.patterns import Profile
from sluiceway.guard.scan import Scanner
from sluiceway.types import Finding

type Action = Literal["detect", "mask", "block"]
type FailMode = Literal["closed", "open"]
# 16,000 characters take 1 to 3 ms on a machine of two cores; a round trip to a worker costs 1 ms.
AT_ONCE_CHARACTERS = 16_000
MAX_WAITING = 64
# Address space of a worker: a text of 32 MB and its findings fit, a spaCy model too; a leak ends here.
MEMORY_BYTES = 4 << 30
HEADER = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class Failed:
    """No findings: the scan did not happen. It does not mean that there is nothing to find."""

    reason: Literal["deadline", "worker_lost", "overloaded"]


def may_pass(rules: Iterable[tuple[Action, FailMode]]) -> bool:
    """Whether a request whose scan failed may go on unscanned: only where every rule that would have been
    asked merely detects, and says `open`. Under a mask or a block nothing passes unmasked, ever."""
    return all(action == "detect" and mode == "open" for action, mode in rules)


class Workers:
    """A few worker processes: `async with Workers(...)`, or `begin` and later `retire`, for whoever must not
    wait. New recognisers need new Workers.

    `inline` scans what is short here and now; `recognizers` (JSON of company.Recognizers, null for none)
    is what the workers make their scanners from, so it must be what `inline` was made from.
    """

    def __init__(self, inline: Scanner, recognizers: str = "null", count: int = 1) -> None:
        self._inline = inline
        self._idle: asyncio.Queue[_Worker] = asyncio.Queue()
        self._workers = [_Worker(recognizers) for _ in range(count)]
        self._waiting = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended = False

    async def __aenter__(self) -> Workers:
        await asyncio.gather(*(worker.start() for worker in self._workers))
        for worker in self._workers:
            self._idle.put_nowait(worker)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.end()

    async def end(self) -> None:
        """Ends the processes now; scans that wait for them fail."""
        self._ended = True
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(worker.stop() for worker in self._workers))

    def begin(self) -> None:
        """Starts the processes in the background; scans wait for them, within their deadlines."""
        for worker in self._workers:
            self._soon(worker)

    async def retire(self) -> None:
        """Ends each process once those who wait for it now have had it. Whoever comes later is late."""
        for _ in self._workers:
            await self._idle.get()
        await self.end()

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes that run now."""
        return tuple(pid for worker in self._workers if (pid := worker.pid) is not None)

    @property
    def waiting(self) -> int:
        """How many scans wait for a worker or run in one."""
        return self._waiting

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
                    self._give_back(worker)
        except TimeoutError:
            return Failed("deadline")
        except (OSError, EOFError):
            return Failed("worker_lost")
        finally:
            self._waiting -= 1

    def _give_back(self, worker: _Worker) -> None:
        """For the next scan: at once, or when its process has been replaced."""
        if worker.pid is not None or self._ended:
            self._idle.put_nowait(worker)
        else:
            self._soon(worker)

    def _soon(self, worker: _Worker) -> None:
        task = asyncio.get_running_loop().create_task(self._started(worker))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _started(self, worker: _Worker) -> None:
        try:
            await worker.ready()
        except (OSError, EOFError):
            pass  # the next scan tries again, and says what became of it
        finally:
            self._idle.put_nowait(worker)


class _Worker:
    """One process, one request at a time. Whatever goes wrong in a request, the process is replaced."""

    def __init__(self, recognizers: str) -> None:
        self._recognizers = recognizers
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> None:
        """Start the process. It loads while the first request waits, or before there is one."""
        pipe = asyncio.subprocess.PIPE
        command = (sys.executable, "-P", "-m", "sluiceway.guard.worker")
        self._process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
        assert self._process.stdin is not None
        self._process.stdin.write(packed(json.loads(self._recognizers)))

    async def ready(self) -> None:
        """Start the process and wait until it has loaded, so that the first scan need not."""
        await self.scan((), "inline")

    async def stop(self) -> None:
        """End the process, if there is one."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def scan(self, texts: Sequence[str], profile: Profile) -> tuple[tuple[Finding, ...], ...]:
        """Ask the process; one that died since the last request is replaced first."""
        if self.pid is None:
            await self.stop()
            await self.start()
        try:
            return await self._ask({"texts": list(texts), "profile": profile})
        except BaseException:
            # Late, cancelled or gone: an answer still on its way must not meet the next request.
            await asyncio.shield(self.stop())
            raise

    async def _ask(self, request: dict[str, Any]) -> tuple[tuple[Finding, ...], ...]:
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        process.stdin.write(packed(request))
        await process.stdin.drain()
        (size,) = HEADER.unpack(await process.stdout.readexactly(HEADER.size))
        answer = json.loads(await process.stdout.readexactly(size))
        return tuple(tuple(Finding(*finding) for finding in findings) for findings in answer)


def packed(message: Any) -> bytes:
    """A message on a pipe: its length and its JSON."""
    data = json.dumps(message).encode()
    return HEADER.pack(len(data)) + data


def serve(read: IO[bytes], write: IO[bytes]) -> None:
    """The worker's side: the recognisers first, then texts to scan, until the pipe closes."""
    # Here, as it brings pydantic and content, which scanning in the calling process does not need.
    from sluiceway.guard.company import Recognizers
    from sluiceway.guard.load import NOTHING, scanner

    given = _received(read)
    recognizers = Recognizers.model_validate(given) if given else NOTHING
    scanners: dict[Profile, Scanner] = {"inline": scanner("inline", recognizers)}
    while (request := _received(read)) is not None:
        profile: Profile = request["profile"]
        if profile not in scanners:
            scanners[profile] = scanner(profile, recognizers)
        found = [scanners[profile].scan(text) for text in request["texts"]]
        write.write(packed([[(f.type, f.rule, f.start, f.end, f.score) for f in each] for each in found]))
        write.flush()


def _received(read: IO[bytes]) -> Any:
    """The next message, or None when the pipe is closed."""
    header = read.read(HEADER.size)
    return json.loads(read.read(*HEADER.unpack(header))) if len(header) == HEADER.size else None


def main() -> None:
    """`python -m sluiceway.guard.worker`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for `serve`, which drains first
    with contextlib.suppress(ValueError, OSError):  # a lower limit is in force already
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    try:
        serve(sys.stdin.buffer, sys.stdout.buffer)
    except Exception as error:
        # Only its class: a text of an exception may quote what was scanned.
        raise SystemExit(f"guard worker: {type(error).__name__}") from None


if __name__ == "__main__":
    main()
