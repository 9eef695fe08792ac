"""Ways in without credentials: per-employee ports, source-address leases, and the path a row came by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

# BigInteger does not autoincrement on SQLite; Integer is 64 bit there.
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("ledger", sa.Column("identity_path", sa.Text))
    _ports()
    _leases()


def _ports() -> None:
    op.create_table(
        "ports",
        sa.Column("id", ID, primary_key=True),
        sa.Column("person_id", ID, sa.ForeignKey("people.id"), nullable=False),
        sa.Column("port", sa.Integer, nullable=False),
        sa.Column("sources", sa.Text, nullable=False),
        sa.Column("granted_at", sa.BigInteger, nullable=False),
        sa.Column("released_at", sa.BigInteger),
    )
    _unique("ports_once", "ports", "port", "released_at IS NULL")
    _unique("ports_one_each", "ports", "person_id", "released_at IS NULL")


def _leases() -> None:
    op.create_table(
        "leases",
        sa.Column("id", ID, primary_key=True),
        sa.Column("person_id", ID, sa.ForeignKey("people.id"), nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("granted_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
    )
    _unique("leases_once", "leases", "address", "ended_at IS NULL")


def _unique(name: str, table: str, column: str, where: str) -> None:
    """One row at a time: those that ended are kept, as history."""
    condition = sa.text(where)
    op.create_index(name, table, [column], unique=True, sqlite_where=condition, postgresql_where=condition)
