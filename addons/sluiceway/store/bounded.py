"""A bound on how long a read may take, for whoever must not wait for a report over millions of rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from sluiceway.errors import StoreError
from sluiceway.store.engines.connection import Engine

BOUNDS = "sluiceway_engine"  # where a reading connection keeps the engine that made it


class TooSlow(StoreError):
    """The read was given up; nothing is wrong with the store."""


@contextmanager
def bounded(connection: Connection, seconds: float) -> Iterator[None]:
    """What is read inside together takes at most this long, or TooSlow is raised."""
    engine: Engine = connection.get_execution_options()[BOUNDS]
    try:
        with engine.bounded(connection, seconds):
            yield
    except TimeoutError:
        raise TooSlow("there are too many rows to read in time") from None
    except DBAPIError as error:
        raise StoreError(f"the database cannot be read: {type(error.orig).__name__}") from None
