"""The four employees at work at the same time, and what is seen of them meanwhile."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text
from sqlalchemy import and_, case, func, select

from sluiceway.demo.cast import TEAMS
from sluiceway.demo.stage import Stage
from sluiceway.store.tables import discovery, ledger
from sluiceway.types import Outcome, to_usd

PLAY_S = 75.0
WRITTEN_S = 8.0


@dataclass(frozen=True, slots=True)
class Heard:
    """One step of somebody's work: what came back, or what their client showed instead."""

    what: str
    ok: bool
    got: str | None = None
    said: str = ""


@dataclass(slots=True)
class Part:
    """One employee's process and all that was heard of it."""

    process: subprocess.Popen[str]
    heard: list[Heard] = field(default_factory=list)

    def first(self, what: str) -> Heard:
        """The first step of this name; one that never happened did not go well."""
        return next((each for each in self.heard if each.what == what), Heard(what, False))

    def listen(self) -> None:
        assert self.process.stdout
        with self.process.stdout as lines:
            for line in lines:
                self.heard.append(Heard(**json.loads(line)))


type Parts = dict[str, Part]


def gather(stage: Stage) -> Parts:
    """Starts everybody's process. They load their SDKs and wait."""
    parts = {}
    for name in TEAMS:
        process = subprocess.Popen(
            [sys.executable, "-m", "sluiceway.demo.cast", name],
            env=stage.environment(name),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        parts[name] = Part(process)
        threading.Thread(target=parts[name].listen, daemon=True).start()
    return parts


def play(stage: Stage, parts: Parts, console: Console) -> None:
    """Lets them begin, and returns when the last one is done or the time is up."""
    for part in parts.values():
        assert part.process.stdin
        part.process.stdin.close()
    until = time.monotonic() + PLAY_S
    with Live(_table(stage, parts), console=console, refresh_per_second=4) as live:
        while time.monotonic() < until and any(part.process.poll() is None for part in parts.values()):
            time.sleep(0.25)
            live.update(_table(stage, parts))
        for part in parts.values():
            part.process.kill()
            part.process.wait()
        _until_written(stage)
        live.update(_table(stage, parts))
    if not console.is_terminal:
        console.line()  # a Live ends its last line on a terminal only


def rows(stage: Stage) -> list[Any]:
    """The ledger, oldest first, once no row is open any more."""
    until = time.monotonic() + WRITTEN_S
    while True:
        with stage.deployment.store(writable=False) as store, store.read() as connection:
            found = list(connection.execute(select(ledger).order_by(ledger.c.id)))
        if time.monotonic() > until or all(row.outcome != "open" for row in found):
            return found
        time.sleep(0.2)


def _until_written(stage: Stage) -> None:
    """Tunnels are counted when they end and written every few seconds; the report should have them."""
    until = time.monotonic() + WRITTEN_S
    while time.monotonic() < until:
        with stage.deployment.store(writable=False) as store, store.read() as connection:
            if connection.scalar(select(func.count()).select_from(discovery)):
                return
        time.sleep(0.2)


def _table(stage: Stage, parts: Parts) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("employee", "team", "now"):
        table.add_column(heading, min_width=10)
    for heading in ("answers", "refused", "spent"):
        table.add_column(heading, justify="right", min_width=8)
    sums = _sums(stage)
    for name, part in parts.items():
        ended = part.process.poll() is not None
        last = part.heard[-1].what if part.heard else "starting"
        doing = Text("finished", style="dim") if ended else Text(last)
        answered, refused, spent = sums.get(name, (0, 0, 0))
        shown = Text(str(refused), style="bold red" if refused else "")
        table.add_row(name, TEAMS[name], doing, str(answered), shown, f"${to_usd(spent):.4f}")
    return table


def _sums(stage: Stage) -> dict[str, tuple[int, int, int]]:
    """Of each person: answers, refusals, nano-dollars."""
    row = ledger.c
    figures = (
        func.sum(case((and_(row.outcome == Outcome.OK, row.metered), 1), else_=0)),
        func.sum(case((row.outcome == Outcome.REFUSED, 1), else_=0)),
        func.coalesce(func.sum(row.cost_nusd), 0),
    )
    with stage.deployment.store(writable=False) as store, store.read() as connection:
        found = connection.execute(select(row.principal, *figures).group_by(row.principal))
        return {name: (int(answered), int(refused), int(spent)) for name, answered, refused, spent in found}
