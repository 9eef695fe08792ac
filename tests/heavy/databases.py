"""The databases that the heavy proofs run on: a file of SQLite, or a PostgreSQL of their own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from tests.postgres_server import own_server


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
    server, end = own_server()
    try:
        yield server.create()
    finally:
        end()
