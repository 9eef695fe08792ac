"""Processes of their own that need not load Python and Sluiceway anew: forked from one that has.

Loading takes two seconds of CPU, and the tests start some eighty processes. What a fork leaves unproven,
that the installed scripts start, is what `tests/e2e/test_cli.py` and `make package` are for.
"""

from __future__ import annotations

import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from multiprocessing import get_context
from pathlib import Path

_PROCESSES = get_context("forkserver")
_PROCESSES.set_forkserver_preload(["tests.heavy.loaded"])


class Forked:
    """A command that runs, with what tests use of `subprocess.Popen`. `errors` None: with the output."""

    def __init__(
        self,
        command: Sequence[str],
        output: Path,
        environment: Mapping[str, str] | None = None,
        errors: Path | None = None,
    ) -> None:
        given = {**os.environ, **(environment or {})}
        # A daemon in multiprocessing's sense: it dies with the tests.
        self._process = _PROCESSES.Process(
            target=_run, args=(list(command), str(output), str(errors or output), given), daemon=True
        )
        output.touch()
        self._process.start()
        assert self._process.pid is not None
        self.pid: int = self._process.pid
        self._command = list(command)

    def poll(self) -> int | None:
        """The exit code, below zero for a signal; None: it runs."""
        return self._process.exitcode

    def wait(self, timeout_s: float | None = None) -> int:
        """The exit code, once it has ended. Raises subprocess.TimeoutExpired."""
        self._process.join(timeout_s)
        ended = self.poll()
        if ended is None:
            raise subprocess.TimeoutExpired(self._command, timeout_s or 0)
        return ended

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def run(
    command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None, timeout_s: float = 60
) -> subprocess.CompletedProcess[str]:
    """A command from its start to its end; `folder` is where its output goes meanwhile."""
    output, errors = folder / "stdout.txt", folder / "stderr.txt"
    output.unlink(missing_ok=True)
    errors.unlink(missing_ok=True)
    process = Forked(command, output, environment, errors)
    try:
        code = process.wait(timeout_s)
    finally:
        process.kill()
    return subprocess.CompletedProcess(
        list(command), code, output.read_text("utf-8"), errors.read_text("utf-8")
    )


def _run(command: list[str], output: str, errors: str, environment: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    for path, descriptor in ((output, 1), (errors, 2)):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    program, *words = command
    if Path(program).name == "mitmdump":
        from mitmproxy.tools.main import mitmdump

        sys.exit(mitmdump(words))
    if program == sys.executable:
        option, module, *words = words
        assert option == "-m"
        sys.argv = [module, *words]
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        return
    from sluiceway.cli import main

    main(words)
