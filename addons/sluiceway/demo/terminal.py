"""Typing `sluiceway ...` in the demo: the installed command, in a process forked from one that has it loaded.

Starting Python anew for each of some twenty commands would take longer than all that they do.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from importlib.metadata import entry_points
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

COMMAND = "sluiceway"
LIMIT_S = 60.0
_PROCESSES = get_context("forkserver")
_PROCESSES.set_forkserver_preload(["sluiceway.cli", "sluiceway.app.audit", "sluiceway.app.keys"])


def warm_up() -> None:
    """Begins to load the command, so that the first one typed need not wait for it."""
    _PROCESSES.Process(target=_nothing).start()


def _nothing() -> None:
    """For the process that was started for its parent's sake."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def all(self) -> str:
        return f"{self.out}{self.err}".strip()


@dataclass(frozen=True, slots=True)
class Terminal:
    """Where the deployment's operator types, or somebody else with an `environment` of their own."""

    config: Path | None = None

    def type(
        self,
        *words: str,
        environment: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
        keyboard: str = "",
    ) -> Said:
        """Runs a command to its end, with `variables` besides the `environment`, the demo's own if none is
        given. `keyboard` is what is typed to it."""
        options = ["--config", str(self.config)] if self.config else []
        given = {**(os.environ if environment is None else environment), **(variables or {})}
        reading, writing = _PROCESSES.Pipe(duplex=False)
        with reading:
            process = _PROCESSES.Process(target=_run, args=(writing, [*words, *options], given, keyboard))
            process.start()
            writing.close()
            said = reading.recv() if reading.poll(LIMIT_S) else (124, "", f"not done in {LIMIT_S:.0f} s")
            process.kill()
            process.join()
        return Said(*said)


def _run(writing: Connection, words: list[str], environment: dict[str, str], keyboard: str) -> None:
    os.environ.clear()
    os.environ.update(environment)
    sys.stdin = io.StringIO(keyboard)
    out, err, code = io.StringIO(), io.StringIO(), 0
    (command,) = entry_points(group="console_scripts", name=COMMAND)
    with redirect_stdout(out), redirect_stderr(err):
        try:
            command.load()(words)
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
    with suppress(BrokenPipeError):
        writing.send((code, out.getvalue(), err.getvalue()))
