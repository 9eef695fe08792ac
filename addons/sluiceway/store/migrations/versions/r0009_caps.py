"""Budgets by key, provider, model and client: what deleted rows were charged is kept by these, too. Raises of
budgets, and alerts that are sent once. Counters of rolling windows are deleted as those of hours are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_BY = ("principal", "principal_kind", "team", "project", "cost_center")
_NEW = ("key_fingerprint", "provider", "model_routed", "client_name")
_SUMS = ("nusd", "requests", "tokens")


def upgrade() -> None:
    _carry_on()
    op.drop_index("counters_rates", "counters")
    passing = sa.text("\"window\" IN ('minute', 'hour', 'rolling')")
    op.create_index("counters_rates", "counters", ["ends_at"], sqlite_where=passing, postgresql_where=passing)
    op.create_table(
        "raises",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("budget", "unit")),
        sa.Column("holder", sa.Text),
        sa.Column("by_amount", sa.BigInteger, nullable=False),
        sa.Column("to_amount", sa.BigInteger),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("from_at", "until_at")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("requester", "approver", "reason", "actor")),
        sa.Column("withdrawn_at", sa.BigInteger),
    )
    op.create_table(
        "alerts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("once", sa.Text, nullable=False, unique=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("delivered", sa.Text, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("due_at", sa.BigInteger),
    )
    waiting = sa.text("due_at IS NOT NULL")
    op.create_index("alerts_due", "alerts", ["due_at"], sqlite_where=waiting, postgresql_where=waiting)


def _carry_on() -> None:
    """What was carried before has no provider, key, model or client that anybody knows."""
    op.rename_table("carried", "carried_before")
    op.create_table(
        "carried",
        *(sa.Column(name, sa.Text, nullable=False) for name in (*_BY, *_NEW)),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in _SUMS),
        sa.PrimaryKeyConstraint(*_BY, *_NEW, name="carried_by"),
    )
    same = ", ".join((*_BY, *_SUMS))
    nothing = ", ".join("''" for _ in _NEW)
    op.execute(
        f"INSERT INTO carried ({same}, {', '.join(_NEW)}) SELECT {same}, {nothing} FROM carried_before"  # noqa: S608 - our own column names
    )
    op.drop_table("carried_before")
