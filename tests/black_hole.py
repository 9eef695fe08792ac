"""A way to a PostgreSQL server that can swallow everything, in both directions, without closing anything.

As a balancer that hangs, or a firewall that forgot its connections: what is sent is acknowledged and goes
nowhere, new connections are accepted and stay silent. Connections that lost bytes stay silent when the others
work again, so whoever waits for them must give them up by their own clock.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

from sqlalchemy.engine import URL, make_url


class BlackHole:
    """A relay on loopback, a thread for each direction of each connection."""

    def __init__(self, url: str) -> None:
        """`url`: of a database, reached over TCP or a socket file."""
        self._url = make_url(url)
        self._door = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._swallows = False
        self._silent: set[int] = set()  # connections that lost bytes
        self.swallowed = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """The same database by way of the relay."""
        port = self._door.getsockname()[1]
        there = URL.create("postgresql", self._url.username, self._url.password, "127.0.0.1", port)
        return there.set(database=self._url.database).render_as_string(hide_password=False)

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """Swallows what comes inside."""
        self._swallows = True
        yield
        self._swallows = False

    def close(self) -> None:
        for each in [self._door, *self._sockets]:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            for number in range(10**6):
                near, _ = self._door.accept()
                far = self._reach()
                self._sockets += [near, far]
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=(number, *pair), daemon=True).start()

    def _reach(self) -> socket.socket:
        where = self._url.query.get("host") or self._url.host or "127.0.0.1"
        port = self._url.port or 5432
        if str(where).startswith("/"):
            there = socket.socket(socket.AF_UNIX)
            there.connect(f"{where}/.s.PGSQL.{port}")
            return there
        return socket.create_connection((str(where), port))

    def _pass_on(self, number: int, source: socket.socket, to: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if self._swallows or number in self._silent:
                    self._silent.add(number)
                    self.swallowed += 1
                else:
                    to.sendall(data)
            if number not in self._silent:
                to.shutdown(socket.SHUT_WR)
