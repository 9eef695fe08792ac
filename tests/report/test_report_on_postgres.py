"""The report and the export say the same of the same ledger, whichever database it is kept in."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from seeded_ledger import MADE_AT, MONTH, caps, fill_month
from seeded_state import beside, fill_events
from sqlalchemy import Connection
from tests.postgres_server import Server

from sluiceway.report import build
from sluiceway.report.export import export
from sluiceway.store.engines import engine_of
from sluiceway.store.tables import metadata


@pytest.fixture(scope="module")
def on_postgres(postgres: Server) -> Iterator[Connection]:
    """The same month."""
    engine = engine_of(postgres.create())
    with engine.migrating() as connection:
        metadata.create_all(connection)
        fill_month(connection, per_day=110)
        fill_events(connection)
    reading = engine.reading()
    with reading.connect() as connection:
        yield connection
    reading.dispose()


def test_the_report_is_the_same(on_postgres: Connection, month_page: str) -> None:
    page = build(
        on_postgres, period=MONTH, caps=caps(), names=False, generated_at=MADE_AT, version="0.1.0",
        min_group=3, **beside(),
    )  # fmt: skip
    assert page.splitlines() == month_page.splitlines()


def test_the_export_is_the_same(on_postgres: Connection, month: Connection) -> None:
    exported = []
    for connection in (month, on_postgres):
        out = io.BytesIO()
        export(connection, "jsonl", out)
        exported.append(out.getvalue().splitlines())
    assert len(exported[0]) > 1000
    assert exported[0] == exported[1]
