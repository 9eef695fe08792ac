"""The stage of the demo: a deployment in a temporary folder, simulated providers, a running proxy."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sluiceway.app.deployment import Deployment
from sluiceway.app.init import init
from sluiceway.app.operations import perform
from sluiceway.demo.cast import TEAMS
from sluiceway.demo.providers import Providers
from sluiceway.errors import SluicewayError

SETTINGS = """\
listeners: [{{address: 127.0.0.1:{port}}}]
public_url: http://127.0.0.1:{port}
contact: "#ai-platform"
upstream:
  trusted_ca: {ca_file}
  connect_to: {{"*:443": "127.0.0.1:{provider_port}"}}   # the simulated providers stand in for the real ones
drain_timeout_s: 5
"""
BUDGETS = """\
version: 1
budgets:
  - {name: company-month, scope: company, limit_usd: 5, window: month}
  - {name: team-month, scope: {team: "*"}, limit_usd: 1, window: month, alert_at: [80, 100]}
  - {name: per-head-day, scope: {employee: "*"}, limit_usd: 0.25, window: day}
  - {name: support-trial, scope: {employee: dave}, limit_usd: 0.04, window: day, alert_at: [80]}
"""
START_S = 20.0


@dataclass(frozen=True, slots=True)
class Stage:
    """What stands: the deployment, the providers with their own count, and everybody's proxy URL."""

    deployment: Deployment
    providers: Providers
    proxy_urls: dict[str, str]

    def environment(self, name: str) -> dict[str, str]:
        """What an employee's machine sets, and nothing else of ours."""
        kept = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
        certs = self.deployment.settings.certs
        return {
            **kept,
            "HTTPS_PROXY": self.proxy_urls[name],
            "NO_PROXY": "localhost,127.0.0.1,::1",
            "SSL_CERT_FILE": str(certs / "bundle.pem"),
        }


@contextmanager
def set_up(folder: Path) -> Iterator[Stage]:
    """Builds the stage, and takes it down at the end."""
    providers = Providers(seed=7)
    with _on_a_thread(providers, folder / "providers"):
        port = free_port()
        text = SETTINGS.format(port=port, ca_file=providers.ca_file, provider_port=providers.port)
        deployment = init(folder / "deployment", "Demo Company", text).deployment
        (deployment.settings.rules / "policy" / "10-budgets.yaml").write_text(BUDGETS)
        urls = {}
        for name, team in TEAMS.items():
            added = perform(deployment, "person.add", name=name, kind="employee", team=team)
            urls[name] = f"http://{name}:{added['token']}@127.0.0.1:{port}"
        urls["nobody"] = f"http://alice:swy_a-token-of-last-year@127.0.0.1:{port}"
        with _served(deployment, port):
            yield Stage(deployment, providers, urls)


@contextmanager
def _on_a_thread(providers: Providers, folder: Path) -> Iterator[None]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(providers.start(folder), loop).result(START_S)
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(providers.stop(), loop).result(START_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(START_S)
        loop.close()


@contextmanager
def _served(deployment: Deployment, port: int) -> Iterator[None]:
    """`sluiceway serve`, as a company would run it, in a process of its own."""
    log = (deployment.folder / "serve.log").open("wb")
    with log:
        process = subprocess.Popen(
            [sys.executable, "-m", "sluiceway", "serve", "--config", str(deployment.config)],
            stderr=log,
            stdout=log,
        )
        try:
            _wait_until_it_listens(process, port, deployment.folder / "serve.log")
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(START_S)


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SluicewayError(f"serve did not start:\n{log.read_text(errors='replace')}")


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port: int = probe.getsockname()[1]
    return port
