"""Finds the orders whose values the schema refuses, so that they fail alone, not with their batch."""

from __future__ import annotations

from collections.abc import Sequence

from sluiceway.errors import StoreError
from sluiceway.store import rows
from sluiceway.store.engines.connection import Connection
from sluiceway.store.moments import EPOCH
from sluiceway.store.orders import BAD_VALUE, Admit, Order, Record, Reply, Settle, log
from sluiceway.types import LedgerRow, Outcome

_PROBE_ID = -1
_PROBE = LedgerRow(
    request_id="",
    started_at=EPOCH,
    principal="",
    principal_kind="",
    team="",
    kind="probe",
    outcome=Outcome.OK,
)


def without_bad_values(connection: Connection, orders: Sequence[Order]) -> tuple[list[Order], list[Reply]]:
    """Tries each row in a transaction that is undone. The good orders, and the answers to the others.

    An end that cannot be stored becomes a plain one, charged what was reserved: its money may be spent.
    """
    good: list[Order] = []
    replies: list[Reply] = []
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(rows.INSERT, rows.recorded(_PROBE_ID, rows.final(_PROBE)))
        for number, order in enumerate(orders, start=1):
            if isinstance(order, Admit) and order.closes is not None:
                order.closes = _storable(connection, order.closes)
            if isinstance(order, Settle):
                good.append(_storable(connection, order))
            elif not isinstance(order, Admit | Record) or _takes(
                connection, rows.INSERT, rows.recorded(_PROBE_ID - number, order.params)
            ):
                good.append(order)
            else:
                replies.append((order.reply, StoreError("the store does not take this row")))
                good.extend([order.closes] if isinstance(order, Admit) and order.closes else [])
    finally:
        connection.execute("ROLLBACK")
    return good, replies


def _storable(connection: Connection, order: Settle) -> Settle:
    if order.params is None or _takes(connection, rows.SETTLE, (*order.params[:-1], _PROBE_ID)):
        return order
    log.error("the end of ledger row %d cannot be stored; it is charged what it reserved", order.ledger_id)
    return Settle(order.ledger_id, None, 0, None, order.reply)


def _takes(connection: Connection, statement: str, parameters: tuple[rows.Value, ...]) -> bool:
    connection.execute("SAVEPOINT probe")
    try:
        connection.execute(statement, parameters)
    except BAD_VALUE:
        connection.execute("ROLLBACK TO probe")
        return False
    finally:
        connection.execute("RELEASE probe")
    return True
