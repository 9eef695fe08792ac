"""The processes that are measured: the simulated provider, stock mitmdump, Sluiceway; each on a free port."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import orjson
import psutil  # type: ignore[import-untyped]  # ships no types

from sluiceway.app import operations
from sluiceway.app.deployment import Deployment
from sluiceway.app.init import init

from .client import Way, context_for

SCRIPTS = Path(sys.executable).parent
STOP_S = 20
_SETTINGS = """\
listeners: [{{address: 127.0.0.1:0}}]
public_url: http://127.0.0.1:8080
upstream:
  trusted_ca: {ca_file}
  connect_to: {{"*:443": "127.0.0.1:{port}"}}
limits: {{connections_per_principal: 5000}}
drain_timeout_s: 1
"""
# Three budgets apply to each request and none is ever reached; two routes look at each and move none.
_POLICY = """\
version: 1
budgets:
  - {name: company-month, scope: company, limit_usd: 20000000, window: month}
  - {name: core-month, scope: {team: core}, limit_usd: 10000000, window: month}
  - {name: per-head-day, scope: {employee: "*"}, limit_usd: 10000000, window: day}
routes:
  - {name: no-preview, match: {model: "*-preview"}, deny: {reason: not approved yet}}
  - {name: cheap-chat, match: {model: "claude-opus-*", tools: false}, to: {model: claude-haiku-4-5}}
"""
# With `--guard` every request is looked through for secrets and personal data, and has none.
_GUARD = """\
version: 1
guard:
  - {name: no-secrets, detect: [SECRET], action: block}
  - {name: mask-people, detect: [EMAIL_ADDRESS, PHONE_NUMBER, IBAN_CODE, CREDIT_CARD], action: mask}
"""


class NotStartedError(Exception):
    """A process of the benchmark did not come up; the text has what it said."""


class Process:
    """A child process: how much CPU it has used, how much memory it holds."""

    def __init__(
        self, command: list[str], log: Path, ready: str, environment: dict[str, str] | None = None
    ) -> None:
        self.started_s = time.perf_counter()
        self._log = log
        with log.open("wb") as out:
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
            )
        self._process = psutil.Process(self._child.pid)
        self.ready_line = self._wait_for(ready, command)

    def _wait_for(self, ready: str, command: list[str]) -> str:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for line in self._log.read_text("utf-8", "replace").splitlines():
                if ready in line:
                    return line
            if self._child.poll() is not None:
                break
            time.sleep(0.005)
        self.stop()
        raise NotStartedError(f"{command[0]} said: {self._log.read_text('utf-8', 'replace')[-2000:]}")

    @property
    def pid(self) -> int:
        return self._child.pid

    def cpu_s(self) -> float:
        """CPU seconds of all its threads, user and system, since it started."""
        if sys.platform == "linux":
            # clock_getcpuclockid(3): the clock of a process, in nanoseconds where /proc counts hundredths.
            return time.clock_gettime((~self._child.pid << 3) | 2)
        used = self._process.cpu_times()
        return used.user + used.system

    def resident_bytes(self) -> int:
        return int(self._process.memory_info().rss)

    def open_files(self) -> int:
        """Files and sockets."""
        return int(self._process.num_fds())

    def stop(self) -> None:
        self._child.terminate()
        try:
            self._child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()


@dataclass(frozen=True, slots=True)
class Provider:
    """The simulated provider, answering without delay unless a request asks for one."""

    process: Process
    port: int
    ca_file: str

    @classmethod
    def start(cls, folder: Path) -> Provider:
        command = [sys.executable, "-m", "sluiceway.demo.providers", "--folder", str(folder), "--no-latency"]
        process = Process(command, folder.with_suffix(".log"), '"port"')
        told = orjson.loads(process.ready_line)
        return cls(process, told["port"], told["ca_file"])

    @property
    def way(self) -> Way:
        return Way(("127.0.0.1", self.port), context_for(self.ca_file))


@dataclass(frozen=True, slots=True)
class Proxy:
    """A running proxy and the way through it."""

    process: Process
    way: Way


class Stock:
    """mitmdump as it is installed, with proxy credentials."""

    def __init__(self, provider: Provider, folder: Path) -> None:
        self._provider = provider
        self._folder = folder
        folder.mkdir()

    def start(self, *, streams: bool = False) -> Proxy:
        """`streams`: bodies pass as they come. The first start makes the CA."""
        command = [
            *(str(SCRIPTS / "mitmdump"), "--listen-host", "127.0.0.1", "--listen-port", "0"),
            *("--proxyauth", "user:pass", "-s", str(Path(__file__).with_name("redirect.py"))),
            *("--set", f"confdir={self._folder}"),
            *("--set", f"ssl_verify_upstream_trusted_ca={self._provider.ca_file}"),
        ]
        if streams:
            command += ["--set", "stream_large_bodies=1"]
        log = self._folder / f"{'streams' if streams else 'plain'}.log"
        process = Process(
            command, log, "listening on 127.0.0.1", {"BENCH_PROVIDER_PORT": str(self._provider.port)}
        )
        ca_file = str(self._folder / "mitmproxy-ca-cert.pem")
        return Proxy(process, Way(_address(process.ready_line), context_for(ca_file), "user:pass"))


class Sluiceway:
    """A deployment made by `init`, with one employee, budgets and routes, served by a process of its own."""

    def __init__(self, provider: Provider, folder: Path, *, guard: bool = False) -> None:
        text = _SETTINGS.format(ca_file=provider.ca_file, port=provider.port)
        self.deployment: Deployment = init(folder, "Benchmark", text).deployment
        policy = self.deployment.settings.rules / "policy"
        for file in policy.glob("*.yaml"):
            file.unlink()
        (policy / "10-budgets.yaml").write_text(_POLICY, "utf-8")
        if guard:
            (policy / "20-guard.yaml").write_text(_GUARD, "utf-8")
        added = operations.perform(self.deployment, "person.add", name="alice", kind="employee", team="core")
        self._credentials = f"alice:{added['token']}"
        self._log = folder / "serve.log"

    def start(self) -> Proxy:
        command = [str(SCRIPTS / "sluiceway"), "serve", "--config", str(self.deployment.config)]
        process = Process(command, self._log, "listening on 127.0.0.1")
        ca_file = str(self.deployment.settings.certs / "ca.pem")
        return Proxy(process, Way(_address(process.ready_line), context_for(ca_file), self._credentials))


def _address(line: str) -> tuple[str, int]:
    host, _, port = line.rsplit(" ", 1)[1].rpartition(":")
    return host, int(port)
