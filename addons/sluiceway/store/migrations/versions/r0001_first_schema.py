"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# BigInteger does not autoincrement on SQLite; Integer is 64 bit there.
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    for create in (_counters, _discovery, _events, _keys, _ledger, _people, _tunnels, _versions, _tokens):
        create()


def _counters() -> None:
    op.create_table(
        "counters",
        sa.Column("counter", sa.Text, primary_key=True),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("unit", sa.Text, nullable=False),
        sa.Column("window", sa.Text, nullable=False),
        sa.Column("starts_at", sa.BigInteger, nullable=False),
        sa.Column("ends_at", sa.BigInteger),
        sa.Column("spent", sa.BigInteger, nullable=False),
        sa.Column("reserved", sa.BigInteger, nullable=False),
    )
    op.create_index(
        "counters_rates",
        "counters",
        ["ends_at"],
        sqlite_where=sa.text("\"window\" IN ('minute', 'hour')"),
        postgresql_where=sa.text("\"window\" IN ('minute', 'hour')"),
    )


def _discovery() -> None:
    op.create_table(
        "discovery",
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("host", sa.Text, primary_key=True),
        sa.Column("reason", sa.Text, primary_key=True),
        sa.Column("team", sa.Text, primary_key=True),
        sa.Column("connections", sa.BigInteger, nullable=False),
        sa.Column("bytes_up", sa.BigInteger, nullable=False),
        sa.Column("bytes_down", sa.BigInteger, nullable=False),
    )


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("id", ID, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
    )


def _keys() -> None:
    op.create_table(
        "keys",
        sa.Column("id", ID, primary_key=True),
        sa.Column("label", sa.Text, nullable=False, unique=True),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("key_class", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False, unique=True),
        sa.Column("sealed", sa.LargeBinary),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("retired_at", sa.BigInteger),
    )


def _ledger() -> None:
    op.create_table(
        "ledger",
        sa.Column("id", ID, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("corrects", sa.Text),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("turn", sa.Integer),
        sa.Column("response_id", sa.Text),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("principal_kind", sa.Text, nullable=False),
        sa.Column("team", sa.Text, nullable=False),
        sa.Column("project", sa.Text),
        sa.Column("cost_center", sa.Text),
        sa.Column("key_fingerprint", sa.Text),
        sa.Column("key_class", sa.Text, nullable=False),
        sa.Column("client_name", sa.Text),
        sa.Column("client_version", sa.Text),
        sa.Column("agent", sa.Text),
        sa.Column("conversation_id", sa.Text),
        sa.Column("provider_requested", sa.Text, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("operation", sa.Text, nullable=False),
        sa.Column("dialect", sa.Text),
        sa.Column("upstream_dialect", sa.Text),
        sa.Column("stream", sa.Boolean, nullable=False),
        sa.Column("service_tier", sa.Text),
        sa.Column("model_requested", sa.Text),
        sa.Column("model_routed", sa.Text),
        sa.Column("model_served", sa.Text),
        sa.Column("route_rule", sa.Text),
        sa.Column("route_path", sa.Text),
        sa.Column("task", sa.Text),
        sa.Column("input_tokens", sa.BigInteger),
        sa.Column("cache_read_tokens", sa.BigInteger),
        sa.Column("cache_write_tokens", sa.BigInteger),
        sa.Column("cache_write_1h_tokens", sa.BigInteger),
        sa.Column("output_tokens", sa.BigInteger),
        sa.Column("reasoning_tokens", sa.BigInteger),
        sa.Column("audio_input_tokens", sa.BigInteger),
        sa.Column("audio_output_tokens", sa.BigInteger),
        sa.Column("image_tokens", sa.BigInteger),
        sa.Column("tool_units", sa.Text, nullable=False),
        sa.Column("usage_source", sa.Text, nullable=False),
        sa.Column("cost_nusd", sa.BigInteger),
        sa.Column("cost_basis", sa.Text, nullable=False),
        sa.Column("price_version", sa.Text),
        sa.Column("ttft_ms", sa.Float),
        sa.Column("duration_ms", sa.Float),
        sa.Column("overhead_ms", sa.Float),
        sa.Column("status", sa.Integer),
        sa.Column("upstream_status", sa.Integer),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("metered", sa.Boolean, nullable=False),
        sa.Column("refusal_code", sa.Text),
        sa.Column("refusal_rule", sa.Text),
        sa.Column("error_type", sa.Text),
        sa.Column("guard_findings", sa.Text, nullable=False),
        sa.Column("audit", sa.Text, nullable=False),
        sa.Column("policy_version", sa.Text),
        sa.Column("budgeted", sa.Boolean, nullable=False),
        sa.Column("charged_nusd", sa.BigInteger, nullable=False),
        sa.Column("reserved_nusd", sa.BigInteger, nullable=False),
        sa.Column("requests", sa.Integer, nullable=False),
        sa.Column("charged_tokens", sa.BigInteger, nullable=False),
        sa.Column("reserved_tokens", sa.BigInteger, nullable=False),
        sa.Column("owner", sa.Text),
    )
    op.create_index("ledger_started", "ledger", ["started_at"])
    op.create_index("ledger_principal", "ledger", ["principal", "started_at"])
    op.create_index("ledger_team", "ledger", ["team", "started_at"])
    op.create_index(
        "ledger_once",
        "ledger",
        ["request_id", "attempt", sa.text("coalesce(turn, -1)")],
        unique=True,
        sqlite_where=sa.text("kind = 'request'"),
        postgresql_where=sa.text("kind = 'request'"),
    )
    op.create_index(
        "ledger_open",
        "ledger",
        ["owner"],
        sqlite_where=sa.text("owner IS NOT NULL"),
        postgresql_where=sa.text("owner IS NOT NULL"),
    )


def _people() -> None:
    op.create_table(
        "people",
        sa.Column("id", ID, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("team", sa.Text, nullable=False),
        sa.Column("project", sa.Text),
        sa.Column("cost_center", sa.Text),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("disabled_at", sa.BigInteger),
    )


def _tunnels() -> None:
    op.create_table(
        "tunnels",
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("connections", sa.BigInteger, nullable=False),
        sa.Column("bytes_up", sa.BigInteger, nullable=False),
        sa.Column("bytes_down", sa.BigInteger, nullable=False),
    )


def _versions() -> None:
    op.create_table(
        "versions",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )


def _tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("id", ID, primary_key=True),
        sa.Column("person_id", ID, sa.ForeignKey("people.id"), nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger),
        sa.Column("revoked_at", sa.BigInteger),
    )
