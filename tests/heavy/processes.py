"""Sluiceway and its simulated providers as processes of their own, and the deployment they share."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import psutil
import psycopg
from psycopg.rows import dict_row

from sluiceway.app import operations
from sluiceway.app.deployment import Deployment
from sluiceway.app.init import init

SCRIPTS = Path(sys.executable).parent
START_S = 60.0
_SETTINGS = """\
listeners: [{{address: 127.0.0.1:0}}]
public_url: http://127.0.0.1:8080
upstream:
  trusted_ca: {ca_file}
  connect_to: {{"*:443": "127.0.0.1:{port}"}}
drain_timeout_s: {drain_s}
wait_s: 60
"""
_POLICY = """\
version: 1
budgets:
  - {name: company-month, scope: company, limit_usd: 1000000, window: month}
  - {name: team-week, scope: {team: "*"}, limit_usd: 1000000, window: week}
  - {name: per-head-day, scope: {employee: "*"}, limit_usd: 1000000, window: day}
"""


class NotStartedError(Exception):
    """A process did not come up; the text has what it said."""


class Child:
    """A process whose output goes to a file."""

    def __init__(
        self, command: list[str], output: Path, ready: str | None, environment: dict[str, str] | None = None
    ) -> None:
        self._output = output
        with output.open("wb") as out:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
            )
        self.ready_line = "" if ready is None else self.wait_for(ready)

    def wait_for(self, text: str) -> str:
        """The first line of output that holds the text. Raises NotStartedError when none comes."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            for line in self.said().splitlines():
                if text in line:
                    return line
            if self.process.poll() is not None:
                break
            threading.Event().wait(0.01)
        self.kill()
        raise NotStartedError(self.said()[-2000:])

    def said(self) -> str:
        return self._output.read_text("utf-8", "replace")

    def resident_bytes(self) -> int:
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def ended(self, timeout_s: float) -> int:
        """The exit code, once it has ended by itself. Raises subprocess.TimeoutExpired."""
        return self.process.wait(timeout_s)

    def kill(self) -> None:
        """SIGKILL: nothing is flushed, nothing is said."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Ends it, whatever state it is in."""
        if self.process.poll() is not None:
            return
        self.terminate()
        try:
            self.ended(20)
        except subprocess.TimeoutExpired:
            self.kill()


@dataclass(frozen=True, slots=True)
class Billing:
    """The simulated providers and the log of what they count as theirs to bill."""

    child: Child
    port: int
    ca_file: str
    log: Path

    @classmethod
    def start(cls, folder: Path, first_ms: tuple[int, int], between_ms: tuple[int, int]) -> Billing:
        log = folder / "billed.jsonl"
        command = [
            *(sys.executable, "-m", "sluiceway.demo.providers"),
            *("--folder", str(folder / "providers"), "--log", str(log)),
            *("--first-ms", *map(str, first_ms), "--between-ms", *map(str, between_ms)),
        ]
        child = Child(command, folder / "providers.txt", '"port"')
        told = orjson.loads(child.ready_line)
        return cls(child, told["port"], told["ca_file"], log)

    def served(self) -> list[dict[str, Any]]:
        """Everything that was counted; of several lines about one request the last holds."""
        found: dict[str, dict[str, Any]] = {}
        for line in self.log.read_bytes().splitlines():
            entry = orjson.loads(line)
            found[entry["request_id"]] = entry
        return [entry for entry in found.values() if entry["usage"] is not None]


class Proxy:
    """A deployment and, while it runs, its `sluiceway serve`."""

    def __init__(
        self,
        folder: Path,
        billing: Billing,
        *,
        people: tuple[str, ...] = ("alice",),
        services: tuple[str, ...] = (),
        drain_s: float = 30,
        store: str | None = None,
        workers: int = 1,
        policy: str = _POLICY,
    ) -> None:
        text = _SETTINGS.format(ca_file=billing.ca_file, port=billing.port, drain_s=drain_s)
        if store is not None:
            text += f"store: {store}\n"
        self._workers = workers
        self.deployment: Deployment = init(folder / "deployment", "Heavy", text).deployment
        rules = self.deployment.settings.rules / "policy"
        for file in rules.glob("*.yaml"):
            file.unlink()
        (rules / "10-heavy.yaml").write_text(policy, "utf-8")
        self._tokens = {name: self._add(name) for name in people}
        self._tokens |= {name: self._add(name, "service") for name in services}
        self._starts = 0
        self._folder = folder

    def _add(self, name: str, kind: str = "employee") -> str:
        added = operations.perform(self.deployment, "person.add", name=name, kind=kind, team="core")
        return str(added["token"])

    def start(self) -> Child:
        """Starts `sluiceway serve` and returns once it listens."""
        self._starts += 1
        command = [str(SCRIPTS / "sluiceway"), "serve", "--config", str(self.deployment.config)]
        if self._workers > 1:
            command += ["--workers", str(self._workers)]
        child = Child(command, self._folder / f"serve-{self._starts}.txt", "listening on ")
        self.port = int(child.ready_line.rpartition(":")[2])
        return child

    @contextmanager
    def serving(self) -> Iterator[Child]:
        """`sluiceway serve` for the length of a with block, ended at its end if it is still there."""
        child = self.start()
        try:
            yield child
        finally:
            child.stop()

    @property
    def urls(self) -> list[str]:
        """HTTPS_PROXY of each person."""
        return [self.url(name) for name in self._tokens]

    def url(self, name: str) -> str:
        """HTTPS_PROXY of one of them."""
        return f"http://{name}:{self._tokens[name]}@127.0.0.1:{self.port}"

    @property
    def anchor(self) -> str:
        return str(self.deployment.settings.certs / "ca.pem")

    def rows(self) -> list[dict[str, Any]]:
        """The ledger as it is on disk, oldest first."""
        url = self.deployment.settings.store
        if url.startswith("postgresql"):
            with psycopg.connect(url, row_factory=dict_row) as database:
                return list(database.execute("SELECT * FROM ledger ORDER BY id"))
        path = url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute("SELECT * FROM ledger ORDER BY id")]

    def settled_rows(self, principal: str, at_least: int) -> list[dict[str, Any]]:
        """The rows of one person, once there are so many and all of them have ended."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            mine = [row for row in self.rows() if row["principal"] == principal]
            if len(mine) >= at_least and all(row["owner"] is None for row in mine):
                return mine
            threading.Event().wait(0.1)
        raise NotStartedError(f"{principal}: rows are missing or open after {START_S:.0f} s")

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A `sluiceway` command on this deployment."""
        return subprocess.run(
            [str(SCRIPTS / "sluiceway"), *arguments, "--config", str(self.deployment.config)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
