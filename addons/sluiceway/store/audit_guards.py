"""Triggers that keep the audit's tables append-only and its preconditions true, whoever writes the SQL.

They hold even where a connection has foreign keys switched off, as the sqlite3 shell has by default. Who can
write the file can drop them; `audit verify` notices that, and whatever was then done. A guard is one
condition in the SQL that both databases share: on SQLite a trigger, on PostgreSQL a trigger and its function.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Table

from sluiceway.store.audit_tables import ERASABLE, RECORDS, checkpoints, log
from sluiceway.store.engines.connection import Dialect


@dataclass(frozen=True, slots=True)
class Guard:
    """Refuses an event on a table where a condition holds, in the database's own words."""

    name: str
    event: str  # such as "UPDATE ON audit_log"
    condition: str
    says: str

    def trigger(self) -> str:
        """As SQLite keeps its text."""
        refuse = f"BEGIN SELECT RAISE(ABORT, 'audit: {self.says}'); END"
        return f"CREATE TRIGGER {self.name} BEFORE {self.event} WHEN {self.condition} {refuse}"

    def source(self) -> str:
        """The body of PostgreSQL's function, as it keeps it but for white space."""
        condition = "TRUE" if self.condition == "1" else self.condition
        row = "OLD" if self.event.startswith("DELETE") else "NEW"
        refuse = f"RAISE EXCEPTION 'audit: {self.says}' USING ERRCODE = '23000';"
        return f"BEGIN IF {condition} THEN {refuse} END IF; RETURN {row}; END"

    def statements(self, dialect: Dialect) -> Iterator[str]:
        """What creates it."""
        if dialect == "sqlite":
            yield self.trigger()
            return
        yield f"CREATE FUNCTION {self.name}() RETURNS trigger LANGUAGE plpgsql AS $$ {self.source()} $$"
        each = "STATEMENT" if self.event.startswith("TRUNCATE") else "ROW"
        start = f"CREATE TRIGGER {self.name} BEFORE {self.event} FOR EACH {each}"
        yield f"{start} EXECUTE FUNCTION {self.name}()"


def _never_emptied(table: Table) -> dict[str, Guard]:
    """TRUNCATE, which SQLite does not have, asks no row."""
    name = f"{table.name}_no_truncate"
    return {name: Guard(name, f"TRUNCATE ON {table.name}", "1", "tables are never emptied")}


def _never_changed(table: Table) -> dict[str, Guard]:
    name = table.name
    same = " AND ".join(f"{key.name} = NEW.{key.name}" for key in table.primary_key)
    return {
        f"{name}_no_update": Guard(f"{name}_no_update", f"UPDATE ON {name}", "1", "rows are never changed"),
        # INSERT OR REPLACE deletes without firing delete triggers.
        f"{name}_no_replace": Guard(
            f"{name}_no_replace",
            f"INSERT ON {name}",
            f"EXISTS (SELECT 1 FROM {name} WHERE {same})",  # noqa: S608 - names of our own tables
            "rows are never replaced",
        ),
    }


def _never_deleted(table: Table) -> dict[str, Guard]:
    name = f"{table.name}_no_delete"
    return {name: Guard(name, f"DELETE ON {table.name}", "1", "rows are never deleted")}


def _deleted_when_shredded(table: Table) -> dict[str, Guard]:
    shredded = "EXISTS (SELECT 1 FROM audit_shreds WHERE id = {}.data_key)"
    gone, back = f"{table.name}_no_delete", f"{table.name}_no_return"
    return {
        gone: Guard(
            gone,
            f"DELETE ON {table.name}",
            f"NOT {shredded.format('OLD')}",
            "only what a shred covers is deleted",
        ),
        back: Guard(
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


def guards(dialect: Dialect = "sqlite") -> dict[str, str]:
    """Every guard by name, as the database keeps its text."""
    found = all_guards(dialect).items()
    return {name: guard.trigger() if dialect == "sqlite" else guard.source() for name, guard in found}


def all_guards(dialect: Dialect) -> dict[str, Guard]:
    """Every guard by name."""
    found: dict[str, Guard] = {}
    for table in (*RECORDS.values(), log, checkpoints):
        found |= _never_changed(table) | _never_deleted(table)
    for table in ERASABLE.values():
        found |= _never_changed(table) | _deleted_when_shredded(table)
    for table_name, what, condition, says in _CONDITIONS:
        name = f"{table_name}_{what}"
        found[name] = Guard(name, f"INSERT ON {table_name}", condition, says)
    if dialect == "postgresql":
        for table in (*RECORDS.values(), *ERASABLE.values(), log, checkpoints):
            found |= _never_emptied(table)
    return found
