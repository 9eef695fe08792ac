"""The simulated providers: an HTTPS server on loopback that behaves like the real ones on their names.

In a process of its own: `python -m sluiceway.demo.providers --folder DIR [--port N] [--log FILE.jsonl]`
prints one JSON line {"port", "ca_file"} when it is ready, and stops at SIGTERM or SIGINT.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import signal
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from random import Random

import orjson
from aiohttp import web

from sluiceway.demo import certificates, credentials, dialects, faults, reading, rejections, sockets
from sluiceway.demo.accounts import Accounts
from sluiceway.demo.exchange import Asked, Rejected, Reply, Served, body_of
from sluiceway.demo.faults import Fault
from sluiceway.demo.memory import Memory
from sluiceway.demo.pace import NO_LATENCY, Latency, Pace
from sluiceway.demo.record import Record, served
from sluiceway.demo.sending import Sent, send

ACCOUNT = "gateway@demo-project.iam.gserviceaccount.com"
# aiohttp logs raw bytes of requests it cannot parse, keys and prompts included.
_SILENT = logging.Logger("sluiceway.demo.silent", logging.CRITICAL + 1)


class Providers:
    """All simulated providers behind one port, and what they billed.

    `names` are further host names for the certificate. `log_file` gets each Served as a JSON line as soon
    as it is billed; `keep_log=False` leaves `log` empty, for benchmarks, which must not grow. With
    `keep_bodies` on, `bodies` has every request's body, for tests of what reaches a provider.
    """

    def __init__(
        self,
        *,
        latency: Latency | None = None,
        seed: int = 0,
        names: tuple[str, ...] = (),
        log_file: Path | None = None,
        keep_log: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.port = 0
        self.ca_file = Path()
        self.keep_bodies = False
        self.bodies: list[bytes] = []
        self.ahead_s = 0.0  # of their clock, before ours
        self._clock = clock
        self._names = (*dialects.PROVIDERS, *dialects.COMPATIBLE, "localhost", *names)
        self._pace = Pace(latency or Latency(), Random(seed))  # noqa: S311 (waits, not secrets)
        self._memory = Memory.empty(clock)
        self._record = Record(log_file, keep=keep_log)
        self._next_faults: dict[str, deque[tuple[Fault, ...]]] = {}
        self._standing_faults: dict[str, tuple[Fault, ...]] = {}
        self._listener: asyncio.Server | None = None
        self._server: web.Server | None = None

    async def start(self, folder: Path, *, port: int = 0) -> None:
        """Listen on 127.0.0.1. Certificates are made in `folder`, or found there."""
        context, self.ca_file = certificates.server_context(folder, self._names)
        self._server = web.Server(self._handle, handler_cancellation=True, access_log=None, logger=_SILENT)
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(self._server, "127.0.0.1", port, ssl=context, backlog=1024)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close everything; answers in flight are cut."""
        if self._listener is not None and self._server is not None:
            self._listener.close()
            transports = [connection.transport for connection in self._server.connections]
            await self._server.shutdown(0)
            for transport in transports:
                if transport is not None:
                    transport.abort()  # a client that never answers TLS's goodbye holds nobody up
            await self._listener.wait_closed()
            self._listener = None
        self._record.close()

    @property
    def log(self) -> list[Served]:
        """Every request that was answered, hung or refused, in order of arrival."""
        return self._record.log

    @property
    def billed(self) -> list[Served]:
        """The part of the log that costs money."""
        return [served for served in self.log if served.usage is not None]

    def fault(self, provider: str, text: str, *, times: int | None = None) -> None:
        """Let `provider` ("anthropic", "openai", ...) fail so: its next `times` requests, or from now on.
        "anthropic/claude-sonnet-4-5" lets one model of it fail, from now on."""
        self._pace.hold()
        if times is None:
            self._standing_faults[provider] = faults.parse(text)
        else:
            self._next_faults.setdefault(provider, deque()).extend([faults.parse(text)] * times)

    def let_jobs_take(self, seconds: float) -> None:
        """Work in the background is over so long after it began, also what has begun already."""
        self._memory.jobs.take_s = seconds

    def be_strict(self) -> None:
        """Refuse from now on what the real providers refuse in a conversation (`strict.py`)."""
        self._memory.manners.strict = True

    @property
    def accounts(self) -> Accounts:
        """Google's service accounts, and the access tokens given to them."""
        return self._memory.accounts

    def release(self) -> None:
        """Let streams that the fault `hold` stopped go on; call it in the loop that serves."""
        self._pace.release()

    def clear_faults(self) -> None:
        """From now on, only faults that a request asks for."""
        self._next_faults.clear()
        self._standing_faults.clear()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        raw = await reading.read(request)
        if self.keep_bodies:
            self.bodies.append(raw or b"")
        asked = reading.asked(request, raw or b"", int(self._clock() + self.ahead_s))
        if sockets.wanted(asked) and (carrier := self._carrier(asked)) is not None:
            return await carrier.converse(request)
        try:
            ordered = self._ordered(asked)
            reply = self._answer(asked, ordered, too_long=raw is None)
        except Rejected as rejected:
            ordered, reply = (), rejections.reply(asked.provider, rejected, asked.now)
        delivery = faults.delivery(ordered, request.headers.get("accept-encoding", ""))
        entry, sent = served(asked, reply, tuple(fault.name for fault in ordered)), Sent()
        place = self._record.begin(entry)
        try:
            return await send(request, reply, delivery, self._pace, sent)
        finally:
            self._record.end(place, entry, events_sent=sent.events, complete=sent.complete)

    def _carrier(self, asked: Asked) -> sockets.Carrier | None:
        """The socket, unless the upgrade is refused: for want of a key, or by a fault of its own. All other
        faults are left to the turns."""
        queue = self._next_faults.get(asked.provider)
        ordered = queue[0] if queue else self._standing_faults.get(asked.provider, ())
        try:
            credentials.check(asked.provider, asked.headers, asked.query)
            self.accounts.check(asked)
            if sockets.refuses(faults.parse(asked.headers.get("x-demo-fault", "")) or ordered):
                return None
        except (Rejected, ValueError):
            return None
        return sockets.Carrier(
            asked, self._sound_answer, lambda: self._ordered(asked), self._record, self._pace
        )

    def _sound_answer(self, asked: Asked) -> Reply:
        try:
            return dialects.answer(asked, self._memory)
        except Rejected as rejected:
            return rejections.reply(asked.provider, rejected, asked.now)

    def _ordered(self, asked: Asked) -> tuple[Fault, ...]:
        """The faults for this request: its own, else the provider's next, else its standing ones."""
        written = asked.headers.get("x-demo-fault")
        if written is not None:
            try:
                return faults.parse(written)
            except ValueError as error:
                raise Rejected(400, f"x-demo-fault: {error}") from None
        queue = self._next_faults.get(asked.provider)
        if queue:
            return queue.popleft()
        return self._of_model(asked) or self._standing_faults.get(asked.provider, ())

    def _of_model(self, asked: Asked) -> tuple[Fault, ...]:
        if not any("/" in name for name in self._standing_faults):
            return ()
        with contextlib.suppress(Rejected):
            return self._standing_faults.get(f"{asked.provider}/{body_of(asked).get('model')}", ())
        return ()

    def _answer(self, asked: Asked, ordered: tuple[Fault, ...], *, too_long: bool) -> Reply:
        if too_long:
            raise Rejected(413, "Request exceeds the maximum size")
        if not ordered:
            return dialects.answer(asked, self._memory)
        instead = faults.status(asked, ordered)
        if instead is not None:
            return instead
        if sockets.wanted(asked):
            return Reply(400, "", ())  # an upgrade that is not answered
        reply = dialects.answer(faults.prepared(asked, ordered), self._memory)
        return faults.altered(reply, asked, ordered)


