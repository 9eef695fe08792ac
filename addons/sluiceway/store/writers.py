"""Which writer a database needs, started: with the dead's rows settled first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from typing import Any

from sluiceway.errors import StoreError
from sluiceway.store import recovery
from sluiceway.store.engines.connection import Engine
from sluiceway.store.engines.sqlite import SqliteEngine
from sluiceway.store.orders import Order
from sluiceway.store.sqlite_writer import SqliteWriter
from sluiceway.store.writer import Writer


def start_writer(
    engine: Engine, boot: str, now_us: int, housekeeping: Callable[[], Sequence[Order]], undo: ExitStack
) -> tuple[Writer[Any], int]:
    """A writer at work, and how many rows that dead processes had left open were settled."""
    if isinstance(engine, SqliteEngine):
        connection = undo.enter_context(closing(engine.writer()))
        recovered = recovery.recover(connection, boot, now_us)
        return SqliteWriter(connection, engine.path, boot, housekeeping), recovered
    return _shared(engine, boot, housekeeping)


def _shared(
    engine: Engine, boot: str, housekeeping: Callable[[], Sequence[Order]]
) -> tuple[Writer[Any], int]:
    from sluiceway.store.engines.postgres import PostgresEngine
    from sluiceway.store.shared_writer import SharedWriter

    if not isinstance(engine, PostgresEngine):
        raise StoreError(f"{engine.name}: no writer is known for this database")
    writer = SharedWriter(engine, boot, housekeeping)
    return writer, writer.recovered
