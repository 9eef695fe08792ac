"""Alters an audit database, or the checkpoints kept elsewhere, as somebody with root could."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from sluiceway.audit.records import leaf
from sluiceway.store.audit import Snapshot
from sluiceway.store.audit_guards import guards
from sluiceway.store.audit_tables import ERASABLE, RECORDS
from sluiceway.store.engines.sqlite import SqliteEngine

SQLITE = SqliteEngine(Path(":memory:"))
TABLES = (
    *(table.name for table in RECORDS.values()),
    *(table.name for table in ERASABLE.values()),
    "audit_log",
    "audit_checkpoints",
)


@contextmanager
def database(content: bytes, *, guarded: bool = False) -> Iterator[sqlite3.Connection]:
    """A database in memory; without its guards, so that anything can be done to it."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.deserialize(content)
        if not guarded:
            connection.execute("PRAGMA ignore_check_constraints = ON")
            for name in guards():
                connection.execute(f"DROP TRIGGER {name}")
        yield connection


def contents(connection: sqlite3.Connection) -> list[list[tuple[object, ...]]]:
    return [sorted(connection.execute(f"SELECT * FROM {table}"), key=repr) for table in TABLES]


type Way = Callable[[sqlite3.Connection], str]


class Vandal:
    """Alters a database, or the shipped checkpoints, in one random way. `older`: earlier states of it."""

    def __init__(self, seed: int, older: Sequence[bytes] = ()) -> None:
        self.random = random.Random(seed)
        self._older = older
        self.kinds: dict[str, tuple[Way, ...]] = {
            "byte": (self.cell, self.cell, self.cell, self.rewrite),
            "row": (self.remove, self.double),
            "order": (self.swap, self.reorder),
            "truncation": (self.cut_out, self.cut_off),
            "replay": (self.bring_back, self.bring_back, self.roll_back),
        }

    def alter(self, connection: sqlite3.Connection, shipped: list[str], kind: str) -> str:
        """Says what it did. sqlite3.IntegrityError: that way was closed."""
        if kind == "byte" and self.random.random() < 0.2:
            return self.forge(shipped)
        return self.random.choice(self.kinds[kind])(connection)

    def bring_back(self, connection: sqlite3.Connection) -> str:
        """A row as it was, or as it was before it was destroyed."""
        with database(self.random.choice(self._older)) as before:
            table = self.random.choice(TABLES)
            then, now = (
                connection_.execute(f"SELECT * FROM {table}").fetchall()
                for connection_ in (before, connection)
            )
        gone = [each for each in then if each not in now]
        if not gone:
            raise sqlite3.IntegrityError("nothing of that table is gone")
        each = self.random.choice(gone)
        connection.execute(f"INSERT OR REPLACE INTO {table} VALUES ({', '.join('?' * len(each))})", each)
        return f"brought back a row of {table}"

    def roll_back(self, connection: sqlite3.Connection) -> str:
        """Everything as it was at an earlier moment; all of it, or one table."""
        with database(self.random.choice(self._older)) as before:
            tables = TABLES if self.random.random() < 0.3 else (self.random.choice(TABLES),)
            for table in tables:
                rows = before.execute(f"SELECT * FROM {table}").fetchall()
                connection.execute(f"DELETE FROM {table}")
                if rows:
                    places = ", ".join("?" * len(rows[0]))
                    connection.executemany(f"INSERT INTO {table} VALUES ({places})", rows)
        return f"rolled back {' '.join(tables)}"

    def row(self, connection: sqlite3.Connection, table: str | None = None) -> tuple[str, str, list[object]]:
        """(table, condition for one row of it, values of the condition)"""
        while True:
            name = table or self.random.choice(TABLES)
            keys = [column for _, column, *_, key in connection.execute(f"PRAGMA table_info({name})") if key]
            rows = connection.execute(f"SELECT {', '.join(keys)} FROM {name}").fetchall()
            if rows:
                return name, " AND ".join(f"{key} = ?" for key in keys), list(self.random.choice(rows))

    def cell(self, connection: sqlite3.Connection) -> str:
        table, where, values = self.row(connection)
        columns = [(name, kind) for _, name, kind, *_ in connection.execute(f"PRAGMA table_info({table})")]
        column, _ = self.random.choice(columns)
        (old,) = connection.execute(f"SELECT {column} FROM {table} WHERE {where}", values).fetchone()
        connection.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", [self.other(old), *values])
        return f"cell {table}.{column}"

    def other(self, old: object) -> object:
        if old is None:
            return self.random.choice([0, 1])
        if isinstance(old, int):
            return old + self.random.choice([-1000, -1, 1, 1000])
        data = bytearray(old if isinstance(old, bytes) else str(old).encode() or b" ")
        at = self.random.randrange(len(data))
        if isinstance(old, bytes):
            data[at] ^= 1 << self.random.randrange(8)
            return bytes(data)
        data[at] = self.random.choice([c for c in b"09afxz," if c != data[at]])
        return data.decode("utf-8", "replace")

    def remove(self, connection: sqlite3.Connection) -> str:
        table, where, values = self.row(connection)
        connection.execute(f"DELETE FROM {table} WHERE {where}", values)
        return f"a row of {table} is gone"

    def swap(self, connection: sqlite3.Connection) -> str:
        """Two rows of a table exchange what is in one of their columns."""
        table, where, one = self.row(connection)
        _, _, other = self.row(connection, table)
        columns = [name for _, name, *_, key in connection.execute(f"PRAGMA table_info({table})") if not key]
        column = self.random.choice(columns)
        values = [
            connection.execute(f"SELECT {column} FROM {table} WHERE {where}", key).fetchone()[0]
            for key in (one, other)
        ]
        for value, key in zip(reversed(values), (one, other), strict=True):
            connection.execute(f"UPDATE OR FAIL {table} SET {column} = ? WHERE {where}", [value, *key])
        return f"swapped {table}.{column}"

    def double(self, connection: sqlite3.Connection) -> str:
        table, where, values = self.row(connection)
        row = list(connection.execute(f"SELECT * FROM {table} WHERE {where}", values).fetchone())
        row[0] = f"{self.random.getrandbits(128):032x}"
        connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
        return f"one more row in {table}"

    def reorder(self, connection: sqlite3.Connection) -> str:
        (size,) = connection.execute("SELECT count(*) FROM audit_log").fetchone()
        one, other = self.random.sample(range(size), 2)
        for old, new in ((one, -1), (other, one), (-1, other)):
            connection.execute("UPDATE audit_log SET seq = ? WHERE seq = ?", (new, old))
        return f"leaves {one} and {other} changed places"

    def cut_out(self, connection: sqlite3.Connection) -> str:
        """A leaf and its record vanish, and the later leaves move up."""
        (size,) = connection.execute("SELECT count(*) FROM audit_log").fetchone()
        at = self.random.randrange(size)
        self._drop_leaf(connection, at)
        for seq in range(at + 1, size):
            connection.execute("UPDATE audit_log SET seq = ? WHERE seq = ?", (seq - 1, seq))
        return f"leaf {at} cut out"

    def cut_off(self, connection: sqlite3.Connection) -> str:
        """The end of the log with all its records and checkpoints."""
        (size,) = connection.execute("SELECT count(*) FROM audit_log").fetchone()
        keep = self.random.randrange(size)
        for at in range(keep, size):
            self._drop_leaf(connection, at)
        connection.execute("DELETE FROM audit_checkpoints WHERE size > ?", (keep,))
        return f"cut off at {keep}"

    def _drop_leaf(self, connection: sqlite3.Connection, at: int) -> None:
        kind, ref = connection.execute("SELECT kind, ref FROM audit_log WHERE seq = ?", (at,)).fetchone()
        connection.execute(f"DELETE FROM {RECORDS[kind].name} WHERE id = ?", (ref,))
        connection.execute("DELETE FROM audit_log WHERE seq = ?", (at,))
        for table, column in (("sealed", "entry"), ("wraps", "data_key"), ("releases", "approval")):
            connection.execute(f"DELETE FROM {ERASABLE[table].name} WHERE {column} = ?", (ref,))

    def rewrite(self, connection: sqlite3.Connection) -> str:
        """A record is altered and its leaf made anew, as somebody who knows the format would."""
        kind = self.random.choice([kind for kind in RECORDS if kind != "holders"])
        table, where, values = self.row(connection, RECORDS[kind].name)
        columns = [name for _, name, *_, key in connection.execute(f"PRAGMA table_info({table})") if not key]
        column = self.random.choice(columns)
        (old,) = connection.execute(f"SELECT {column} FROM {table} WHERE {where}", values).fetchone()
        connection.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", [self.other(old), *values])
        record = Snapshot(connection, SQLITE).record(kind, str(values[0]))
        assert record is not None
        connection.execute(
            "UPDATE audit_log SET leaf = ? WHERE kind = ? AND ref = ?",
            (leaf(kind, record).hash, kind, values[0]),
        )
        return f"rewrote {kind}.{column}"

    def forge(self, shipped: list[str]) -> str:
        at = self.random.randrange(len(shipped))
        how = self.random.choice(["letter", "gone", "swapped lines"])
        if how == "letter":
            place = self.random.randrange(len(shipped[at]))
            shipped[at] = shipped[at][:place] + self.random.choice("xyz09+/") + shipped[at][place + 1 :]
        elif how == "gone" and at < len(shipped) - 1:
            del shipped[at]
        else:
            text, _, signature = shipped[at].partition("\n\n")
            other, _, _ = shipped[at - 1].partition("\n\n")
            shipped[at] = f"{other if other != text else text + 'x'}\n\n{signature}"
        return f"forged shipped checkpoint {at}: {how}"
