"""Simulated providers without waits, and plain clients that trust them."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from sluiceway.demo.pace import NO_LATENCY
from sluiceway.demo.providers import Providers


class Clock:
    """Seconds since the epoch, moved by hand."""

    def __init__(self) -> None:
        self.now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("providers")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def providers(folder: Path, clock: Clock) -> AsyncIterator[Providers]:
    simulated = Providers(latency=NO_LATENCY, clock=clock)
    await simulated.start(folder)
    yield simulated
    await simulated.stop()


@pytest.fixture
async def http(providers: Providers) -> AsyncIterator[httpx2.AsyncClient]:
    """What the SDKs are given too: verification on, against the simulator's own CA."""
    context = ssl.create_default_context(cafile=str(providers.ca_file))
    base = f"https://127.0.0.1:{providers.port}"
    async with httpx2.AsyncClient(verify=context, base_url=base, trust_env=False) as client:
        yield client
