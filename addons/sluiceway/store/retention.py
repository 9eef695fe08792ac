"""Deletes what has been kept long enough, in small steps, without changing what any budget or check says.

A deleted row's charge stays in `carried`, summed by whom scopes look at, because a lifetime budget counts all
there ever was. Counters of windows that began before the cut are deleted with their rows; the caller puts the
cut where no window is open any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sluiceway.store.engines.connection import Connection
from sluiceway.store.moments import to_us
from sluiceway.store.people import Runner

STEP_ROWS = 2000  # what one transaction deletes: some milliseconds of the writer's time

_CHOSEN = "SELECT id FROM ledger WHERE owner IS NULL AND started_at < ? ORDER BY started_at LIMIT ?"
_CARRY = """
INSERT INTO carried (principal, principal_kind, team, project, cost_center, key_fingerprint, provider,
                     model_routed, client_name, nusd, requests, tokens)
SELECT principal, principal_kind, team, coalesce(project, ''), coalesce(cost_center, ''),
       coalesce(key_fingerprint, ''), provider, lower(coalesce(model_routed, '')), coalesce(client_name, ''),
       sum(charged_nusd), sum(requests), sum(charged_tokens)
FROM ledger WHERE budgeted AND id IN (SELECT id FROM chosen)
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
ON CONFLICT (principal, principal_kind, team, project, cost_center, key_fingerprint, provider, model_routed,
             client_name) DO UPDATE SET
    nusd = carried.nusd + excluded.nusd,
    requests = carried.requests + excluded.requests,
    tokens = carried.tokens + excluded.tokens
"""
# Ways in that nobody has had for so long, and alerts that are over.
_ENDED = (
    "DELETE FROM ports WHERE released_at < ?",
    "DELETE FROM leases WHERE coalesce(ended_at, expires_at) < ?",
    "DELETE FROM alerts WHERE due_at IS NULL AND at < ?",
)


@dataclass(frozen=True, slots=True)
class Deleted:
    """How many rows went."""

    ledger: int = 0
    discovery: int = 0
    ended: int = 0

    @property
    def anything(self) -> bool:
        return bool(self.ledger or self.discovery or self.ended)


class Retention:
    """Each method blocks until its step is on disk."""

    def __init__(self, run: Runner) -> None:
        self._run = run

    def delete_rows(self, before: datetime, most: int = STEP_ROWS) -> int:
        """Deletes the oldest settled rows that started before a moment, at most so many; how many it were.
        Fewer than that: no more are left, and the counters over them are gone as well."""
        cut_us = to_us(before)

        def write(connection: Connection) -> int:
            connection.execute("CREATE TEMP TABLE IF NOT EXISTS chosen (id INTEGER PRIMARY KEY)")
            connection.execute("DELETE FROM chosen")
            connection.execute(f"INSERT INTO chosen {_CHOSEN}", (cut_us, most))
            connection.execute(_CARRY)
            connection.execute("DELETE FROM deferred WHERE ledger_id IN (SELECT id FROM chosen)")
            deleted = connection.execute("DELETE FROM ledger WHERE id IN (SELECT id FROM chosen)").rowcount
            connection.execute("DELETE FROM batch_files WHERE kept_at < ?", (cut_us,))
            # A counter that has lost some of its rows would not equal the ledger.
            connection.execute("DELETE FROM counters WHERE ends_at IS NOT NULL AND starts_at < ?", (cut_us,))
            return deleted

        return self._run(write)

    def delete_discovery(self, before: date) -> int:
        """Deletes the daily figures of undecrypted traffic from before a day (UTC)."""

        def write(connection: Connection) -> int:
            statements = ("DELETE FROM discovery WHERE day < ?", "DELETE FROM tunnels WHERE day < ?")
            return sum(connection.execute(each, (before.isoformat(),)).rowcount for each in statements)

        return self._run(write)

    def delete_ended(self, before: datetime) -> int:
        """Deletes ports and leases that ended before a moment, and alerts from before it."""
        cut = (to_us(before),)

        def write(connection: Connection) -> int:
            return sum(connection.execute(each, cut).rowcount for each in _ENDED)

        return self._run(write)
