"""The audit's rows on disk: appended with their leaves and a checkpoint in one transaction, read in another.

This room moves rows and knows nothing of keys, hashes or what the rows mean; `sluiceway.audit` does.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass

from sqlalchemy import Table

from sluiceway.errors import StoreError
from sluiceway.store.audit_guards import guards
from sluiceway.store.audit_tables import ERASABLE, RECORDS, pending
from sluiceway.store.engines.connection import Connection, Engine
from sluiceway.store.people import Runner

type Cell = int | str | bytes | None
type Row = Mapping[str, Cell]


class LogMoved(StoreError):
    """Somebody else appended first: read the new leaves and try again."""


class AuditRefused(StoreError):
    """The database's own conditions say no; nothing was written."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One line of the log: which record it is about, and its hash."""

    kind: str
    ref: str
    hash: bytes


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes durable together. `leaves` are those of `records`, in the same order, from `first` on.

    `note` is the checkpoint over all of it. `settled` are pending rows that are no longer needed,
    `destroyed` data keys whose wraps, releases and ciphertext go.
    """

    node: str
    first: int
    records: tuple[tuple[str, Row], ...]
    leaves: tuple[Leaf, ...]
    note: str
    erasable: tuple[tuple[str, Row], ...] = ()
    settled: tuple[str, ...] = ()
    destroyed: tuple[str, ...] = ()


class AuditStore:
    """Writing blocks until it is on disk; reading happens at one moment."""

    def __init__(self, run: Runner, engine: Engine) -> None:
        self._run, self._engine = run, engine

    def append(self, change: Change) -> None:
        """Writes a change whole or not at all. Raises LogMoved, AuditRefused or StoreError."""
        try:
            self._run(lambda connection: _append(self._engine, connection, change))
        except sqlite3.IntegrityError as error:
            raise AuditRefused(f"the audit does not take this record: {error}") from None

    def pend(self, number: str, boot: str, record: str) -> None:
        """Remembers a request under way, so that a crash leaves a trace of it."""
        statement = "INSERT INTO audit_pending (id, boot, record) VALUES (?, ?, ?)"
        self._run(lambda connection: connection.execute(statement, (number, boot, record)).rowcount)

    def unpend(self, number: str) -> None:
        """Forgets a request under way that is not audited after all."""
        statement = "DELETE FROM audit_pending WHERE id = ?"
        self._run(lambda connection: connection.execute(statement, (number,)).rowcount)

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Reads that all see one moment."""
        with closing(self._engine.reader()) as connection:
            try:
                connection.execute("BEGIN")
                yield Snapshot(connection, self._engine)
            except sqlite3.DatabaseError as error:
                raise StoreError(f"the database cannot be read: {error}") from error


