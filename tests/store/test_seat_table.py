"""Seats: the latest word on each window, at once in memory and soon on disk."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import timedelta

from databases import Database
from store_world import NOON

from sluiceway.app.seats import listing
from sluiceway.store import Store
from sluiceway.store.seats import KEEP
from sluiceway.types import SeatWindow

SOON = NOON + timedelta(hours=1)


def window(used: float | None, name: str = "5h", status: str | None = "allowed") -> SeatWindow:
    return SeatWindow(name, used, SOON, status)


def write(store: Store) -> None:
    """What the writer does every few seconds."""
    for order in store.seats.orders():
        store._run(order.do)


def stored(database: Database) -> list[tuple[object, ...]]:
    with closing(database.connect()) as connection:
        return connection.execute(
            'SELECT principal, "window", utilisation FROM seats ORDER BY 1, 2'
        ).fetchall()


def test_the_latest_word_counts(store: Store, database: Database, reopen: Callable[..., Store]) -> None:
    store.seats.saw("alice", "anthropic", [window(0.1), window(0.5, "7d")], NOON)
    store.seats.saw("alice", "anthropic", [window(0.2)], NOON + timedelta(minutes=1))
    store.seats.saw("bob", "openai", [window(0.9)], NOON)
    assert [(seat.principal, seat.window.utilisation) for seat in store.seats.all()] == [
        ("alice", 0.2),
        ("alice", 0.5),
        ("bob", 0.9),
    ]
    assert stored(database) == []
    write(store)
    store.seats.saw("bob", "openai", [window(1.0, status="rejected")], NOON + timedelta(minutes=2))
    write(store)
    assert stored(database) == [("alice", "5h", 0.2), ("alice", "7d", 0.5), ("bob", "5h", 1.0)]
    store.close()
    (again,) = reopen(writable=False).seats.all("bob")
    assert (again.window.status, again.window.resets_at) == ("rejected", SOON)


def test_what_could_not_be_written_is_kept_unless_something_newer_came(
    store: Store, database: Database
) -> None:
    store.seats.saw("alice", "anthropic", [window(0.1), window(0.3, "7d")], NOON)
    (order,) = store.seats.orders()
    store.seats.saw("alice", "anthropic", [window(0.2)], NOON)
    order.reply.set_exception(OSError("the disk is full"))
    write(store)
    assert stored(database) == [("alice", "5h", 0.2), ("alice", "7d", 0.3)]


def test_a_seat_nobody_uses_any_more_is_forgotten(store: Store, database: Database) -> None:
    store.seats.saw("alice", "anthropic", [window(0.1)], NOON)
    write(store)
    store.seats.saw("bob", "anthropic", [window(0.1)], NOON + KEEP + timedelta(days=1))
    write(store)
    assert stored(database) == [("bob", "5h", 0.1)]


def test_a_window_that_has_begun_anew_says_so(store: Store) -> None:
    store.seats.saw("alice", "anthropic", [window(0.9)], NOON)
    (before,) = listing(store, now=SOON - timedelta(seconds=1))
    (after,) = listing(store, now=SOON)
    assert (before["utilisation"], before["status"]) == (0.9, "allowed")
    assert (after["utilisation"], after["status"]) == (None, "begun anew")
    assert listing(store, "bob") == []
