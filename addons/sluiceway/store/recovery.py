"""Settles what a process that died left open: the provider may have billed it, so it is charged."""

from __future__ import annotations

from sluiceway.store import balances, rows
from sluiceway.store.amounts import DEFERRED
from sluiceway.store.engines.connection import Connection
from sluiceway.types import Outcome, UsageSource


def recover(connection: Connection, boot: str, now_us: int) -> int:
    """Ends every open row that another boot owns, in one transaction; how many there were.

    Their cost is unknown, and the caps are charged what was reserved. Deferred rows are nobody's and stay:
    the provider still works on them, and says later what they used.
    """
    connection.execute("BEGIN IMMEDIATE")
    left_open = connection.execute(
        "SELECT id FROM ledger WHERE owner IS NOT NULL AND owner NOT IN (?, ?) ORDER BY id", (boot, DEFERRED)
    ).fetchall()
    if left_open:
        accounts = balances.load(connection, now_us)
        ends = []
        for (ledger_id,) in left_open:
            charged = accounts.open[ledger_id].amounts.kept()
            accounts.settle(ledger_id, charged)
            ends.append(
                rows.closing(ledger_id, Outcome.INTERNAL_ERROR, UsageSource.ESTIMATED, charged, now_us)
            )
        connection.executemany(rows.CLOSE, ends)
        connection.executemany(rows.CHANGE, accounts.changes())
    connection.execute("COMMIT")
    return len(left_open)
