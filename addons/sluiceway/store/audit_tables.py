"""The audit's tables: facts that never change, ciphertext that can only be destroyed, and the log over them.

A fact is one row of a `RECORDS` table and one leaf of the log; its columns are text and integers only,
because the leaf is their canonical JSON (docs/audit-format.md). What two people together can read stands
apart from the facts, so that it can be destroyed and the log still verifies. STRICT keeps text out of
integer columns (SQLite holds that 'x' > 5); WITHOUT ROWID leaves no hidden key for INSERT OR REPLACE to hit.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)

from sluiceway.store.tables import Id, metadata

FORM: dict[str, Any] = {"sqlite_strict": True, "sqlite_with_rowid": False}
Moment = Id  # microseconds since the epoch, UTC, in a column that STRICT knows

holders = Table(  # a set of people whose keys can open things, when it was first used
    "audit_holders",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("holders", Text, nullable=False),  # JSON [[name, role, public key], ...]
    **FORM,
)

disclosures = Table(  # a person was given the notice: its whole text
    "audit_disclosures",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("person", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("notice", Text, nullable=False),  # the version: a hash of what the rule promises
    Column("text", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("actor", Text, nullable=False),
    UniqueConstraint("id", "person", "notice", "at"),
    CheckConstraint("length(trim(text)) > 0"),
    **FORM,
)

acknowledgements = Table(  # and said so; `id` is the disclosure's
    "audit_acknowledgements",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("person", Text, nullable=False),
    Column("notice", Text, nullable=False),
    Column("disclosed_at", Moment, nullable=False),
    Column("channel", Text, nullable=False),
    Column("actor", Text, nullable=False),
    UniqueConstraint("id", "person", "notice", "at"),
    ForeignKeyConstraint(
        ["id", "person", "notice", "disclosed_at"],
        [f"audit_disclosures.{name}" for name in ("id", "person", "notice", "at")],
    ),
    CheckConstraint("at >= disclosed_at"),
    **FORM,
)

data_keys = Table(  # a key of one person, day and process boot
    "audit_data_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("person", Text, nullable=False),
    Column("day", Text, nullable=False),  # YYYY-MM-DD, UTC
    Column("node", Text, nullable=False),
    Column("boot", Text, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("holders", Text, ForeignKey("audit_holders.id"), nullable=False),
    Column("wraps", Text, nullable=False),  # JSON [[approver, reader, SHA-256 of the wrap], ...]
    UniqueConstraint("id", "person"),
    CheckConstraint("expires_at > at"),
    Index("audit_data_keys_person", "person", "day"),
    **FORM,
)

entries = Table(  # one audited request
    "audit_entries",
    metadata,
    Column("id", Text, primary_key=True),
    Column("request_id", Text, nullable=False),
    Column("attempt", Moment, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("recorded_at", Moment, nullable=False),
    Column("person", Text, nullable=False),
    Column("team", Text, nullable=False),
    Column("key_class", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("model", Text),
    Column("client_name", Text),
    Column("outcome", Text),
    Column("status", Moment),
    Column("rule", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("agreement", Text, nullable=False),
    Column("until", Text, nullable=False),  # the rule's last day, YYYY-MM-DD
    Column("until_at", Moment, nullable=False),  # the end of that day in the company's time zone
    Column("keep_days", Moment, nullable=False),
    Column("notice", Text, nullable=False),
    Column("disclosure", Text, nullable=False),
    Column("acknowledged_at", Moment, nullable=False),
    Column("content", Text, nullable=False),
    Column("data_key", Text),
    Column("findings", Text, nullable=False),  # JSON {type: count} of what was redacted
    Column("sealed", Text, nullable=False),  # JSON [[id, SHA-256 of the ciphertext], ...]
    ForeignKeyConstraint(
        ["disclosure", "person", "notice", "acknowledged_at"],
        [f"audit_acknowledgements.{name}" for name in ("id", "person", "notice", "at")],
    ),
    ForeignKeyConstraint(["data_key", "person"], ["audit_data_keys.id", "audit_data_keys.person"]),
    CheckConstraint("key_class = 'company'"),
    CheckConstraint("length(trim(purpose)) > 0"),
    CheckConstraint("length(trim(agreement)) > 0"),
    CheckConstraint("until_at >= started_at"),
    CheckConstraint("acknowledged_at <= started_at"),
    CheckConstraint("keep_days >= 1"),
    CheckConstraint("mode IN ('metadata', 'redacted')"),
    CheckConstraint("content IN ('none', 'sealed', 'content_lost', 'withheld_residue', 'withheld_error')"),
    CheckConstraint("(mode = 'metadata') = (content = 'none')"),
    CheckConstraint("(content = 'sealed') = (data_key IS NOT NULL)"),
    CheckConstraint("(content = 'sealed') = (sealed <> '[]')"),
    Index("audit_entries_person", "person", "started_at"),
    Index("audit_entries_started", "started_at"),
    Index("audit_entries_data_key", "data_key"),
    **FORM,
)

access = Table(  # who asked to read, who approved, who read: signed by each
    "audit_access",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("step", Text, nullable=False),
    Column("request", Text, ForeignKey("audit_access.id"), nullable=False),
    Column("requester", Text, nullable=False),
    Column("holder", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("from_at", Moment, nullable=False),
    Column("to_at", Moment, nullable=False),
    Column("entries", Text, nullable=False),  # JSON [id, ...]; [] for all of the period
    Column("reason", Text, nullable=False),
    Column("releases", Text, nullable=False),  # JSON [[data key, SHA-256 of the release], ...]
    Column("actor", Text, nullable=False),
    Column("signature", Text, nullable=False),
    CheckConstraint("step IN ('request', 'approve', 'open')"),
    CheckConstraint("(step = 'request') = (id = request)"),
    CheckConstraint("(step = 'approve') = (holder <> requester)"),
    CheckConstraint("length(trim(reason)) > 0"),
    CheckConstraint("from_at < to_at"),
    Index("audit_access_request", "request"),
    **FORM,
)

shreds = Table(  # a data key was destroyed; `id` is its own
    "audit_shreds",
    metadata,
    Column("id", Text, ForeignKey("audit_data_keys.id"), primary_key=True),
    Column("at", Moment, nullable=False),
    Column("cause", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("actor", Text, nullable=False),
    CheckConstraint("cause IN ('person', 'period', 'retention')"),
    CheckConstraint("length(trim(reason)) > 0"),
    **FORM,
)

sealed = Table(  # ciphertext: a message part, or an entry's list of them
    "audit_sealed",
    metadata,
    Column("id", Text, primary_key=True),
    Column("data_key", Text, ForeignKey("audit_data_keys.id"), nullable=False),
    Column("entry", Text, ForeignKey("audit_entries.id"), nullable=False),  # the first that has it
    Column("ciphertext", LargeBinary, nullable=False),
    Index("audit_sealed_data_key", "data_key"),
    Index("audit_sealed_entry", "entry"),
    **FORM,
)

wraps = Table(  # a data key for one pair of people: the approver's layer outside, the reader's inside
    "audit_wraps",
    metadata,
    Column("data_key", Text, ForeignKey("audit_data_keys.id"), primary_key=True),
    Column("approver", Text, primary_key=True),
    Column("reader", Text, primary_key=True),
    Column("wrap", LargeBinary, nullable=False),
    **FORM,
)

releases = Table(  # what is left of a wrap when the approver has taken the outer layer off
    "audit_releases",
    metadata,
    Column("approval", Text, ForeignKey("audit_access.id"), primary_key=True),
    Column("data_key", Text, ForeignKey("audit_data_keys.id"), primary_key=True),
    Column("layer", LargeBinary, nullable=False),
    Index("audit_releases_data_key", "data_key"),
    **FORM,
)

log = Table(  # the Merkle tree's leaves, in order
    "audit_log",
    metadata,
    Column("node", Text, primary_key=True),
    Column("seq", Moment, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("ref", Text, nullable=False),
    Column("leaf", LargeBinary, nullable=False),
    UniqueConstraint("kind", "ref"),
    CheckConstraint("length(leaf) = 32"),
    **FORM,
)

checkpoints = Table(  # signed tree heads, C2SP notes
    "audit_checkpoints",
    metadata,
    Column("node", Text, primary_key=True),
    Column("size", Moment, primary_key=True),
    Column("note", Text, nullable=False),
    **FORM,
)

pending = Table(  # requests under way whose content is in memory only; not part of the log
    "audit_pending",
    metadata,
    Column("id", Text, primary_key=True),
    Column("boot", Text, nullable=False),
    Column("record", Text, nullable=False),  # the entry so far, JSON
    **FORM,
)

RECORDS: dict[str, Table] = {
    "holders": holders,
    "disclosure": disclosures,
    "acknowledgement": acknowledgements,
    "data_key": data_keys,
    "entry": entries,
    "access": access,
    "shred": shreds,
}
"""Kind of leaf -> its table. The order is the one in which rows may refer to each other."""

ERASABLE: dict[str, Table] = {"sealed": sealed, "wraps": wraps, "releases": releases}
"""Rows that go, and only go, when their data key is destroyed."""
