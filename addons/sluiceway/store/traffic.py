"""What passed undecrypted: AI hosts by name, all else as a total a day. Gathered, then written."""

from __future__ import annotations

import concurrent.futures
import threading
from collections.abc import Sequence

from sluiceway.store.engines.connection import Connection
from sluiceway.store.orders import Work

type _Sums = dict[tuple[str, ...], tuple[int, int, int]]  # key -> connections, bytes up, bytes down

_TUNNEL = """
INSERT INTO tunnels (day, connections, bytes_up, bytes_down) VALUES (?, ?, ?, ?)
ON CONFLICT (day) DO UPDATE SET
    connections = tunnels.connections + excluded.connections,
    bytes_up = tunnels.bytes_up + excluded.bytes_up,
    bytes_down = tunnels.bytes_down + excluded.bytes_down
"""
_SEEN = """
INSERT INTO discovery (day, host, reason, team, connections, bytes_up, bytes_down)
VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (day, host, reason, team) DO UPDATE SET
    connections = discovery.connections + excluded.connections,
    bytes_up = discovery.bytes_up + excluded.bytes_up,
    bytes_down = discovery.bytes_down + excluded.bytes_down
"""


class Traffic:
    """Sums of connections that ended; cheap to add to, from any thread. A crash loses the last seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sums: _Sums = {}

    def tunnel(self, day: str, bytes_up: int, bytes_down: int) -> None:
        """One tunnel to a host that is no AI host. `day` is YYYY-MM-DD, UTC."""
        self._add({(day,): (1, bytes_up, bytes_down)})

    def seen(self, day: str, host: str, reason: str, team: str, bytes_up: int, bytes_down: int) -> None:
        """One connection to an AI host that was not decrypted, and why."""
        self._add({(day, host, reason, team): (1, bytes_up, bytes_down)})

    def orders(self) -> Sequence[Work]:
        """The write that is due, if any. When it fails the sums are kept for the next time."""
        with self._lock:
            sums, self._sums = self._sums, {}
        if not sums:
            return ()

        def put_back(done: concurrent.futures.Future[None]) -> None:
            if done.exception() is not None:
                self._add(sums)

        reply: concurrent.futures.Future[None] = concurrent.futures.Future()
        reply.add_done_callback(put_back)
        return (Work(lambda connection: _write(connection, sums), reply),)

    def _add(self, sums: _Sums) -> None:
        with self._lock:
            for key, (connections, up, down) in sums.items():
                had = self._sums.get(key, (0, 0, 0))
                self._sums[key] = (had[0] + connections, had[1] + up, had[2] + down)


def _write(connection: Connection, sums: _Sums) -> None:
    for statement, length in ((_TUNNEL, 1), (_SEEN, 4)):
        parameters = [(*key, *total) for key, total in sorted(sums.items()) if len(key) == length]
        connection.executemany(statement, parameters)
