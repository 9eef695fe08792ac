"""The listening sockets of people's own ports, opened and closed as ports are granted and released.

A connection is remembered by the grant its port was open for when it came, so that a port which has become
somebody else's in the meantime never makes one person another. What is open stays open when a socket closes:
the gateway and `front.revocation` end it.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.master import Master

from sluiceway.front.entrance import admit, mode_at
from sluiceway.front.listening import why_not
from sluiceway.front.visit import Parts, Visits
from sluiceway.settings.identity import PortRange
from sluiceway.store.directory import Port

logger = logging.getLogger(__name__)

POLL_S = 0.5
BACKLOG = 128


@dataclass(frozen=True, slots=True)
class _Open:
    grant: int
    server: asyncio.Server


class OwnPorts:
    """One task from `start` to `stop`. `problems` says, by port, why one that was granted is not open."""

    def __init__(
        self, settings: PortRange, parts: Parts, visits: Visits, master: Master, proxyserver: Proxyserver
    ) -> None:
        self._settings = settings
        self._parts = parts
        self._visits = visits
        self._master = master
        self._proxyserver = proxyserver
        self._open: dict[int, _Open] = {}
        self._task: asyncio.Task[None] | None = None
        self._one_at_a_time = asyncio.Lock()
        self.problems: dict[int, str] = {}

    async def start(self) -> None:
        """Opens what was granted before. One that cannot be had is said and tried again, like a new one."""
        await self.sync()
        self._task = asyncio.get_running_loop().create_task(self._watch())

    def stop(self) -> None:
        """No new connections; those that are open go on."""
        if self._task is not None:
            self._task.cancel()
        for number in list(self._open):
            self._close(number)

    @property
    def numbers(self) -> list[int]:
        """The ports that are open."""
        return sorted(self._open)

    async def sync(self) -> None:
        """Makes the open sockets those that the directory names."""
        async with self._one_at_a_time:
            wanted = {port.number: port for port in self._parts.store.directory.ports()}
            for number, opened in list(self._open.items()):
                if number not in wanted or wanted[number].id != opened.grant:
                    self._close(number)
            for number in self.problems.keys() - wanted.keys():
                del self.problems[number]
            for number in wanted.keys() - self._open.keys():
                await self._try(wanted[number])

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(POLL_S)
            try:
                await self.sync()
            except Exception as error:
                logger.error("watching for granted ports failed: %s", type(error).__name__)

    async def _try(self, port: Port) -> None:
        problem = await self._listen(port)
        if problem is None:
            self.problems.pop(port.number, None)
        elif self.problems.get(port.number) != problem:
            self.problems[port.number] = problem
            logger.warning("a port is granted and not open: %s", problem)

    async def _listen(self, port: Port) -> str | None:
        host, number = self._settings.address, port.number
        if number not in self._settings.numbers:
            return f"{number} lies outside identity.ports; release it, or widen the range"
        mode = mode_at(host, number)

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await admit(
                self._master,
                self._proxyserver,
                mode,
                reader,
                writer,
                lambda client: self._visits.came_by(client, port.id),
            )

        try:
            server = await asyncio.start_server(
                handle, host, number, backlog=BACKLOG, reuse_port=self._parts.shares_ports
            )
        except OSError as error:
            return why_not(host, number, error)
        self._open[number] = _Open(port.id, server)
        self._parts.admission.add_own(host, number)
        return None

    def _close(self, number: int) -> None:
        self._open.pop(number).server.close()