async def _serve(providers: Providers, folder: Path, port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await providers.start(folder, port=port)
    ready = {"port": providers.port, "ca_file": str(providers.ca_file)}
    print(orjson.dumps(ready).decode(), flush=True)
    await stop.wait()
    await providers.stop()


def main() -> None:
    """The simulator as a process of its own."""
    parser = argparse.ArgumentParser(prog="python -m sluiceway.demo.providers", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where certificates are, or are made")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", type=Path, help="append what is billed here, one JSON line each")
    parser.add_argument("--first-ms", type=float, nargs=2, default=None, metavar=("LOW", "HIGH"))
    parser.add_argument("--between-ms", type=float, nargs=2, default=None, metavar=("LOW", "HIGH"))
    parser.add_argument("--no-latency", action="store_true", help="answer at once, for benchmarks")
    parser.add_argument(
        "--service-account", type=Path, help="write the key file of a Google service account there"
    )
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    usual = NO_LATENCY if options.no_latency else Latency()
    latency = Latency(
        tuple(options.first_ms) if options.first_ms else usual.first_ms,
        tuple(options.between_ms) if options.between_ms else usual.between_ms,
    )
    providers = Providers(latency=latency, seed=options.seed, log_file=options.log, keep_log=False)
    if options.service_account is not None:
        options.service_account.touch(mode=0o600)
        options.service_account.write_text(providers.accounts.key_file(ACCOUNT))
    asyncio.run(_serve(providers, options.folder, options.port))


if __name__ == "__main__":
    main()
