"""`serve --workers N`: whole processes on the same ports, kept alive by one that carries no traffic itself.

The kernel spreads connections over the workers (SO_REUSEPORT), and the store, on PostgreSQL, is what they
have in common. The supervisor starts them, restarts one that died, passes on signals, and answers the control
socket for all of them. A worker that loses its supervisor drains and ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sluiceway.app import control, minting, notify
from sluiceway.app.control import Control
from sluiceway.app.deployment import Deployment
from sluiceway.errors import ConfigError, SluicewayError
from sluiceway.settings.addresses import Address
from sluiceway.settings.config import Listener

logger = logging.getLogger(__name__)

MOST = 64
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
STEADY_S = 60.0  # who lived that long is started again at once
KILLED_AFTER_S = 15.0  # beyond the drain time
# What changes something that each process keeps in memory beyond the directory, which they all watch.
EVERYWHERE = ("key.", "audit.")
# Figures of `status` that are sums over the workers, and those that are the same for all.
_SUMS = (
    "requests_in_flight",
    "sockets_open",
    "open_reservations",
    "waiting",
    "queued",
    "unsettled",
    "recovered",
    "spooled",
    "spool_bytes",
    "slices",
)


def must_be_possible(deployment: Deployment, workers: int) -> None:
    """Raises ConfigError where several processes could not share the deployment."""
    if not 1 <= workers <= MOST:
        raise ConfigError(f"--workers: write a number from 1 to {MOST}")
    if workers == 1:
        return
    if deployment.settings.store.startswith("sqlite:"):
        raise ConfigError(
            f"{deployment.config}: store: an SQLite file is written by one process, so --workers {workers} "
            "needs a PostgreSQL database; write store: postgresql://user@host/db"
        )


class Supervisor:
    """Runs `workers` processes until it is told to stop."""

    def __init__(self, deployment: Deployment, workers: int) -> None:
        self._deployment = deployment
        self._held = [_free_port(each.address) for each in deployment.settings.listeners]
        ports = [held.getsockname()[1] if held else each.address.port for held, each in self._pairs()]
        self._workers = [_Worker(deployment, number, ports) for number in range(workers)]
        self._ports = ports
        self._stopping = asyncio.Event()
        self._failed: str | None = None
        self._ready = 0
        self._first_up = asyncio.Event()  # it makes what a new deployment lacks; then the others start

    def _pairs(self) -> Iterable[tuple[socket.socket | None, Listener]]:
        return zip(self._held, self._deployment.settings.listeners, strict=True)

    async def run(self) -> None:
        """Raises SluicewayError where no worker could ever start."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        loop.add_signal_handler(signal.SIGHUP, self._pass_on, signal.SIGHUP)
        door = Control(self._deployment.config, self.operate)
        await door.start()
        try:
            async with asyncio.TaskGroup() as tasks:
                for worker in self._workers:
                    tasks.create_task(self._keep(worker))
        finally:
            await door.stop()
            for held in self._held:
                if held is not None:
                    held.close()
        if self._failed is not None:
            raise SluicewayError(self._failed)

    async def _keep(self, worker: _Worker) -> None:
        """Starts it again and again, more and more slowly while it does not last."""
        pause_s = FIRST_PAUSE_S
        if worker.number > 0:
            await self._first_up.wait()
        while not self._stopping.is_set():
            started_s = time.monotonic()
            status = await worker.live(self._came_up, self._stopping)
            if self._stopping.is_set():
                return
            if self._ready == 0:
                self._failed = f"worker {worker.number} could not start (exit {status}); see above"
                self._stop()
                return
            if time.monotonic() - started_s >= STEADY_S:
                pause_s = FIRST_PAUSE_S
            logger.error("worker %d ended (exit %s); it is started again", worker.number, status)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause_s)
            pause_s = min(LONGEST_PAUSE_S, pause_s * 2)

    def _came_up(self) -> None:
        self._ready += 1
        self._first_up.set()
        if self._ready == len(self._workers):
            notify.tell("READY=1")
            hosts = [each.address.host for each in self._deployment.settings.listeners]
            at = zip(hosts, self._ports, strict=True)
            addresses = ", ".join(str(Address(host, port)) for host, port in at)
            print(f"sluiceway: {len(self._workers)} workers on {addresses}", file=sys.stderr, flush=True)

    def _stop(self) -> None:
        """The second time, at once."""
        number = signal.SIGKILL if self._stopping.is_set() else signal.SIGTERM
        notify.tell("STOPPING=1")
        self._stopping.set()
        self._first_up.set()
        self._pass_on(number)

    def _pass_on(self, number: signal.Signals) -> None:
        for worker in self._workers:
            worker.send(number)

    # The control socket

    async def operate(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        """An operation for all workers, or for whichever of them answers."""
        if operation == "status":
            return _summed(await self._ask_all(operation, arguments))
        if operation == "reload":
            return _first(await self._ask_all(operation, arguments))
        result = await self._ask_one(operation, arguments)
        if operation.startswith(EVERYWHERE):
            await self._ask_all("reload", {})
        return result

    async def _ask_all(self, operation: str, arguments: Mapping[str, Any]) -> list[Any]:
        return await asyncio.gather(*(each.ask(operation, arguments) for each in self._workers))

    async def _ask_one(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        for worker in self._workers:
            answer = await worker.ask(operation, arguments)
            if not isinstance(answer, control.NotRunning):
                return _first([answer])
        raise control.NotRunning("no worker is running just now; try again in a moment")


class _Worker:
    """One place among the workers, and the process that fills it at the moment."""

    def __init__(self, deployment: Deployment, number: int, ports: Sequence[int]) -> None:
        self._deployment, self.number = deployment, number
        self._ports = ",".join(map(str, ports))
        self._process: asyncio.subprocess.Process | None = None

    async def live(self, came_up: Any, stopping: asyncio.Event) -> int:
        """From start to end; its exit status."""
        with _Readiness(came_up) as readiness:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "sluiceway", "serve"),
                *("--config", str(self._deployment.config), "--worker", str(self.number)),
                *("--ports", self._ports),
                stdin=asyncio.subprocess.PIPE,
                env=os.environ | {"NOTIFY_SOCKET": str(readiness.path)},
            )
            ended = asyncio.ensure_future(self._process.wait())
            stopped = asyncio.ensure_future(stopping.wait())
            await asyncio.wait((ended, stopped), return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            if not ended.done():
                self.send(signal.SIGTERM)  # it may have been started after the others were told
                within_s = self._deployment.settings.drain_timeout_s + KILLED_AFTER_S
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.shield(ended), within_s)
                if not ended.done():
                    self.send(signal.SIGKILL)
            return await ended

    def send(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def ask(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        """Its answer, or the error it gave."""
        try:
            return await asyncio.to_thread(
                control.ask, self._deployment.config, operation, arguments, self.number
            )
        except SluicewayError as error:
            return error


class _Readiness:
    """Hears from one process, in the words of sd_notify, that it is ready."""

    def __init__(self, came_up: Any) -> None:
        self._came_up = came_up
        self._folder = tempfile.TemporaryDirectory(prefix="sluiceway-")
        self.path = Path(self._folder.name) / "ready"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)

    def __enter__(self) -> _Readiness:
        self._socket.bind(str(self.path))
        asyncio.get_running_loop().add_reader(self._socket, self._hear)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        self._folder.cleanup()

    def _hear(self) -> None:
        if self._socket.recv(1024).startswith(b"READY=1"):
            self._came_up()


def _free_port(address: Address) -> socket.socket | None:
    """Holds a port for listeners that may have any, so that all workers have the same; None: it has one.
    It does not listen, so no connection comes its way."""
    if address.port != 0:
        return None
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    held = socket.socket(family, socket.SOCK_STREAM)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    held.bind((address.host, 0))
    return held


def at_ports(deployment: Deployment, worker: int, ports: str) -> Deployment:
    """The deployment as one worker serves it, at the ports that its supervisor chose."""
    settings = deployment.settings
    listeners = tuple(
        listener.model_copy(update={"address": Address(listener.address.host, int(port))})
        for listener, port in zip(settings.listeners, ports.split(","), strict=True)
    )
    return replace(deployment, settings=settings.model_copy(update={"listeners": listeners}), worker=worker)


def _first(answers: Sequence[Any]) -> Any:
    """An answer, if all gave one; else the first no."""
    for answer in answers:
        if isinstance(answer, SluicewayError):
            raise answer
    return answers[0]


def _summed(answers: Sequence[Any]) -> dict[str, Any]:
    """One status for all: sums where they add up, the rest as one of them has it, and each by itself."""
    alive = [answer for answer in answers if isinstance(answer, dict)]
    if not alive:
        raise control.NotRunning("no worker is running just now; try again in a moment")
    total = dict(alive[0])
    for name in _SUMS:
        if name in total:
            total[name] = sum(answer.get(name, 0) for answer in alive)
    total["draining"] = any(answer["draining"] for answer in alive)
    problems = [answer["rules_problem"] for answer in alive if answer["rules_problem"]]
    total["rules_problem"] = problems[0] if problems else None
    open_anywhere = (each for answer in alive for each in answer["breakers"])
    total["breakers"] = [
        dict(pairs) for pairs in dict.fromkeys(tuple(each.items()) for each in open_anywhere)
    ]
    total["access_tokens"] = minting.of_all(alive)
    total["workers"] = [
        {"worker": number, "up": isinstance(answer, dict)}
        | ({name: answer[name] for name in _SUMS if name in answer} if isinstance(answer, dict) else {})
        for number, answer in enumerate(answers)
    ]
    return total
