"""Open rows whose usage comes with a later request: which one a provider's id means, and which are overdue.

The ledger makes and ends them (`Ledger.defer`, `Ledger.collect`); here they are only found, by a keyed
digest, so that the database says nothing about a job that its reader could look up at the provider.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson

from sluiceway.store import rows
from sluiceway.store.engines.connection import Connection
from sluiceway.store.moments import to_us
from sluiceway.store.people import Runner
from sluiceway.store.records import Waiting

_WAITING = """
SELECT deferred.input_tokens AS estimated_tokens, spends, ledger.*
FROM deferred JOIN ledger ON ledger.id = ledger_id
WHERE settled_at IS NULL AND
"""
_KEEP = """
INSERT INTO batch_files (digest, figures, kept_at) VALUES (?, ?, ?)
ON CONFLICT (digest) DO UPDATE SET figures = excluded.figures, kept_at = excluded.kept_at
"""
MOST_AT_ONCE = 500  # overdue rows that one look takes up


def digest(key: bytes, provider: str, kind: str, remote_id: str) -> bytes:
    """What stands for a provider's job: two providers, or two kinds, never mean the same one."""
    return hmac.digest(key, "\0".join(("deferred", provider, kind, remote_id)).encode(), hashlib.sha256)


class Deferred:
    """Each method blocks on a small query."""

    def __init__(self, run: Runner, read: Callable[[], Connection]) -> None:
        self._run, self._read = run, read

    def keep_file(self, digest: bytes, figures: Mapping[str, Any], now: datetime) -> None:
        """Remembers what a file of requests asks for: counts and a model's name, no text."""
        values = (digest, orjson.dumps(figures).decode(), to_us(now))

        def write(connection: Connection) -> None:
            connection.execute(_KEEP, values)

        self._run(write)

    def file(self, digest: bytes) -> Mapping[str, Any] | None:
        """What `keep_file` was told of a file; None: it never was."""
        with closing(self._read()) as connection:
            statement = "SELECT figures FROM batch_files WHERE digest = ?"
            found = connection.execute(statement, (digest,)).fetchone()
        return None if found is None else orjson.loads(found[0])

    def find(self, digest: bytes) -> Waiting | None:
        """The open row that waits for this job: the first, should a provider have used an id twice."""
        found = self._found("digest = ? ORDER BY ledger_id LIMIT 1", (digest,))
        return found[0] if found else None

    def begun_by(self, digest: bytes) -> str | None:
        """Who began a job, waited for or not; None: not known."""
        with closing(self._read()) as connection:
            found = connection.execute(
                "SELECT principal FROM deferred JOIN ledger ON ledger.id = ledger_id WHERE digest = ? "
                "ORDER BY ledger_id LIMIT 1",
                (digest,),
            ).fetchone()
        return None if found is None else str(found[0])

    def overdue(self, now: datetime) -> list[Waiting]:
        """Those that have been waited for long enough, oldest first."""
        return self._found("expires_at <= ? ORDER BY expires_at LIMIT ?", (to_us(now), MOST_AT_ONCE))

    def last_usage(self, response_id: str) -> tuple[int, int] | None:
        """Input and output tokens of an answer that a provider remembers; None: not known here."""
        with closing(self._read()) as connection:
            found: tuple[int, int | None] | None = connection.execute(
                "SELECT input_tokens, output_tokens FROM ledger WHERE response_id = ? "
                "AND input_tokens IS NOT NULL ORDER BY id DESC LIMIT 1",
                (response_id,),
            ).fetchone()
        return None if found is None else (found[0], found[1] or 0)

    def _found(self, condition: str, parameters: tuple[int | bytes, ...]) -> list[Waiting]:
        with closing(self._read()) as connection:
            found = connection.execute(_WAITING + condition, parameters)
            names = [column[0] for column in found.description]
            return [_waiting(dict(zip(names, each, strict=True))) for each in found]


def _waiting(stored: Mapping[str, Any]) -> Waiting:
    row = rows.ledger_row(stored)
    return Waiting(
        stored["id"],
        replace(row, spends=bool(stored["spends"])),
        stored["estimated_tokens"],
        stored["reserved_nusd"],
    )
