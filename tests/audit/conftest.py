"""A fresh company under audit for each test, on a store that was migrated once."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from audit_world import KEY, NODE, World

from sluiceway.audit.checkpoint import NodeKey
from sluiceway.errors import StoreError
from sluiceway.store import Store


@pytest.fixture(scope="session")
def empty_audit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("audit") / "empty.db"
    Store.open(f"sqlite:///{path}", key=KEY, boot="template", create=True).close()
    return path


@pytest.fixture
def make_world(tmp_path: Path, empty_audit: Path) -> Iterator[Callable[..., World]]:
    """Opens the company's store, again if need be; whatever is still open is closed at the end."""
    made: list[World] = []

    def make(boot: str = "boot-1", **options: object) -> World:
        path = tmp_path / "sluiceway.db"
        if not path.exists():
            shutil.copy(empty_audit, path)
        store = Store.open(f"sqlite:///{path}", key=KEY, boot=boot)
        try:
            made.append(World(tmp_path, store, NodeKey(NODE, b"n" * 32), **options))  # type: ignore[arg-type]  # as given
        except StoreError:
            store.close()
            raise
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world()
