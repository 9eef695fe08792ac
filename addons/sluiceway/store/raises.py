"""Raises of budgets: more for a while, asked for by one person and agreed to by another. Rows are never
deleted; what is over is history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import orjson

from sluiceway.errors import StoreError
from sluiceway.store.engines.connection import Connection
from sluiceway.store.moments import from_us, to_us
from sluiceway.store.people import Runner
from sluiceway.types import Raise, Unit

_COLUMNS = "budget, unit, holder, by_amount, to_amount, from_at, until_at, requester, approver, reason, actor"


@dataclass(frozen=True, slots=True)
class Raised:
    """A raise with who asked, who agreed, why, and who entered it (the OS user)."""

    id: int
    what: Raise
    unit: Unit
    requester: str
    approver: str
    reason: str
    actor: str
    withdrawn_at: datetime | None = None


class Raises:
    """`add` and `withdraw` block until they are on disk, with their event."""

    def __init__(self, run: Runner, read: Callable[[], Connection], now_us: Callable[[], int]) -> None:
        self._run, self._read, self._now_us = run, read, now_us

    def add(self, raised: Raised) -> int:
        """Writes one; its number. Raises StoreError for one that nobody else agreed to."""
        what = raised.what
        if raised.requester.strip().casefold() == raised.approver.strip().casefold():
            raise StoreError("a raise needs two people: whoever asks for it cannot approve it")
        values = (
            *(
                what.budget,
                raised.unit,
                what.only,
                what.by,
                what.to,
                to_us(what.from_at),
                to_us(what.until_at),
            ),
            *(raised.requester, raised.approver, raised.reason, raised.actor),
        )

        def write(connection: Connection) -> int:
            marks = ", ".join("?" * len(values))
            statement = f"INSERT INTO raises ({_COLUMNS}) VALUES ({marks}) RETURNING id"  # noqa: S608 - our own column names
            (number,) = connection.execute(statement, values).fetchone()
            self._note(connection, "budget_raised", raised.actor, {"id": number, **said(raised)})
            return int(number)

        return self._run(write)

    def withdraw(self, number: int, actor: str) -> Raised:
        """Ends a raise now. Raises StoreError where there is none in force of that number."""
        now_us = self._now_us()
        found = next((each for each in self.list() if each.id == number), None)
        if found is None or not found.what.until_at > from_us(now_us) or found.withdrawn_at is not None:
            raise StoreError(f"there is no raise {number} in force; `sluiceway budget raises` shows them")

        def write(connection: Connection) -> Raised:
            connection.execute(
                "UPDATE raises SET withdrawn_at = ? WHERE id = ? AND withdrawn_at IS NULL", (now_us, number)
            )
            detail = {"id": number, "budget": found.what.budget}
            self._note(connection, "budget_raise_withdrawn", actor, detail)
            return found

        return self._run(write)

    def _note(self, connection: Connection, kind: str, actor: str, detail: dict[str, object]) -> None:
        connection.execute(
            "INSERT INTO events (at, kind, actor, detail) VALUES (?, ?, ?, ?)",
            (self._now_us(), kind, actor, orjson.dumps(detail).decode()),
        )

    def list(self) -> tuple[Raised, ...]:
        """All there ever were, oldest first."""
        return self._select("1 = 1", ())

    def in_force(self) -> tuple[Raised, ...]:
        """Those that hold now or will."""
        return self._select("withdrawn_at IS NULL AND until_at > ?", (self._now_us(),))

    def _select(self, condition: str, parameters: tuple[int, ...]) -> tuple[Raised, ...]:
        connection = self._read()
        try:
            rows = connection.execute(
                f"SELECT id, withdrawn_at, {_COLUMNS} FROM raises WHERE {condition} ORDER BY id",  # noqa: S608 - our own column names
                parameters,
            ).fetchall()
        finally:
            connection.close()
        return tuple(_raised(*row) for row in rows)


def _raised(
    number: int,
    withdrawn_us: int | None,
    budget: str,
    unit: Unit,
    only: str | None,
    by: int,
    to: int | None,
    from_us_: int,
    until_us: int,
    *who: str,
) -> Raised:
    what = Raise(budget, from_us(from_us_), from_us(until_us), by, to, only)
    requester, approver, reason, actor = who
    withdrawn_at = None if withdrawn_us is None else from_us(withdrawn_us)
    return Raised(number, what, unit, requester, approver, reason, actor, withdrawn_at)


def said(raised: Raised) -> dict[str, object]:
    """A raise as an event tells it."""
    what = raised.what
    return {
        "budget": what.budget,
        "unit": raised.unit,
        "by": what.by,
        "to": what.to,
        "only": what.only,
        "until": what.until_at.isoformat(),
        "requester": raised.requester,
        "approver": raised.approver,
        "reason": raised.reason,
    }