class Snapshot:
    """The audit as of one moment. Rows are mappings from column to value."""

    def __init__(self, connection: Connection, engine: Engine) -> None:
        self._connection, self._engine = connection, engine

    def records(self, kind: str, **equal: str) -> Iterator[dict[str, Cell]]:
        """The rows of one kind whose columns have these values, by time of making."""
        order = "recorded_at" if kind == "entry" else "at"
        return self._rows(RECORDS[kind], equal, f"{order}, id")

    def record(self, kind: str, number: str) -> dict[str, Cell] | None:
        """One row by its id; None where there is none, or no such kind."""
        return next(self._rows(RECORDS[kind], {"id": number}, "id"), None) if kind in RECORDS else None

    def erasable(self, name: str, **equal: str) -> Iterator[dict[str, Cell]]:
        """Rows of `sealed`, `wraps` or `releases`, in the order of their keys."""
        table = ERASABLE[name]
        return self._rows(table, equal, ", ".join(key.name for key in table.primary_key))

    def pending(self) -> Iterator[dict[str, Cell]]:
        """Requests whose record is not in the log yet."""
        return self._rows(pending, {}, "id")

    def alive(self) -> tuple[str, ...]:
        """The boots of other nodes that are at work, where many share the database."""
        if not self._engine.shared:
            return ()
        return tuple(node for (node,) in self._connection.execute("SELECT node FROM nodes"))

    def entries(self, person: str | None, from_us: int, to_us: int) -> Iterator[dict[str, Cell]]:
        """The entries of a period by their start, of one person or of all."""
        condition, values = "started_at >= ? AND started_at < ?", (from_us, to_us)
        if person is None:
            return self._select(RECORDS["entry"], condition, values, "started_at, id")
        return self._select(
            RECORDS["entry"], f"{condition} AND person = ?", (*values, person), "started_at, id"
        )

    def entry_counts(self, from_us: int, to_us: int) -> tuple[tuple[str, str, str, int], ...]:
        """(person, rule, content, how many) of the entries of a period."""
        found = self._connection.execute(
            "SELECT person, rule, content, count(*) FROM audit_entries "
            "WHERE started_at >= ? AND started_at < ? GROUP BY person, rule, content "
            "ORDER BY person, rule, content",
            (from_us, to_us),
        )
        return tuple(found.fetchall())

    def live_data_keys(self) -> Iterator[dict[str, Cell]]:
        """The data keys that nobody has destroyed."""
        condition = "NOT EXISTS (SELECT 1 FROM audit_shreds AS s WHERE s.id = audit_data_keys.id)"
        return self._select(RECORDS["data_key"], condition, (), "at, id")

    def nodes(self) -> tuple[str, ...]:
        """Whose logs there are."""
        found = self._connection.execute(
            "SELECT node FROM audit_log UNION SELECT node FROM audit_checkpoints ORDER BY node"
        )
        return tuple(node for (node,) in found)

    def log(self, node: str, start: int = 0) -> Iterator[tuple[int, Leaf]]:
        """The leaves of one node's log from one on, with their numbers."""
        found = self._connection.execute(
            "SELECT seq, kind, ref, leaf FROM audit_log WHERE node = ? AND seq >= ? ORDER BY seq",
            (node, start),
        )
        return ((seq, Leaf(kind, ref, leaf)) for seq, kind, ref, leaf in found)

    def checkpoints(self, node: str, above: int = -1) -> tuple[tuple[int, str], ...]:
        """The signed notes of one node with their sizes, the smallest tree first."""
        found = self._connection.execute(
            "SELECT size, note FROM audit_checkpoints WHERE node = ? AND size > ? ORDER BY size",
            (node, above),
        )
        return tuple(found.fetchall())

    def unlogged(self) -> tuple[tuple[str, str], ...]:
        """(kind, id) of records that are not in a log exactly once."""
        once = "SELECT count(*) FROM audit_log AS l WHERE l.kind = ? AND l.ref = r.id"
        found: list[tuple[str, str]] = []
        for kind, table in RECORDS.items():
            statement = f"SELECT r.id FROM {table.name} AS r WHERE ({once}) <> 1 ORDER BY r.id"  # noqa: S608 - names of our own tables
            found += [(kind, number) for (number,) in self._connection.execute(statement, (kind,))]
        return tuple(found)

    def orphans(self) -> tuple[tuple[str, str], ...]:
        """(table, id) of erasable rows whose record is not there, or that belong to another data key."""
        found: list[tuple[str, str]] = []
        for name, own, parent in (
            (
                "sealed",
                "id",
                "SELECT 1 FROM audit_entries AS p WHERE p.id = c.entry AND p.data_key = c.data_key",
            ),
            ("wraps", "data_key", "SELECT 1 FROM audit_data_keys AS p WHERE p.id = c.data_key"),
            ("releases", "approval", "SELECT 1 FROM audit_access AS p WHERE p.id = c.approval"),
        ):
            statement = f"SELECT {own} FROM {ERASABLE[name].name} AS c WHERE NOT EXISTS ({parent}) ORDER BY 1"  # noqa: S608 - fixed names
            found += [(name, number) for (number,) in self._connection.execute(statement)]
        return tuple(found)

    def missing_guards(self) -> tuple[str, ...]:
        """Triggers that are gone or not as we made them."""
        found = self._engine.guards(self._connection)
        expected = guards(self._engine.dialect)
        return tuple(sorted(name for name, text in expected.items() if found.get(name) != text))

    def _rows(self, table: Table, equal: Mapping[str, str], order: str) -> Iterator[dict[str, Cell]]:
        condition = " AND ".join(f"{table.c[name].name} = ?" for name in equal) or "TRUE"
        return self._select(table, condition, tuple(equal.values()), order)

    def _select(
        self, table: Table, condition: str, values: Sequence[int | str], order: str
    ) -> Iterator[dict[str, Cell]]:
        names = [column.name for column in table.columns]
        statement = f"SELECT {', '.join(names)} FROM {table.name} WHERE {condition} ORDER BY {order}"  # noqa: S608 - names of our own tables and columns
        return (dict(zip(names, row, strict=True)) for row in self._connection.execute(statement, values))


def _append(engine: Engine, connection: Connection, change: Change) -> None:
    engine.in_turn(connection, f"audit log of {change.node}")  # workers of one deployment share it
    (size,) = connection.execute(
        "SELECT coalesce(max(seq), -1) + 1 FROM audit_log WHERE node = ?", (change.node,)
    ).fetchone()
    if size != change.first:
        raise LogMoved("the audit log has grown meanwhile")
    for kind, row in change.records:
        _insert(connection, RECORDS[kind], row)
    for name, row in change.erasable:
        _insert(connection, ERASABLE[name], row)
    connection.executemany(
        "INSERT INTO audit_log (node, seq, kind, ref, leaf) VALUES (?, ?, ?, ?, ?)",
        [(change.node, size + n, leaf.kind, leaf.ref, leaf.hash) for n, leaf in enumerate(change.leaves)],
    )
    connection.execute(
        "INSERT INTO audit_checkpoints (node, size, note) VALUES (?, ?, ?)",
        (change.node, size + len(change.leaves), change.note),
    )
    connection.executemany("DELETE FROM audit_pending WHERE id = ?", [(each,) for each in change.settled])
    if change.destroyed:
        _destroy(engine, connection, change.destroyed)


def _insert(connection: Connection, table: Table, row: Row) -> None:
    names = ", ".join(table.c[name].name for name in row)
    places = ", ".join("?" * len(row))
    connection.execute(f"INSERT INTO {table.name} ({names}) VALUES ({places})", list(row.values()))  # noqa: S608 - names of our own tables and columns


def _destroy(engine: Engine, connection: Connection, data_keys: tuple[str, ...]) -> None:
    """Overwrites what it deletes, where the database can: a wrap in a free page could still be opened."""
    with engine.overwriting(connection):
        for table in ERASABLE.values():
            statement = f"DELETE FROM {table.name} WHERE data_key = ?"  # noqa: S608 - names of our own tables
            connection.executemany(statement, [(each,) for each in data_keys])
