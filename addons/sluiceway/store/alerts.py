"""What people are told once: kept until every channel has it, across restarts, by whichever node comes first.

An alert is a row with a unique name, so of many that notice the same thing one writes it. To deliver is to
take the row for a while, send, and note which channels have it; what was taken and not finished becomes due
again. A crash between sending and noting sends twice, never not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from sluiceway.store.engines.connection import Connection
from sluiceway.store.moments import from_us
from sluiceway.store.people import Runner

TAKEN_US = 120 * 1_000_000  # how long whoever took an alert may need to send it
MAX_TRIES = 6
# After a failure: 10 s, 40 s, 160 s and so on.
FIRST_PAUSE_US = 10 * 1_000_000


@dataclass(frozen=True, slots=True)
class Alert:
    """Something to tell. `once` makes it the same alert as another; `detail` holds no secrets and no text of
    anybody's."""

    once: str
    kind: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Due:
    """An alert that this process is to deliver now. `delivered`: the channels that have it."""

    id: int
    at: datetime
    alert: Alert
    delivered: tuple[str, ...]
    tries: int


class Alerts:
    """Each method blocks until it is on disk."""

    def __init__(self, run: Runner, read: Callable[[], Connection], now_us: Callable[[], int]) -> None:
        self._run, self._read, self._now_us = run, read, now_us

    def add(self, alerts: Sequence[Alert]) -> list[Alert]:
        """Writes those that nobody wrote before, each with an event; which these were."""
        now_us = self._now_us()
        known = self._known([alert.once for alert in alerts])

        def write(connection: Connection) -> list[Alert]:
            return [alert for alert in alerts if alert.once not in known and _add(connection, alert, now_us)]

        return self._run(write) if any(alert.once not in known for alert in alerts) else []

    def _known(self, names: Sequence[str]) -> set[str]:
        """Those of these names that are written already: nearly always all, so no write is needed."""
        connection = self._read()
        try:
            found: set[str] = set()
            for start in range(0, len(names), 500):
                some = names[start : start + 500]
                marks = ", ".join("?" * len(some))
                rows = connection.execute(
                    f"SELECT once FROM alerts WHERE once IN ({marks})",  # noqa: S608 - question marks
                    tuple(some),
                )
                found.update(once for (once,) in rows.fetchall())
            return found
        finally:
            connection.close()

    def take(self, most: int = 20) -> list[Due]:
        """The alerts that are due, which are this process's to deliver from now on."""
        now_us = self._now_us()
        if not self._any_due(now_us):
            return []

        def write(connection: Connection) -> list[Due]:
            rows = connection.execute(
                "SELECT id, at, once, kind, detail, delivered, tries FROM alerts "
                "WHERE due_at IS NOT NULL AND due_at <= ? ORDER BY id LIMIT ?",
                (now_us, most),
            ).fetchall()
            until = now_us + TAKEN_US
            return [
                Due(number, from_us(at), Alert(once, kind, orjson.loads(detail)), _names(delivered), tries)
                for number, at, once, kind, detail, delivered, tries in rows
                if connection.execute(
                    "UPDATE alerts SET due_at = ?, tries = tries + 1 WHERE id = ? AND due_at <= ?",
                    (until, number, now_us),
                ).rowcount
                == 1
            ]

        return self._run(write)

    def _any_due(self, now_us: int) -> bool:
        connection = self._read()
        try:
            found = connection.execute(
                "SELECT 1 FROM alerts WHERE due_at IS NOT NULL AND due_at <= ? LIMIT 1", (now_us,)
            )
            return found.fetchone() is not None
        finally:
            connection.close()

    def done(self, due: Due, delivered: Sequence[str], failed: bool) -> bool:
        """Notes which channels have it. With `failed` it is tried again after a pause; False: that was the
        last try."""
        again = failed and due.tries + 1 < MAX_TRIES
        next_us = self._now_us() + FIRST_PAUSE_US * 4**due.tries if again else None
        parameters = (orjson.dumps(list(delivered)).decode(), next_us, due.id)
        statement = "UPDATE alerts SET delivered = ?, due_at = ? WHERE id = ?"
        self._run(lambda connection: connection.execute(statement, parameters).rowcount)
        return again or not failed


def _add(connection: Connection, alert: Alert, now_us: int) -> bool:
    detail = orjson.dumps(dict(alert.detail)).decode()
    added = connection.execute(
        "INSERT INTO alerts (once, at, kind, detail, delivered, tries, due_at) "
        "VALUES (?, ?, ?, ?, '[]', 0, ?) ON CONFLICT (once) DO NOTHING",
        (alert.once, now_us, alert.kind, detail, now_us),
    ).rowcount
    if added == 1:
        event = (now_us, f"alert_{alert.kind}", "serve", detail)
        connection.execute("INSERT INTO events (at, kind, actor, detail) VALUES (?, ?, ?, ?)", event)
    return added == 1


def _names(text: str) -> tuple[str, ...]:
    return tuple(str(each) for each in orjson.loads(text))
