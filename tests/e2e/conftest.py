"""Fixtures of the end-to-end tests: a running Sluiceway, and what is wrong when one logs an addon error."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from sluiceway.demo.pace import NO_LATENCY
from tests.e2e.running import Running
from tests.e2e.tunnel import CANARY

# What runs in the server; the clients under test log what they like.
OURS = ("sluiceway", "mitmproxy", "aiohttp", "asyncio")
SECRETS = (CANARY, "swy_")  # every proxy token begins so


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One deployment for a module's tests; each adds its own people."""
    started = Running(tmp_path_factory.mktemp("sluiceway"))
    yield started
    started.stop()


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """As `running`, with providers that answer at once and little patience with those that do not."""
    started = Running(tmp_path_factory.mktemp("sluiceway"), latency=NO_LATENCY, patience_s=1)
    yield started
    started.stop()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[type[Running]]:
    """Makes deployments with settings of a test's own and stops them."""
    made: list[Running] = []

    class Fresh(Running):
        def __init__(self, **options: object) -> None:
            super().__init__(tmp_path / f"run{len(made)}", **options)  # type: ignore[arg-type]  # passed on
            made.append(self)

    yield Fresh
    for each in made:
        each.stop()


@pytest.fixture(autouse=True)
def nothing_secret_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No record of the server, at any level, tells a prompt, a key or a proxy token."""
    for name in OURS:
        caplog.set_level(logging.DEBUG, name)
    yield
    formatter = logging.Formatter()
    for record in caplog.get_records("call"):
        if record.name.partition(".")[0] in OURS:
            text = formatter.format(record)
            assert not any(secret in text for secret in SECRETS), record.name


@pytest.fixture(autouse=True)
def no_addon_errors(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """mitmproxy logs what an addon raises and forwards the request: any such record fails the test."""
    yield
    texts = [record.getMessage() for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
    bad = [text for text in texts if "has crashed" in text or "Addon error" in text or "failed:" in text]
    assert not bad
