"""What many nodes on one database need: who they are, whose rows were swept, and counters by scope."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("ledger", sa.Column("swept_from", sa.Text))
    op.create_table("counter_shapes", sa.Column("shape", sa.Text, primary_key=True))
    op.create_table(
        "nodes",
        sa.Column("node", sa.Text, primary_key=True),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("seen_at", sa.BigInteger, nullable=False),
        sa.Column("backend", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "slices",
        sa.Column("counter", sa.Text, primary_key=True),
        sa.Column("node", sa.Text, primary_key=True),
        sa.Column("unused", sa.BigInteger, nullable=False),
        sa.Column("spent", sa.BigInteger, nullable=False),
        sa.Column("called", sa.Boolean, nullable=False),
    )
    if op.get_bind().dialect.name != "sqlite":
        op.create_index("counters_scope", "counters", ["scope", "ends_at"])
        # A hot counter is rewritten with every batch: within its page, as long as there is room.
        op.execute(sa.text("ALTER TABLE counters SET (fillfactor = 50)"))
