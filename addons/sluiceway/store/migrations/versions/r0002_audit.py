"""The audit: facts, ciphertext, the log over both, and the triggers that guard them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sluiceway.store.audit_guards import all_guards
from sluiceway.store.engines.connection import Dialect

revision = "0002"
down_revision = "0001"

# BigInteger is not a type of STRICT tables; Integer is 64 bit on SQLite.
WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    for create in (
        _holders,
        _disclosures,
        _acknowledgements,
        _data_keys,
        _entries,
        _access,
        _shreds,
        _sealed,
        _wraps,
        _releases,
        _log,
        _checkpoints,
        _pending,
    ):
        create()
    # The guards of today: a revision that changes one drops it and creates it anew.
    dialect: Dialect = "sqlite" if op.get_bind().dialect.name == "sqlite" else "postgresql"
    for guard in all_guards(dialect).values():
        for statement in guard.statements(dialect):
            op.execute(sa.text(statement))


def _create(name: str, *parts: sa.schema.SchemaItem) -> None:
    op.create_table(name, *parts, sqlite_strict=True, sqlite_with_rowid=False)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable)


def _whole(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, WHOLE, nullable=nullable)


def _blob(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary, nullable=False)


def _holders() -> None:
    _create(
        "audit_holders",
        _text("id"),
        _whole("at"),
        _text("holders"),
        sa.PrimaryKeyConstraint("id"),
    )


def _disclosures() -> None:
    _create(
        "audit_disclosures",
        _text("id"),
        _whole("at"),
        _text("person"),
        _text("rule"),
        _text("notice"),
        _text("text"),
        _text("channel"),
        _text("actor"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("id", "person", "notice", "at"),
        sa.CheckConstraint("length(trim(text)) > 0"),
    )


def _acknowledgements() -> None:
    _create(
        "audit_acknowledgements",
        _text("id"),
        _whole("at"),
        _text("person"),
        _text("notice"),
        _whole("disclosed_at"),
        _text("channel"),
        _text("actor"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("id", "person", "notice", "at"),
        sa.ForeignKeyConstraint(
            ["id", "person", "notice", "disclosed_at"],
            [
                "audit_disclosures.id",
                "audit_disclosures.person",
                "audit_disclosures.notice",
                "audit_disclosures.at",
            ],
        ),
        sa.CheckConstraint("at >= disclosed_at"),
    )


def _data_keys() -> None:
    _create(
        "audit_data_keys",
        _text("id"),
        _whole("at"),
        _text("person"),
        _text("day"),
        _text("node"),
        _text("boot"),
        _whole("expires_at"),
        _text("holders"),
        _text("wraps"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("id", "person"),
        sa.ForeignKeyConstraint(["holders"], ["audit_holders.id"]),
        sa.CheckConstraint("expires_at > at"),
    )
    op.create_index("audit_data_keys_person", "audit_data_keys", ["person", "day"])


def _entries() -> None:
    _create(
        "audit_entries",
        _text("id"),
        _text("request_id"),
        _whole("attempt"),
        _whole("started_at"),
        _whole("ended_at", nullable=True),
        _whole("recorded_at"),
        _text("person"),
        _text("team"),
        _text("key_class"),
        _text("provider"),
        _text("model", nullable=True),
        _text("client_name", nullable=True),
        _text("outcome", nullable=True),
        _whole("status", nullable=True),
        _text("rule"),
        _text("mode"),
        _text("purpose"),
        _text("agreement"),
        _text("until"),
        _whole("until_at"),
        _whole("keep_days"),
        _text("notice"),
        _text("disclosure"),
        _whole("acknowledged_at"),
        _text("content"),
        _text("data_key", nullable=True),
        _text("findings"),
        _text("sealed"),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(
            ["disclosure", "person", "notice", "acknowledged_at"],
            [
                "audit_acknowledgements.id",
                "audit_acknowledgements.person",
                "audit_acknowledgements.notice",
                "audit_acknowledgements.at",
            ],
        ),
        sa.ForeignKeyConstraint(["data_key", "person"], ["audit_data_keys.id", "audit_data_keys.person"]),
        sa.CheckConstraint("(content = 'sealed') = (data_key IS NOT NULL)"),
        sa.CheckConstraint("(content = 'sealed') = (sealed <> '[]')"),
        sa.CheckConstraint("(mode = 'metadata') = (content = 'none')"),
        sa.CheckConstraint("acknowledged_at <= started_at"),
        sa.CheckConstraint(
            "content IN ('none', 'sealed', 'content_lost', 'withheld_residue', 'withheld_error')"
        ),
        sa.CheckConstraint("keep_days >= 1"),
        sa.CheckConstraint("key_class = 'company'"),
        sa.CheckConstraint("length(trim(agreement)) > 0"),
        sa.CheckConstraint("length(trim(purpose)) > 0"),
        sa.CheckConstraint("mode IN ('metadata', 'redacted')"),
        sa.CheckConstraint("until_at >= started_at"),
    )
    op.create_index("audit_entries_data_key", "audit_entries", ["data_key"])
    op.create_index("audit_entries_person", "audit_entries", ["person", "started_at"])
    op.create_index("audit_entries_started", "audit_entries", ["started_at"])


def _access() -> None:
    _create(
        "audit_access",
        _text("id"),
        _whole("at"),
        _text("step"),
        _text("request"),
        _text("requester"),
        _text("holder"),
        _text("key"),
        _text("person"),
        _whole("from_at"),
        _whole("to_at"),
        _text("entries"),
        _text("reason"),
        _text("releases"),
        _text("actor"),
        _text("signature"),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["request"], ["audit_access.id"]),
        sa.CheckConstraint("(step = 'approve') = (holder <> requester)"),
        sa.CheckConstraint("(step = 'request') = (id = request)"),
        sa.CheckConstraint("from_at < to_at"),
        sa.CheckConstraint("length(trim(reason)) > 0"),
        sa.CheckConstraint("step IN ('request', 'approve', 'open')"),
    )
    op.create_index("audit_access_request", "audit_access", ["request"])


def _shreds() -> None:
    _create(
        "audit_shreds",
        _text("id"),
        _whole("at"),
        _text("cause"),
        _text("reason"),
        _text("actor"),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["id"], ["audit_data_keys.id"]),
        sa.CheckConstraint("cause IN ('person', 'period', 'retention')"),
        sa.CheckConstraint("length(trim(reason)) > 0"),
    )


def _sealed() -> None:
    _create(
        "audit_sealed",
        _text("id"),
        _text("data_key"),
        _text("entry"),
        _blob("ciphertext"),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["data_key"], ["audit_data_keys.id"]),
        sa.ForeignKeyConstraint(["entry"], ["audit_entries.id"]),
    )
    op.create_index("audit_sealed_data_key", "audit_sealed", ["data_key"])
    op.create_index("audit_sealed_entry", "audit_sealed", ["entry"])


def _wraps() -> None:
    _create(
        "audit_wraps",
        _text("data_key"),
        _text("approver"),
        _text("reader"),
        _blob("wrap"),
        sa.PrimaryKeyConstraint("data_key", "approver", "reader"),
        sa.ForeignKeyConstraint(["data_key"], ["audit_data_keys.id"]),
    )


def _releases() -> None:
    _create(
        "audit_releases",
        _text("approval"),
        _text("data_key"),
        _blob("layer"),
        sa.PrimaryKeyConstraint("approval", "data_key"),
        sa.ForeignKeyConstraint(["approval"], ["audit_access.id"]),
        sa.ForeignKeyConstraint(["data_key"], ["audit_data_keys.id"]),
    )
    op.create_index("audit_releases_data_key", "audit_releases", ["data_key"])


def _log() -> None:
    _create(
        "audit_log",
        _text("node"),
        _whole("seq"),
        _text("kind"),
        _text("ref"),
        _blob("leaf"),
        sa.PrimaryKeyConstraint("node", "seq"),
        sa.UniqueConstraint("kind", "ref"),
        sa.CheckConstraint("length(leaf) = 32"),
    )


def _checkpoints() -> None:
    _create(
        "audit_checkpoints",
        _text("node"),
        _whole("size"),
        _text("note"),
        sa.PrimaryKeyConstraint("node", "size"),
    )


def _pending() -> None:
    _create(
        "audit_pending",
        _text("id"),
        _text("boot"),
        _text("record"),
        sa.PrimaryKeyConstraint("id"),
    )
