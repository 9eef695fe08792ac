"""That Sluiceway did its work while it was measured: every request has its row, its price, its budgets."""

from __future__ import annotations

from sqlalchemy import func, select

from sluiceway.app.deployment import Deployment
from sluiceway.store.tables import counters, ledger

BUDGETS = 3


class UnaccountedError(Exception):
    """The ledger does not show what was sent; the figures are not of a metered proxy."""


def check(deployment: Deployment, sent: int) -> None:
    """Raises UnaccountedError unless all `sent` requests are settled and counted by every budget."""
    with deployment.store(writable=False) as store, store.read() as connection:
        rows = connection.execute(
            select(ledger.c.outcome, func.count().label("rows")).group_by(ledger.c.outcome)
        ).all()
        charged = connection.execute(select(func.sum(ledger.c.charged_nusd))).scalar_one()
        unpriced = connection.execute(
            select(func.count()).where(ledger.c.outcome == "ok", ledger.c.cost_nusd.is_(None))
        ).scalar_one()
        spent = connection.execute(select(counters.c.counter, counters.c.spent)).all()
    outcomes = {row.outcome: row.rows for row in rows}
    if sum(outcomes.values()) != sent or set(outcomes) - {"ok", "client_cancelled"}:
        raise UnaccountedError(f"{sent} requests were sent, the ledger has {outcomes}")
    if unpriced or not charged:
        raise UnaccountedError(f"{unpriced} answers have no price, {charged} nano-dollars were charged")
    if len(spent) != BUDGETS or any(row.spent != charged for row in spent):
        raise UnaccountedError(f"{charged} nano-dollars were charged, the counters say {spent}")
