"""Rows whose usage comes with a later request, and an index to find an answer by the provider's id."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "deferred",
        sa.Column("ledger_id", ID, sa.ForeignKey("ledger.id"), primary_key=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("spends", sa.Boolean(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("settled_at", sa.BigInteger()),
    )
    op.create_table(
        "batch_files",
        sa.Column("digest", sa.LargeBinary(), primary_key=True),
        sa.Column("figures", sa.Text(), nullable=False),
        sa.Column("kept_at", sa.BigInteger(), nullable=False),
    )
    op.create_index("deferred_digest", "deferred", ["digest"])
    waiting = sa.text("settled_at IS NULL")
    op.create_index(
        "deferred_waiting", "deferred", ["expires_at"], sqlite_where=waiting, postgresql_where=waiting
    )
    told = sa.text("response_id IS NOT NULL")
    op.create_index("ledger_response", "ledger", ["response_id"], sqlite_where=told, postgresql_where=told)
