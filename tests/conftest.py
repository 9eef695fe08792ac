"""The PostgreSQL server that tests share: started when the first of them asks, once for a run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.postgres_server import Server, own_server, system_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    server = system_server()
    if server is not None:
        yield server
        server.drop_all()
        return
    server, end = own_server()
    yield server
    end()
