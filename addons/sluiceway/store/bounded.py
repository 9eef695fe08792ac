"""A bound on how long a read may take, for whoever must not wait for a report over millions of rows."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from sluiceway.errors import StoreError

# Steps of SQLite's machine between two looks at the clock: well under a millisecond.
STEPS = 10_000


class TooSlow(StoreError):
    """The read was given up; nothing is wrong with the store."""


@contextmanager
def bounded(connection: Connection, seconds: float) -> Iterator[None]:
    """What is read inside together takes at most this long, or TooSlow is raised."""
    raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    ends_at = time.monotonic() + seconds
    raw.set_progress_handler(lambda: time.monotonic() > ends_at, STEPS)
    try:
        yield
    except OperationalError as error:
        if isinstance(error.orig, sqlite3.OperationalError) and str(error.orig) == "interrupted":
            raise TooSlow("there are too many rows to read in time") from None
        raise StoreError(f"the database cannot be read: {type(error.orig).__name__}") from None
    finally:
        raw.set_progress_handler(None, 0)
