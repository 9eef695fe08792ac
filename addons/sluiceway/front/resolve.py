"""Owns name resolution: one lookup per name at a time, with a time limit and a short, bounded memory."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from sluiceway.front.names import IP

type Lookup = Callable[[str], Awaitable[Sequence[IP]]]

TIMEOUT_S = 5.0
REMEMBER_S = 30.0
REMEMBER_NAMES = 1024
# More addresses than anyone would dial one after another.
MOST_ADDRESSES = 16


def system_lookup(threads: int = 32) -> Lookup:
    """The operating system's resolver, in threads of its own.

    The loop's default pool has six threads on a small machine: a few names whose servers never answer would
    hold up every other lookup. Raises OSError when there is no answer.
    """
    pool = ThreadPoolExecutor(threads, thread_name_prefix="resolve")

    async def lookup(name: str) -> Sequence[IP]:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(pool, _getaddrinfo, name)
        # dict.fromkeys: the system may name an address once per protocol; its order is its advice (RFC 6724).
        return list(dict.fromkeys(ipaddress.ip_address(address) for address in found if "%" not in address))

    return lookup


def _getaddrinfo(name: str) -> list[str]:
    return [str(entry[4][0]) for entry in socket.getaddrinfo(name, 443, type=socket.SOCK_STREAM)]


class Resolver:
    """`resolve` answers from memory, joins a lookup that is under way, or starts one.

    Only good answers are remembered. `clock` is monotonic seconds.
    """

    def __init__(
        self,
        lookup: Lookup,
        *,
        clock: Callable[[], float] = time.monotonic,
        timeout_s: float = TIMEOUT_S,
        remember_s: float = REMEMBER_S,
        remember_names: int = REMEMBER_NAMES,
    ) -> None:
        self._lookup = lookup
        self._clock = clock
        self._timeout_s = timeout_s
        self._remember_s = remember_s
        self._remember_names = remember_names
        self._known: OrderedDict[str, tuple[float, tuple[IP, ...]]] = OrderedDict()
        self._running: dict[str, asyncio.Task[tuple[IP, ...]]] = {}

    async def resolve(self, name: str) -> tuple[IP, ...]:
        """The name's addresses in the order to try them. Raises OSError (no answer) or TimeoutError."""
        known = self._known.get(name)
        if known is not None and self._clock() < known[0]:
            return known[1]
        task = self._running.get(name)
        if task is None:
            task = asyncio.ensure_future(self._ask(name))
            self._running[name] = task
            task.add_done_callback(lambda done: self._finish(name, done))
        # shield: one caller that hangs up must not take the answer from the others.
        return await asyncio.shield(task)

    async def _ask(self, name: str) -> tuple[IP, ...]:
        found = await asyncio.wait_for(self._lookup(name), self._timeout_s)
        if not found:
            raise OSError("no addresses")
        return tuple(_plain(ip) for ip in found[:MOST_ADDRESSES])

    def _finish(self, name: str, task: asyncio.Task[tuple[IP, ...]]) -> None:
        self._running.pop(name, None)
        if task.cancelled() or task.exception() is not None:  # asking for it marks it as seen
            return
        self._known[name] = (self._clock() + self._remember_s, task.result())
        self._known.move_to_end(name)
        while len(self._known) > self._remember_names:
            self._known.popitem(last=False)


def _plain(ip: IP) -> IP:
    """An AAAA answer may hold an IPv4 address: it is judged and dialled as one."""
    return (ip.ipv4_mapped or ip) if isinstance(ip, ipaddress.IPv6Address) else ip
