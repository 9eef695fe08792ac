"""A filled office for the tests that only read, and one of a test's own for those that change it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.portal.portal_world import RULE, Office


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Read only, please: it is shared."""
    made = Office(tmp_path_factory.mktemp("office"))
    yield made
    made.close()


@pytest.fixture
def open_office(tmp_path: Path) -> Iterator[Callable[..., Office]]:
    made: list[Office] = []

    def open_one(**options: object) -> Office:
        made.append(Office(tmp_path, **options))  # type: ignore[arg-type]  # as given
        return made[-1]

    yield open_one
    for each in made:
        each.close()


@pytest.fixture
def audited(open_office: Callable[..., Office]) -> Office:
    """Alice and bob are audited."""
    return open_office(notices_of=(RULE,))
