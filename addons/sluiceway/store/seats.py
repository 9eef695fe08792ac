"""How full each person's subscription windows are: the latest word of the provider, in memory and in a table.

Only the latest state is kept, no history: it is there to tell people, not to watch them.
"""

from __future__ import annotations

import concurrent.futures
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sluiceway.store.engines.connection import Connection
from sluiceway.store.moments import from_us, to_us
from sluiceway.store.orders import Work
from sluiceway.types import SeatWindow

KEEP = timedelta(days=30)  # after that nobody uses the subscription any more

type _Key = tuple[str, str, str]  # principal, provider, window

_WRITE = """
INSERT INTO seats (principal, provider, "window", utilisation, resets_at, status, seen_at)
VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (principal, provider, "window") DO UPDATE SET
    utilisation = excluded.utilisation, resets_at = excluded.resets_at, status = excluded.status,
    seen_at = excluded.seen_at
"""
_READ = (
    'SELECT principal, provider, "window", utilisation, resets_at, status, seen_at FROM seats '
    'ORDER BY principal, provider, "window"'
)


@dataclass(frozen=True, slots=True)
class Seat:
    """One window of one person's subscription, as it was last seen."""

    principal: str
    provider: str
    window: SeatWindow
    seen_at: datetime

    def over(self, now: datetime) -> bool:
        """Whether the window has begun anew since."""
        return self.window.resets_at is not None and self.window.resets_at <= now


class Seats:
    """Cheap to add to, from any thread; written every few seconds. A crash loses the last of them."""

    def __init__(self, read: Callable[[], Connection]) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._new: dict[_Key, Seat] = {}

    def saw(self, principal: str, provider: str, windows: Sequence[SeatWindow], at: datetime) -> None:
        """What an answer to this person told."""
        with self._lock:
            for window in windows:
                self._new[principal, provider, window.name] = Seat(principal, provider, window, at)

    def all(self, principal: str | None = None) -> list[Seat]:
        """Every window known, or one person's: for lists and for the person's own page."""
        connection = self._read()
        try:
            rows = connection.execute(_READ).fetchall()
        finally:
            connection.close()
        found: dict[_Key, Seat] = {}
        for who, provider, name, utilisation, resets_us, status, seen_us in rows:
            resets_at = None if resets_us is None else from_us(resets_us)
            window = SeatWindow(name, utilisation, resets_at, status)
            found[who, provider, name] = Seat(who, provider, window, from_us(seen_us))
        with self._lock:
            found |= self._new
        return [seat for key, seat in sorted(found.items()) if principal in (None, seat.principal)]

    def orders(self) -> Sequence[Work]:
        """The write that is due, if any. When it fails, what is new is kept for the next time."""
        with self._lock:
            seats, self._new = self._new, {}
        if not seats:
            return ()

        def put_back(done: concurrent.futures.Future[None]) -> None:
            if done.exception() is not None:
                with self._lock:
                    self._new = seats | self._new

        reply: concurrent.futures.Future[None] = concurrent.futures.Future()
        reply.add_done_callback(put_back)
        return (Work(lambda connection: _write(connection, list(seats.values())), reply),)


def _write(connection: Connection, seats: Sequence[Seat]) -> None:
    connection.executemany(_WRITE, [_values(seat) for seat in seats])
    newest = max(seat.seen_at for seat in seats)
    connection.execute("DELETE FROM seats WHERE seen_at < ?", (to_us(newest - KEEP),))


def _values(seat: Seat) -> tuple[str | float | int | None, ...]:
    window = seat.window
    resets_us = None if window.resets_at is None else to_us(window.resets_at)
    told = (window.name, window.utilisation, resets_us, window.status)
    return (seat.principal, seat.provider, *told, to_us(seat.seen_at))
