"""Rows that an order ends and that this node does not have open: swept while it was away, or deferred.

A node that was silent for too long is taken for dead, and another settles its rows, charged what they had
reserved (decision 0003). Should it come back and bring the true end of such a row, the sweep is undone in the
same transaction that ends it: the row is open again and holds what it was charged, and is then settled as any
other. So a row is charged once, whatever the order of events, and counters equal the ledger throughout.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sluiceway.store.amounts import DEFERRED, Amounts
from sluiceway.store.engines.adapter import Adapter, Many
from sluiceway.store.orders import Admit, Cancel, Defer, Order, Settle, TopUp
from sluiceway.store.scope import COLUMNS, Who
from sluiceway.store.shared_accounts import Concern, SharedAccounts

# A row that somebody corrected meanwhile stays as it is: the correction relies on what it says.
_LOST = f"""
SELECT id, owner, requests, reserved_nusd + charged_nusd, reserved_tokens + charged_tokens,
       {COLUMNS}, started_at, budgeted
FROM ledger AS row
WHERE id = ANY(?) AND (
  owner = ? OR owner IS NULL AND swept_from IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM ledger AS made WHERE made.kind = 'correction'
                  AND made.corrects = row.request_id AND made.attempt = row.attempt
                  AND coalesce(made.turn, -1) = coalesce(row.turn, -1)))
ORDER BY id FOR UPDATE OF row
"""  # noqa: S608 - our own column names
_REOPEN = (
    "UPDATE ledger SET owner = swept_from, swept_from = NULL, outcome = 'open', ended_at = NULL, "
    "reserved_nusd = charged_nusd, reserved_tokens = charged_tokens, charged_nusd = 0, charged_tokens = 0 "
    "WHERE id = ?"
)


@dataclass(frozen=True, slots=True)
class Lost:
    """A row that is open again for this batch."""

    ledger_id: int
    amounts: Amounts
    concern: Concern
    budgeted: bool
    deferred: bool

    def reopen(self, connection: Adapter, accounts: SharedAccounts) -> None:
        """Its counters are locked and read."""
        if self.deferred:
            accounts.adopt(self.ledger_id, self.amounts, *self.concern, self.budgeted, deferred=True)
            return
        connection.execute(_REOPEN, (self.ledger_id,))
        accounts.reopen(self.ledger_id, self.amounts, *self.concern, self.budgeted)


def lock_rows(connection: Adapter, accounts: SharedAccounts, orders: Iterable[Order]) -> list[Lost]:
    """Begins a transaction and locks the rows, where there are any; by id, before all other locks."""
    wanted = {ledger_id for order in orders for ledger_id in ended_by(order)} - accounts.open.keys()
    if not wanted:
        return []
    connection.execute("BEGIN")
    found = connection.execute(_LOST, (Many(sorted(wanted)), DEFERRED))
    return [
        Lost(
            ledger_id,
            Amounts(nusd, requests, tokens, int(owner is None)),
            Concern(Who(*who), started_us),
            budgeted,
            deferred=owner is not None,
        )
        for ledger_id, owner, requests, nusd, tokens, *who, started_us, budgeted in found
    ]


def ended_by(order: Order) -> Iterator[int]:
    """The rows that must be open for an order to do anything."""
    match order:
        case Settle() | TopUp() | Defer():
            yield order.ledger_id
        case Cancel() if order.admit.ledger_id:
            yield order.admit.ledger_id
        case Admit() if order.closes is not None:
            yield order.closes.ledger_id
