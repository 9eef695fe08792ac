"""A store of a test's own on both kinds of databases, for what must be the same on one node and on many."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sluiceway.store import Store
from tests.postgres_server import Server

KEY = b"k" * 32


@pytest.fixture(scope="session")
def empty_postgres_store(postgres: Server) -> str:
    url = postgres.create()
    Store.open(url, key=KEY, boot="template", create=True).close()
    return url


@pytest.fixture
def postgres_url(postgres: Server, empty_postgres_store: str) -> Iterator[str]:
    url = postgres.create(empty_postgres_store)
    yield url
    postgres.drop(url)


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a store is, or can be made."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/s.db"
    return str(request.getfixturevalue("postgres_url"))
