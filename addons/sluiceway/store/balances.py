"""Counters and open rows read from the database: at start, for a new cap, a late row, and after a failure."""

from __future__ import annotations

from sluiceway.errors import StoreError
from sluiceway.store import scope
from sluiceway.store.accounts import Accounts, Counter
from sluiceway.store.amounts import CARRIED, DEFERRED, SUMS, Amounts
from sluiceway.store.engines.connection import Connection, Cursor
from sluiceway.store.moments import to_us
from sluiceway.store.records import Discrepancy
from sluiceway.types import Cap, Unit

_COUNTERS = "SELECT counter, scope, unit, starts_at, ends_at, spent, reserved FROM counters"
OVER = "SELECT counter FROM counters WHERE \"window\" IN ('minute', 'hour', 'rolling') AND ends_at <= ?"
# What nodes hold of a counter for themselves (store/slices.py).
_SLICED = "SELECT counter, sum(unused), sum(spent) FROM slices GROUP BY counter"
_OPEN = (
    f"SELECT id, owner, reserved_nusd, requests, reserved_tokens, {scope.COLUMNS}, started_at, budgeted "  # noqa: S608 - our own column names
    "FROM ledger WHERE owner IS NOT NULL ORDER BY id"
)
# Few rows are open, and each is found by an index that the conditions of a scope would lead away from.
OPEN_ROWS = "WITH open_rows AS MATERIALIZED (SELECT * FROM ledger WHERE owner IS NOT NULL) "


def load(connection: Connection, now_us: int, next_id: int = 1) -> Accounts:
    """The accounts as the database has them. Ids are never used twice, so `next_id` is a lower bound."""
    (last_id,) = connection.execute("SELECT coalesce(max(id), 0) FROM ledger").fetchone()
    accounts = Accounts(max(next_id, last_id + 1), now_us)
    rows = connection.execute(_OPEN).fetchall()
    earliest_us = min((row[-2] for row in rows), default=now_us)
    _take_in(accounts, connection.execute(f"{_COUNTERS} WHERE ends_at IS NULL OR ends_at > ?", (now_us,)))
    cover(connection, accounts, earliest_us)
    for ledger_id, owner, nusd, requests, tokens, *who, started_us, budgeted in rows:
        deferred = owner == DEFERRED
        amounts = Amounts(nusd, requests, tokens, 0 if deferred else 1)
        accounts.adopt(ledger_id, amounts, scope.Who(*who), started_us, bool(budgeted), deferred)
    return accounts


def cover(connection: Connection, accounts: Accounts, started_us: int) -> None:
    """Makes sure that every stored counter a row started then may count on is in the accounts."""
    if started_us >= accounts.covered_from_us:
        return
    _take_in(accounts, connection.execute(f"{_COUNTERS} WHERE ends_at > ?", (started_us,)))
    accounts.covered_from_us = started_us


def open_counter(connection: Connection, accounts: Accounts, cap: Cap, key: str) -> None:
    """Makes sure that a cap's counter exists. A new one starts at the ledger's sum, never at zero."""
    if key in accounts.counters:
        return
    unknown = scope.unknown_dimension(cap.scope)
    if unknown is not None:
        raise StoreError(f"the ledger keeps no budget by {unknown!r}; use {', '.join(scope.DIMENSIONS)}")
    if cap.window == "lifetime" and "conversation" in dict(cap.scope):
        raise StoreError("a conversation has no budget for ever, since its rows are deleted one day")
    starts_us = to_us(cap.starts_at)
    ends_us = None if cap.ends_at is None else to_us(cap.ends_at)
    _take_in(accounts, connection.execute(f"{_COUNTERS} WHERE counter = ?", (key,)))
    if key in accounts.counters:  # its window is over, so it was not kept in memory
        return
    spent, reserved = _begins_with(connection, accounts, cap, starts_us, ends_us)
    connection.execute(
        'INSERT INTO counters (counter, scope, unit, "window", starts_at, ends_at, spent, reserved) '
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (key, scope.to_json(cap.scope), cap.unit, cap.kind, starts_us, ends_us, spent, reserved),
    )
    accounts.add(Counter(key, cap.scope, cap.unit, starts_us, ends_us, spent, reserved))


def _begins_with(
    connection: Connection, accounts: Accounts, cap: Cap, starts_us: int, ends_us: int | None
) -> tuple[int, int]:
    """What a new counter starts at. A rolling window moves on every few minutes or hours: from where it was,
    without what fell out of it and with what came in, it is a sum over a small part of its rows."""
    before = None
    if cap.kind == "rolling" and ends_us is not None:
        before = accounts.previous(connection, cap, starts_us, ends_us)
    if before is None or before.ends_us is None:
        return ledger_sums(connection, cap.scope, cap.unit, starts_us, ends_us)
    out = ledger_sums(connection, cap.scope, cap.unit, before.starts_us, starts_us)
    come = ledger_sums(connection, cap.scope, cap.unit, before.ends_us, ends_us)
    return before.spent - out[0] + come[0], before.reserved - out[1] + come[1]


def let_go(connection: Connection, accounts: Accounts, before_us: int) -> None:
    """Deletes the counters of minutes, hours and rolling windows that ended before this moment and that
    nobody uses any more.

    They only save adding up: should one be asked for again, it starts at the ledger's sum.
    """
    over = connection.execute(OVER, (before_us,))
    unused = [(key,) for (key,) in over.fetchall() if key not in accounts.counters]
    connection.executemany("DELETE FROM counters WHERE counter = ?", unused)


def ledger_sums(
    connection: Connection, of: scope.Scope, unit: Unit, starts_us: int, ends_us: int | None
) -> tuple[int, int]:
    """What the ledger says is spent and reserved in a scope and window, in nano-dollars or counted."""
    condition, parameters = scope.where(of, starts_us, ends_us)
    spent, reserved = SUMS[unit]
    carried = "0"
    carried_parameters: list[str] = []
    if ends_us is None and unit in CARRIED:  # in one statement: rows may be deleted and carried meanwhile
        of_whom, carried_parameters = scope.of_whom(of)
        carried = f"(SELECT coalesce(sum({CARRIED[unit]}), 0) FROM carried WHERE {of_whom})"  # noqa: S608 - our own columns
    what = f"SELECT coalesce({spent}, 0) + {carried}, coalesce({reserved}, 0) FROM"
    rows = f"{what} ledger WHERE {condition}"
    if unit == "concurrent":
        rows = f"{OPEN_ROWS}{what} open_rows WHERE {condition}"
    found: tuple[int, int] = connection.execute(rows, [*carried_parameters, *parameters]).fetchone()
    return found


def discrepancies(connection: Connection) -> list[Discrepancy]:
    """Every counter that does not equal the ledger, to the nano-dollar. Run it in one read transaction."""
    found = []
    sliced = {key: (unused, spent) for key, unused, spent in connection.execute(_SLICED)}
    for key, of, unit, starts_us, ends_us, spent, reserved in connection.execute(
        f"{_COUNTERS} ORDER BY counter"
    ).fetchall():
        unused, unfolded = sliced.get(key, (0, 0))
        spent, reserved = spent + unfolded, reserved - unused - unfolded
        sums = ledger_sums(connection, scope.from_json(of), unit, starts_us, ends_us)
        if (spent, reserved) != sums:
            found.append(Discrepancy(key, unit, spent, reserved, *sums))
    return found


def _take_in(accounts: Accounts, rows: Cursor) -> None:
    for key, of, *figures in rows.fetchall():
        if key not in accounts.counters:
            accounts.add(Counter(key, scope.from_json(of), *figures))
