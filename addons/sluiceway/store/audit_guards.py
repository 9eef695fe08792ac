"""Triggers that keep the audit's tables append-only and its preconditions true, whoever writes the SQL.

They hold even where a connection has foreign keys switched off, as the sqlite3 shell has by default. Who can
write the file can drop them; `audit verify` notices that, and whatever was then done.
"""

from __future__ import annotations

from sqlalchemy import Table

from sluiceway.store.audit_tables import ERASABLE, RECORDS, checkpoints, log


def _trigger(name: str, event: str, condition: str, says: str) -> str:
    refuse = f"BEGIN SELECT RAISE(ABORT, 'audit: {says}'); END"
    return f"CREATE TRIGGER {name} BEFORE {event} WHEN {condition} {refuse}"


def _never_changed(table: Table) -> dict[str, str]:
    name = table.name
    same = " AND ".join(f"{key.name} = NEW.{key.name}" for key in table.primary_key)
    return {
        f"{name}_no_update": _trigger(
            f"{name}_no_update", f"UPDATE ON {name}", "1", "rows are never changed"
        ),
        # INSERT OR REPLACE deletes without firing delete triggers.
        f"{name}_no_replace": _trigger(
            f"{name}_no_replace",
            f"INSERT ON {name}",
            f"EXISTS (SELECT 1 FROM {name} WHERE {same})",  # noqa: S608 - names of our own tables
            "rows are never replaced",
        ),
    }


def _never_deleted(table: Table) -> dict[str, str]:
    name = f"{table.name}_no_delete"
    return {name: _trigger(name, f"DELETE ON {table.name}", "1", "rows are never deleted")}


def _deleted_when_shredded(table: Table) -> dict[str, str]:
    shredded = "EXISTS (SELECT 1 FROM audit_shreds WHERE id = {}.data_key)"
    gone, back = f"{table.name}_no_delete", f"{table.name}_no_return"
    return {
        gone: _trigger(
            gone,
            f"DELETE ON {table.name}",
            f"NOT {shredded.format('OLD')}",
            "only what a shred covers is deleted",
        ),
        back: _trigger(
            back, f"INSERT ON {table.name}", shredded.format("NEW"), "a shredded key does not come back"
        ),
    }


_ACKNOWLEDGED = (
    "EXISTS (SELECT 1 FROM audit_acknowledgements AS a JOIN audit_disclosures AS d ON d.id = a.id "
    "WHERE a.id = NEW.disclosure AND a.person = NEW.person AND a.notice = NEW.notice "
    "AND a.at = NEW.acknowledged_at AND d.person = NEW.person AND d.notice = NEW.notice AND d.at <= a.at)"
)
_DISCLOSED = (
    "EXISTS (SELECT 1 FROM audit_disclosures WHERE id = NEW.id AND person = NEW.person "
    "AND notice = NEW.notice AND at = NEW.disclosed_at)"
)
_OWN_KEY = (
    "EXISTS (SELECT 1 FROM audit_data_keys WHERE id = NEW.data_key AND person = NEW.person "
    "AND NOT EXISTS (SELECT 1 FROM audit_shreds WHERE id = NEW.data_key))"
)
_ASKED = (
    "EXISTS (SELECT 1 FROM audit_access AS r WHERE r.id = NEW.request AND r.step = 'request' "
    "AND r.holder = NEW.requester AND r.person = NEW.person)"
)
_APPROVED = "EXISTS (SELECT 1 FROM audit_access WHERE request = NEW.request AND step = 'approve')"
_NEXT = "(SELECT coalesce(max(seq), -1) + 1 FROM audit_log WHERE node = NEW.node)"

_CONDITIONS = (
    ("audit_entries", "disclosed", f"NOT {_ACKNOWLEDGED}", "no acknowledged disclosure to this person"),
    ("audit_entries", "own_key", f"NEW.data_key IS NOT NULL AND NOT {_OWN_KEY}", "not a key of this person"),
    ("audit_acknowledgements", "disclosed", f"NOT {_DISCLOSED}", "nothing was disclosed to this person"),
    ("audit_access", "asked", f"NEW.step <> 'request' AND NOT {_ASKED}", "there is no such request"),
    ("audit_access", "approved", f"NEW.step = 'open' AND NOT {_APPROVED}", "nobody approved this request"),
    ("audit_log", "in_order", f"NEW.seq <> {_NEXT}", "leaves are added at the end"),
    (
        "audit_log",
        "once",
        "EXISTS (SELECT 1 FROM audit_log WHERE kind = NEW.kind AND ref = NEW.ref)",
        "a record is logged once",
    ),
)


def guards() -> dict[str, str]:
    """Every trigger by name, as SQLite keeps its text."""
    found: dict[str, str] = {}
    for table in (*RECORDS.values(), log, checkpoints):
        found |= _never_changed(table) | _never_deleted(table)
    for table in ERASABLE.values():
        found |= _never_changed(table) | _deleted_when_shredded(table)
    for table_name, what, condition, says in _CONDITIONS:
        name = f"{table_name}_{what}"
        found[name] = _trigger(name, f"INSERT ON {table_name}", condition, says)
    return found
