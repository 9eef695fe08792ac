"""How all tests run: longest files first, no property has a stopwatch, one PostgreSQL server for all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.postgres_server import Server, own_server, system_server
from tests.properties import examples

# Time is measured by `make bench` alone: a busy machine is no failure.
settings.register_profile(
    "ours", max_examples=examples(100), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("ours")

# Each file runs on one worker, so a long one that begins last is waited for by the other. Longest first.
LONGEST = (
    "machine/test_doctor.py",
    "wire/test_fuzz.py",
    "e2e/test_audit_crash.py",
    "e2e/test_drain.py",
    "e2e/test_cli.py",
    "e2e/test_caps.py",
    "e2e/test_streams.py",
    "e2e/test_mitmdump.py",
    "e2e/test_faults.py",
    "wire/test_taps.py",
    "app/test_reconcile.py",
    "e2e/test_crash.py",
    "e2e/test_audit.py",
    "e2e/test_bedrock.py",
    "bench/test_taps.py",
    "e2e/test_identity_paths.py",
    "audit/test_verify.py",
    "e2e/test_keys.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get("/".join(item.path.parts[-2:]), len(place)))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """Started when the first test asks, once for a run."""
    server = system_server()
    if server is not None:
        yield server
        server.drop_all()
        return
    server, end = own_server()
    yield server
    end()
