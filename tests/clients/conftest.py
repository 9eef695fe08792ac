"""Fixtures of the client tests: the installed clients, a running Sluiceway, an employee's desk."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sluiceway.demo.pace import NO_LATENCY
from tests.clients.cli import CLIENTS, Cli
from tests.clients.desk import ELSEWHERE, Desk
from tests.e2e.running import Running

# Codex sends ordinary requests after a 426; over its socket it has tests of its own (test_codex_socket.py).
POSTS = "websockets: refuse"


@pytest.fixture(scope="session", autouse=True)
def installed() -> None:
    """These tests never skip: what cannot be started is a failure that says so."""
    for cli in CLIENTS:
        if not cli.path.exists():
            pytest.fail(f"{cli.package} is not installed; run `make clients`", pytrace=False)
        # PATH alone: not even the version is asked with anybody's settings.
        done = subprocess.run([cli.path, "--version"], capture_output=True, text=True, timeout=60)
        if done.returncode or cli.version not in done.stdout:
            pytest.fail(f"{cli.command} --version: {done.stdout}{done.stderr}", pytrace=False)


@pytest.fixture(params=CLIENTS, ids=lambda cli: cli.command)
def cli(request: pytest.FixtureRequest) -> Cli:
    client: Cli = request.param
    return client


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    started = Running(
        tmp_path_factory.mktemp("sluiceway"), latency=NO_LATENCY, patience_s=40, names=ELSEWHERE, more=POSTS
    )
    yield started
    started.stop()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Running]:
    """One with rules of a test's own."""
    started = Running(tmp_path / "sluiceway", latency=NO_LATENCY, names=ELSEWHERE, more=POSTS)
    yield started
    started.stop()


@pytest.fixture(scope="module")
def alice(running: Running) -> str:
    return running.add("alice")


@pytest.fixture
def desk(tmp_path: Path, running: Running, alice: str) -> Desk:
    return Desk(tmp_path / "desk", running, alice)
