"""Counters and open rows read from the database: at start, for a new cap, a late row, and after a failure."""

from __future__ import annotations

import sqlite3

from sluiceway.errors import StoreError
from sluiceway.store import scope
from sluiceway.store.accounts import Accounts, Counter
from sluiceway.store.moments import to_us
from sluiceway.store.records import Discrepancy
from sluiceway.types import Cap

_COUNTERS = "SELECT counter, scope, starts_at, ends_at, spent_nusd, reserved_nusd FROM counters"


def load(connection: sqlite3.Connection, now_us: int, next_id: int = 1) -> Accounts:
    """The accounts as the database has them. Ids are never used twice, so `next_id` is a lower bound."""
    (last_id,) = connection.execute("SELECT coalesce(max(id), 0) FROM ledger").fetchone()
    accounts = Accounts(max(next_id, last_id + 1), now_us)
    rows = connection.execute(
        "SELECT id, reserved_nusd, principal, principal_kind, team, project, cost_center, started_at, "
        "budgeted FROM ledger WHERE owner IS NOT NULL ORDER BY id"
    ).fetchall()
    earliest_us = min((row[7] for row in rows), default=now_us)
    _take_in(accounts, connection.execute(f"{_COUNTERS} WHERE ends_at IS NULL OR ends_at > ?", (now_us,)))
    cover(connection, accounts, earliest_us)
    for ledger_id, nusd, *who, started_us, budgeted in rows:
        accounts.adopt(ledger_id, nusd, scope.Who(*who), started_us, bool(budgeted))
    return accounts


def cover(connection: sqlite3.Connection, accounts: Accounts, started_us: int) -> None:
    """Makes sure that every stored counter a row started then may count on is in the accounts."""
    if started_us >= accounts.covered_from_us:
        return
    _take_in(accounts, connection.execute(f"{_COUNTERS} WHERE ends_at > ?", (started_us,)))
    accounts.covered_from_us = started_us


def open_counter(connection: sqlite3.Connection, accounts: Accounts, cap: Cap, key: str) -> None:
    """Makes sure that a cap's counter exists. A new one starts at the ledger's sum, never at zero."""
    if key in accounts.counters:
        return
    unknown = scope.unknown_dimension(cap.scope)
    if unknown is not None:
        raise StoreError(f"the ledger keeps no budget by {unknown!r}; use {', '.join(scope.DIMENSIONS)}")
    starts_us = to_us(cap.starts_at)
    ends_us = None if cap.ends_at is None else to_us(cap.ends_at)
    _take_in(accounts, connection.execute(f"{_COUNTERS} WHERE counter = ?", (key,)))
    if key in accounts.counters:  # its window is over, so it was not kept in memory
        return
    spent, reserved = ledger_sums(connection, cap.scope, starts_us, ends_us)
    connection.execute(
        'INSERT INTO counters (counter, scope, "window", starts_at, ends_at, spent_nusd, reserved_nusd) '
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (key, scope.to_json(cap.scope), cap.window, starts_us, ends_us, spent, reserved),
    )
    accounts.add(Counter(key, cap.scope, starts_us, ends_us, spent, reserved))


def ledger_sums(
    connection: sqlite3.Connection, of: scope.Scope, starts_us: int, ends_us: int | None
) -> tuple[int, int]:
    """What the ledger says is spent and reserved in a scope and window, in nano-dollars."""
    condition, parameters = scope.where(of, starts_us, ends_us)
    spent, reserved = connection.execute(
        "SELECT coalesce(sum(charged_nusd), 0), coalesce(sum(reserved_nusd), 0) "  # noqa: S608 - our own terms
        f"FROM ledger WHERE {condition}",
        parameters,
    ).fetchone()
    return spent, reserved


def discrepancies(connection: sqlite3.Connection) -> list[Discrepancy]:
    """Every counter that does not equal the ledger, to the nano-dollar. Run it in one read transaction."""
    found = []
    for key, of, starts_us, ends_us, spent, reserved in connection.execute(f"{_COUNTERS} ORDER BY counter"):
        ledger_spent, ledger_reserved = ledger_sums(connection, scope.from_json(of), starts_us, ends_us)
        if (spent, reserved) != (ledger_spent, ledger_reserved):
            found.append(Discrepancy(key, spent, reserved, ledger_spent, ledger_reserved))
    return found


def _take_in(accounts: Accounts, rows: sqlite3.Cursor) -> None:
    for key, of, starts_us, ends_us, spent, reserved in rows.fetchall():
        if key not in accounts.counters:
            accounts.add(Counter(key, scope.from_json(of), starts_us, ends_us, spent, reserved))
