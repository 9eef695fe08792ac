"""`serve --workers 2` on PostgreSQL: one port, two processes, caps that hold over both, and a supervisor."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from sluiceway.app import control
from sluiceway.app.init import init
from tests.heavy.asking import Answered, Question, clients, together
from tests.heavy.processes import SCRIPTS, Billing, Child, Proxy
from tests.postgres_server import Server

pytestmark = pytest.mark.e2e

POLICY = """\
version: 1
budgets:
  - {name: alice-day, scope: {employee: alice}, limit_usd: 0.05, window: day}
  - {name: all-month, scope: company, limit_usd: 1000, window: month}
"""


@dataclass(frozen=True)
class World:
    proxy: Proxy
    serve: Child
    billing: Billing

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = control.ask(self.proxy.deployment.config, "status", {})
        return found

    def ask(self, name: str, times: int) -> list[Answered]:
        async def asked() -> list[Answered]:
            async with clients(self.proxy.anchor, pooled=False) as asking:
                question = Question("anthropic", False, 100, 160)
                return await together([asking.ask(self.proxy.url(name), question) for _ in range(times)])

        return asyncio.run(asked())

    def workers(self) -> list[int]:
        """The processes that serve."""
        found = []
        for child in psutil.Process(self.serve.process.pid).children():
            with suppress(psutil.NoSuchProcess):  # or a zombie
                if "--worker" in child.cmdline():
                    found.append(child.pid)
        return found

    def until(self, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        for _ in range(300):
            status = self.status()
            if holds(status):
                return status
            threading.Event().wait(0.1)
        raise AssertionError(status)


def all_up(status: dict[str, Any]) -> bool:
    return [each["up"] for each in status["workers"]] == [True, True]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, postgres: Server) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("workers")
    billing = Billing.start(folder, (5, 30), (1, 5))
    try:
        proxy = Proxy(
            folder, billing, people=("alice", "bob"), store=postgres.create(), workers=2, policy=POLICY
        )
        with proxy.serving() as serve:
            serve.wait_for("2 workers on ")
            yield World(proxy, serve, billing)
    finally:
        billing.child.stop()


def test_a_cap_holds_over_both_workers_and_both_serve(world: World) -> None:
    """A cap worth 32 answers of 1.527 million nano-dollars, and 60 ask; whole answers cannot pass it."""
    answers = world.ask("alice", 60)
    whole = [answer for answer in answers if answer.whole]
    assert 20 <= len(whole) < 60
    rows = world.proxy.settled_rows("alice", 60)
    assert sum(row["charged_nusd"] for row in rows) <= 50_000_000
    assert world.proxy.command("ledger", "verify").stdout.strip() == "every counter equals the ledger"
    status = world.until(lambda found: all_up(found) and found["nodes"] == 2 and len(world.workers()) == 2)
    assert status["open_reservations"] == 0


def test_a_person_added_while_they_run_is_known_to_both(world: World) -> None:
    added = json.loads(world.proxy.command("employee", "add", "carol", "--team", "core", "--json").stdout)
    world.proxy._tokens["carol"] = added["token"]
    threading.Event().wait(1.5)  # each looks for changed people twice a second
    assert all(answer.whole for answer in world.ask("carol", 12))


def test_rules_are_reloaded_everywhere(world: World) -> None:
    policy = world.proxy.deployment.settings.rules / "policy" / "20-no.yaml"
    before = world.status()["policy_version"]
    policy.write_text("version: 1\nroutes:\n  - {name: none, match: {model: '*'}, deny: {reason: not now}}\n")
    try:
        done = world.proxy.command("reload", "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["policy_version"] != before
        assert not any(answer.whole for answer in world.ask("bob", 12))
    finally:
        policy.unlink()
        os.kill(world.serve.process.pid, signal.SIGHUP)
        world.until(lambda status: status["policy_version"] == before)


def test_a_worker_that_dies_is_started_again_and_the_other_serves_on(world: World) -> None:
    first, second = world.workers()
    os.kill(first, signal.SIGKILL)
    while first in world.workers():
        threading.Event().wait(0.05)
    assert any(answer.whole for answer in world.ask("bob", 12))
    world.until(all_up)
    assert second in world.workers()
    assert all(answer.whole for answer in world.ask("bob", 12))


def test_a_second_serve_of_the_same_deployment_is_refused(world: World) -> None:
    done = world.proxy.command("serve")
    assert done.returncode == 1
    assert "a serve is running for this deployment already" in done.stderr


def test_sigterm_drains_all(world: World) -> None:
    workers = world.workers()
    world.serve.terminate()
    assert world.serve.ended(30) == 0
    assert not any(psutil.pid_exists(each) for each in workers)
    done = world.proxy.command("ledger", "verify")
    assert done.stdout.strip() == "every counter equals the ledger"


def test_sqlite_has_one_worker(tmp_path: Path) -> None:
    deployment = init(tmp_path / "d", "Test").deployment
    command = [str(SCRIPTS / "sluiceway"), "serve", "--workers", "2", "--config", str(deployment.config)]
    child = Child(command, tmp_path / "out.txt", None)
    assert child.ended(60) == 1
    said = "an SQLite file is written by one process, so --workers 2 needs a PostgreSQL database"
    assert said in child.said()


def test_a_worker_ends_with_its_supervisor(world: World) -> None:
    with world.proxy.serving() as serve:
        serve.wait_for("2 workers on ")
        workers = World(world.proxy, serve, world.billing).workers()
        serve.kill()
        for _ in range(300):
            if not any(psutil.pid_exists(each) for each in workers):
                return
            threading.Event().wait(0.1)
    raise AssertionError("they are still there")
