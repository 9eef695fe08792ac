"""The two kinds of databases that the store's tests run on, with one way to look into them."""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from sluiceway.errors import StoreError
from sluiceway.store import Store
from sluiceway.store.engines import engine_of
from sluiceway.store.engines.connection import Connection
from sluiceway.store.shared_writer import SharedWriter


@dataclass(frozen=True)
class Database:
    """One database of a test. As a path it is SQLite's file."""

    url: str
    path: Path | None = None

    def connect(self) -> Connection:
        """A connection that may write, each statement for itself."""
        return engine_of(self.url).writer()

    @property
    def shared(self) -> bool:
        return self.path is None

    def __fspath__(self) -> str:
        assert self.path is not None, "only an SQLite database is a file"
        return os.fspath(self.path)

    def __str__(self) -> str:
        return self.__fspath__()


def file(path: Path) -> Database:
    return Database(f"sqlite:///{path}", path)


def crashed(store: Store, database: Database, to: Path) -> Database:
    """The database as the end of that process leaves it at this moment; of a file, a copy."""
    if database.path is not None:
        for suffix in ("", "-wal"):
            shutil.copy(f"{database}{suffix}", f"{to}{suffix}")
        return file(to)
    assert isinstance(store._writer, SharedWriter)
    store._writer._link.close()  # type: ignore[union-attr]  # it has one
    with contextlib.suppress(StoreError):
        store._run(_die)
    return database


def _die(_: Connection) -> None:
    raise SystemExit
