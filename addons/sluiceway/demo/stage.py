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
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sluiceway.app import control
from sluiceway.app.deployment import Deployment
from sluiceway.app.init import init
from sluiceway.app.operations import perform
from sluiceway.demo.cast import TEAMS
from sluiceway.demo.company import OVERLOADED, SETTINGS, write_rules
from sluiceway.demo.providers import Providers
from sluiceway.demo.terminal import Terminal
from sluiceway.errors import SluicewayError

START_S = 60.0
NIGHT_S = 2.0  # what the simulated Anthropic needs for a batch, in whole seconds


@dataclass(frozen=True, slots=True)
class Stage:
    """What stands: the deployment, the providers with their own count, and everybody's proxy URL.

    `folder` is for what is not the deployment's: the auditors' keys, somebody's home.
    """

    folder: Path
    deployment: Deployment
    providers: Providers
    proxy_urls: dict[str, str]

    @property
    def operator(self) -> Terminal:
        return Terminal(self.deployment.config)

    @property
    def anchor(self) -> Path:
        return self.deployment.settings.certs / "ca.pem"

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
    providers.keep_bodies = True
    providers.let_jobs_take(NIGHT_S)
    providers.fault(f"anthropic/{OVERLOADED}", "529")
    with _on_a_thread(providers, folder / "providers"):
        port, own_port = free_ports(2)
        text = SETTINGS.format(
            port=port, own_port=own_port, ca_file=providers.ca_file, provider_port=providers.port
        )
        deployment = init(folder / "deployment", "Demo Company", text).deployment
        write_rules(deployment, folder)
        urls = {}
        for name, team in TEAMS.items():
            added = perform(deployment, "person.add", name=name, kind="employee", team=team)
            urls[name] = f"http://{name}:{added['token']}@127.0.0.1:{port}"
        urls["nobody"] = f"http://alice:swy_a-token-of-last-year@127.0.0.1:{port}"
        stage = Stage(folder, deployment, providers, urls)
        with _served(deployment):
            yield stage


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
def _served(deployment: Deployment) -> Iterator[None]:
    """`sluiceway serve`, as a company would run it, in a process of its own."""
    log = (deployment.folder / "serve.log").open("wb")
    with log:
        process = subprocess.Popen(
            [sys.executable, "-m", "sluiceway", "serve", "--config", str(deployment.config)],
            stderr=log,
            stdout=log,
        )
        try:
            _wait_until_it_answers(process, deployment)
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(START_S)


def _wait_until_it_answers(process: subprocess.Popen[bytes], deployment: Deployment) -> None:
    """Commands reach it a moment after its ports are open."""
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        try:
            control.ask(deployment.config, "status", {})
        except control.NotRunning:
            time.sleep(0.05)
        else:
            return
    log = (deployment.folder / "serve.log").read_text(errors="replace")
    raise SluicewayError(f"serve did not start:\n{log}")


def free_ports(count: int) -> list[int]:
    """So many different ports that nothing uses now."""
    with ExitStack() as held:
        probes = [held.enter_context(closing(socket.create_server(("127.0.0.1", 0)))) for _ in range(count)]
        return [probe.getsockname()[1] for probe in probes]


def free_port() -> int:
    """One that nothing uses now."""
    return free_ports(1)[0]
