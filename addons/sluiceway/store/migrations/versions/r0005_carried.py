"""What rows that were deleted had been charged, for budgets that count all there ever was."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "carried",
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("principal", "principal_kind", "team", "project", "cost_center")
        ),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("nusd", "requests", "tokens")),
        sa.PrimaryKeyConstraint("principal", "principal_kind", "team", "project", "cost_center"),
    )
