"""Ports in a row, for what cannot listen on port 0 because people are told its number beforehand."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack, closing


def free_range(size: int = 3, host: str = "127.0.0.1") -> range:
    """So many ports in a row that nothing uses, below those that the system hands out itself."""
    for first in range(20_000 + 20 * (os.getpid() % 550), 32_000, size):
        with ExitStack() as held:
            try:
                for port in range(first, first + size):
                    held.enter_context(closing(listening(host, port)))
            except OSError:
                continue
            return range(first, first + size)
    raise AssertionError("no free ports")


def listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family)
