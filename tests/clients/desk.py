"""An employee's machine: a home, the variables a company rolls out, and a client run to its end."""

from __future__ import annotations

import ipaddress
import os
import signal
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.clients.cli import Cli
from tests.e2e.running import Running

PATIENCE_S = 60
# Each is read by some client alone; a company rolls out all of them.
TRUST = ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE")
# Other hosts the clients like to ask. They are tunnelled, and end at the simulator like everything else.
ELSEWHERE = ("chatgpt.com", "ab.chatgpt.com", "github.com", "api.github.com", "play.googleapis.com")


@dataclass(slots=True)
class Ran:
    """What a client printed and how it ended. `strangers` are addresses beyond loopback it connected to."""

    code: int = 0
    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)
    strangers: set[str] = field(default_factory=set)

    @property
    def shown(self) -> str:
        """Everything a person at the terminal sees."""
        return "".join([*self.out, *self.err])


class Desk:
    """A folder to work in and an environment with nothing of this process's own in it. `trust` are the
    variables that name the CA bundle."""

    def __init__(self, folder: Path, running: Running, proxy: str, trust: tuple[str, ...] = TRUST) -> None:
        self.work, self._home, self._temporary = folder / "work", folder / "home", folder / "tmp"
        for each in (self.work, self._home, self._temporary):
            each.mkdir(parents=True)
        # As rolled out: public roots and the company's CA. The simulator's own CA is a public root here.
        bundle = folder / "bundle.pem"
        company = running.deployment.settings.certs / "bundle.pem"
        bundle.write_text(company.read_text() + running.providers.ca_file.read_text())
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self._home),
            "TMPDIR": str(self._temporary),
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "HTTPS_PROXY": proxy,
            "https_proxy": proxy,
            "NO_PROXY": "localhost,127.0.0.1,::1",
            "NODE_USE_ENV_PROXY": "1",
            **dict.fromkeys(trust, str(bundle)),
        }

    def run(
        self, cli: Cli, arguments: tuple[str, ...], prompt: str, on_line: Callable[[str], None] | None = None
    ) -> Ran:
        """The client run to its end, or killed with its children when it takes too long."""
        process = subprocess.Popen(
            [str(cli.path), *arguments, prompt],
            env=self._environment | cli.environment,
            cwd=self.work,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        ran, done = Ran(), threading.Event()
        helpers = [
            threading.Thread(target=_read, args=(process.stdout, ran.out, on_line)),
            threading.Thread(target=_read, args=(process.stderr, ran.err, on_line)),
            threading.Thread(target=_watch, args=(process.pid, ran.strangers, done)),
        ]
        for helper in helpers:
            helper.start()
        try:
            ran.code = process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{cli.command} did not end:\n{ran.shown[-3000:]}") from None
        finally:
            _kill(process)
            done.set()
            for helper in helpers:
                helper.join(10)
        return ran


def _read(pipe: object, lines: list[str], on_line: Callable[[str], None] | None) -> None:
    for line in pipe:  # type: ignore[attr-defined]  # a text pipe
        lines.append(line)
        if on_line:
            on_line(line)
    pipe.close()  # type: ignore[attr-defined]


def _watch(pid: int, strangers: set[str], done: threading.Event) -> None:
    """Looks at the sockets of the client and its children, fifty times a second."""
    while not done.wait(0.02):
        try:
            parent = psutil.Process(pid)
            family = [parent, *parent.children(recursive=True)]
            ends = [each.raddr for one in family for each in one.net_connections("inet") if each.raddr]
        except psutil.Error:
            continue  # one of them has just ended
        strangers |= {f"{end.ip}:{end.port}" for end in ends if not ipaddress.ip_address(end.ip).is_loopback}


def _kill(process: subprocess.Popen[str]) -> None:
    """Also what the client left behind: it leads a process group of its own."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait(10)
