"""What corrects a row is found by its request; how full the windows of people's subscriptions are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0005"


def upgrade() -> None:
    condition = sa.text("kind = 'correction'")
    op.create_index(
        "ledger_corrects", "ledger", ["corrects"], sqlite_where=condition, postgresql_where=condition
    )
    op.create_table(
        "seats",
        sa.Column("principal", sa.Text, primary_key=True),
        sa.Column("provider", sa.Text, primary_key=True),
        sa.Column("window", sa.Text, primary_key=True),
        sa.Column("utilisation", sa.Float),
        sa.Column("resets_at", sa.BigInteger),
        sa.Column("status", sa.Text),
        sa.Column("seen_at", sa.BigInteger, nullable=False),
    )
