"""A fresh store for each test, copied from one that was migrated once."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from store_world import KEY

from sluiceway.store import Store


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "empty.db"
    Store.open(f"sqlite:///{path}", key=KEY, boot="template", create=True).close()
    return path


@pytest.fixture
def database(tmp_path: Path, empty_database: Path) -> Path:
    return Path(shutil.copy(empty_database, tmp_path / "sluiceway.db"))


@pytest.fixture
def reopen(database: Path) -> Iterator[Callable[..., Store]]:
    """Opens the database, again if need be; whatever is still open is closed at the end."""
    opened: list[Store] = []

    def open_store(boot: str = "boot-1", path: Path = database, **options: object) -> Store:
        opened.append(Store.open(f"sqlite:///{path}", key=KEY, boot=boot, **options))  # type: ignore[arg-type]  # as given
        return opened[-1]

    yield open_store
    for store in opened:
        store.close()


@pytest.fixture
def store(reopen: Callable[..., Store]) -> Store:
    return reopen()
