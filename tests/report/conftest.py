"""Ledgers for the report's tests: an empty one to fill by hand, and a realistic month."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from seeded_ledger import MADE_AT, MONTH, caps, empty_store, fill_month
from seeded_state import beside, fill_events
from sqlalchemy import Connection

from sluiceway.report import build


@pytest.fixture
def store() -> Iterator[Connection]:
    with empty_store() as connection:
        yield connection


@pytest.fixture(scope="session")
def month() -> Iterator[Connection]:
    """Read only, please: it is shared."""
    with empty_store() as connection:
        fill_month(connection, per_day=110)
        fill_events(connection)
        yield connection


@pytest.fixture(scope="session")
def month_page(month: Connection) -> str:
    """The month's report without names."""
    return build(
        month, period=MONTH, caps=caps(), names=False, generated_at=MADE_AT, version="0.1.0", min_group=3,
        **beside(),
    )  # fmt: skip
