"""That Sluiceway did its work while it was measured: a row for each request, priced and charged to budgets."""

from __future__ import annotations

from sqlalchemy import func, select

from sluiceway.app.deployment import Deployment
from sluiceway.store.tables import counters, ledger

BUDGETS = 3


class Unaccounted(Exception):
    """The ledger does not show what was sent; the figures are not of a metered proxy."""


def check(deployment: Deployment, sent: int) -> None:
    """Raises Unaccounted unless all `sent` requests are settled and counted by every budget."""
    with deployment.store(writable=False) as store, store.read() as connection:
        rows = connection.execute(select(ledger.c.outcome, func.count()).group_by(ledger.c.outcome)).all()
        charged = connection.execute(select(func.sum(ledger.c.charged_nusd))).scalar_one()
        unpriced = connection.execute(
            select(func.count()).where(ledger.c.outcome == "ok", ledger.c.cost_nusd.is_(None))
        ).scalar_one()
        spent = connection.execute(select(counters.c.counter, counters.c.spent_nusd)).all()
    outcomes = {outcome: count for outcome, count in rows}
    if sum(outcomes.values()) != sent or set(outcomes) - {"ok", "client_cancelled"}:
        import shutil; shutil.copytree(deployment.folder,"/tmp/benchdep",dirs_exist_ok=True); raise Unaccounted(f"{sent} requests were sent, the ledger has {outcomes}")
    if unpriced or not charged:
        import shutil; shutil.copytree(deployment.folder,"/tmp/benchdep",dirs_exist_ok=True); raise Unaccounted(f"{unpriced} answers have no price, {charged} nano-dollars were charged")
    if len(spent) != BUDGETS or any(row.spent_nusd != charged for row in spent):
        import shutil; shutil.copytree(deployment.folder,"/tmp/benchdep",dirs_exist_ok=True); raise Unaccounted(f"{charged} nano-dollars were charged, the counters say {spent}")
