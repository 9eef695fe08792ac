"""A fresh store for each test, on both kinds of databases, copied from one that was migrated once."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from databases import Database, file
from store_world import KEY
from tests.postgres_server import Server

from sluiceway.store import Store

# A test that is about one of them alone says so: @pytest.mark.parametrize("engine", ["sqlite"]).
ENGINES = ("sqlite", "postgres")


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "empty.db"
    Store.open(f"sqlite:///{path}", key=KEY, boot="template", create=True).close()
    return path


@pytest.fixture(scope="session")
def empty_postgres(postgres: Server) -> str:
    url = postgres.create()
    Store.open(url, key=KEY, boot="template", create=True).close()
    return url


@pytest.fixture
def database(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Database]:
    if engine == "sqlite":
        template: Path = request.getfixturevalue("empty_database")
        yield file(Path(shutil.copy(template, tmp_path / "sluiceway.db")))
        return
    server: Server = request.getfixturevalue("postgres")
    url = server.create(request.getfixturevalue("empty_postgres"))
    yield Database(url)
    server.drop(url)


@pytest.fixture
def reopen(database: Database) -> Iterator[Callable[..., Store]]:
    """Opens the database, again if need be; whatever is still open is closed at the end."""
    opened: list[Store] = []

    def open_store(boot: str = "boot-1", of: Database = database, **options: object) -> Store:
        opened.append(Store.open(of.url, key=KEY, boot=boot, **options))  # type: ignore[arg-type]  # as given
        return opened[-1]

    yield open_store
    for store in opened:
        store.close()


@pytest.fixture
def store(reopen: Callable[..., Store]) -> Store:
    return reopen()
