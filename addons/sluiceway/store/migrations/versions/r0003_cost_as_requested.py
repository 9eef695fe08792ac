"""What a moved request would have cost at the model that was asked for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("ledger", sa.Column("cost_as_requested_nusd", sa.BigInteger))
