"""What operators did: people changed, a report with names, rules loaded. On disk before it counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from sluiceway.store.engines.connection import Connection
from sluiceway.store.moments import from_us, to_us
from sluiceway.store.people import Runner


@dataclass(frozen=True, slots=True)
class Event:
    """One deed. `actor` is the operating system's user, or "serve"; `detail` holds no secrets."""

    at: datetime
    kind: str
    actor: str
    detail: Mapping[str, Any]


class Events:
    """The log of deeds. `record` blocks until it is on disk."""

    def __init__(self, run: Runner, read: Callable[[], Connection], now_us: Callable[[], int]) -> None:
        self._run, self._read, self._now_us = run, read, now_us

    def record(self, kind: str, actor: str, detail: Mapping[str, Any]) -> None:
        """Adds a deed; `detail` is anything JSON can hold, without secrets."""
        values = (self._now_us(), kind, actor, orjson.dumps(dict(detail)).decode())
        self._run(
            lambda connection: (
                connection.execute(
                    "INSERT INTO events (at, kind, actor, detail) VALUES (?, ?, ?, ?)", values
                ).rowcount
            )
        )

    def list(self, from_at: datetime, to_at: datetime) -> tuple[Event, ...]:
        """The deeds from one moment up to, but not including, another, oldest first."""
        connection = self._read()
        try:
            rows = connection.execute(
                "SELECT at, kind, actor, detail FROM events WHERE at >= ? AND at < ? ORDER BY id",
                (to_us(from_at), to_us(to_at)),
            ).fetchall()
        finally:
            connection.close()
        return tuple(
            Event(from_us(at), kind, actor, orjson.loads(detail)) for at, kind, actor, detail in rows
        )
