"""`sluiceway demo`: builds a stage, lets its people work, shows what happened, and writes the report."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text
from sqlalchemy import func, select

from sluiceway import __version__
from sluiceway.app import reporting
from sluiceway.demo.cast import TEAMS
from sluiceway.demo.stage import Stage, set_up
from sluiceway.report import Period, build, write
from sluiceway.store.tables import discovery, ledger
from sluiceway.types import to_usd

PLAY_S = 90.0
WRITTEN_S = 8.0


@dataclass(slots=True)
class Part:
    """How one employee's work is going."""

    done: int = 0
    refused: int = 0
    last: str = ""
    words: Counter[str] = field(default_factory=Counter)
    ended: bool = False

    def hear(self, line: dict[str, object]) -> None:
        self.last = str(line["what"])
        if line["ok"]:
            self.done += 1
        else:
            self.refused += 1
            self.words[str(line["said"])] += 1


def tour(out: Path, *, keep: bool) -> int:
    """Runs the demo. Returns the exit code: 1 if the ledger did not equal the providers' own count."""
    console = Console(highlight=False)
    started_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sluiceway-demo-") as folder:
        console.print(f"[bold]Sluiceway {__version__}[/bold]: a deployment in {folder}")
        with set_up(Path(folder)) as stage:
            console.print(
                f"Simulated providers on 127.0.0.1:{stage.providers.port}, the proxy at "
                f"{stage.deployment.settings.public_url}. Four employees set HTTPS_PROXY and start to work.\n"
            )
            parts = _play(stage, console)
            _refusals(console, parts)
            equal = _compare(stage, console)
            _report(stage, out)
            console.print(
                f"\nThe report is in [bold]{out.resolve()}[/bold]; all this took "
                f"{time.monotonic() - started_s:.0f} s. "
                "Look at: what needs attention, on top; the budget 'support-trial' that held;\n"
                "the preview model without a price; chatgpt.com, seen but not decrypted; spend by team."
            )
            if keep:
                _keep(stage, console)
    return 0 if equal else 1


def _play(stage: Stage, console: Console) -> dict[str, Part]:
    parts = {name: Part() for name in TEAMS}
    processes = [_start(stage, name, part.hear) for name, part in parts.items()]
    until = time.monotonic() + PLAY_S
    with Live(_table(stage, parts), console=console, refresh_per_second=8) as live:
        for name, process in zip(parts, processes, strict=True):
            while process.poll() is None and time.monotonic() < until:
                time.sleep(0.1)
                live.update(_table(stage, parts))
            if process.poll() is None:
                process.kill()
            parts[name].ended = True
        _stranger(stage)
        _until_written(stage)
        live.update(_table(stage, parts))
    return parts


def _start(stage: Stage, name: str, hear: Callable[[dict[str, object]], None]) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "sluiceway.demo.cast", name],
        env=stage.environment(name),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )

    def listen() -> None:
        assert process.stdout
        with process.stdout:
            for line in process.stdout:
                hear(json.loads(line))

    threading.Thread(target=listen, daemon=True).start()
    return process


def _stranger(stage: Stage) -> None:
    """Somebody with an old token: let in nowhere, told why."""
    proxy = stage.proxy_urls["nobody"]
    ca = str(stage.deployment.settings.certs / "ca.pem")
    command = ["curl", "-s", "-m", "5", "-x", proxy, "--cacert", ca, "https://api.anthropic.com/v1/models"]
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):  # no curl here: one refusal less to see
        subprocess.run(command, capture_output=True, timeout=10, check=False)


def _until_written(stage: Stage) -> None:
    """Tunnels are counted when they end and written every few seconds; the report should have them."""
    until = time.monotonic() + WRITTEN_S
    while time.monotonic() < until:
        with stage.deployment.store(writable=False) as store, store.read() as connection:
            if connection.scalar(select(func.count()).select_from(discovery)):
                return
        time.sleep(0.2)


def _table(stage: Stage, parts: dict[str, Part]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("employee", "team", "now"):
        table.add_column(heading, min_width=10)
    for heading in ("answers", "refused", "spent"):
        table.add_column(heading, justify="right", min_width=8)
    spent = _spent(stage)
    for name, part in parts.items():
        doing = Text("finished", style="dim") if part.ended else Text(part.last or "starting")
        refused = Text(str(part.refused), style="bold red" if part.refused else "")
        table.add_row(name, TEAMS[name], doing, str(part.done), refused, f"${to_usd(spent.get(name, 0)):.4f}")
    return table


def _spent(stage: Stage) -> dict[str, int]:
    with stage.deployment.store(writable=False) as store, store.read() as connection:
        rows = connection.execute(
            select(ledger.c.principal, func.coalesce(func.sum(ledger.c.cost_nusd), 0)).group_by(
                ledger.c.principal
            )
        )
        return {name: int(total) for name, total in rows}


def _refusals(console: Console, parts: dict[str, Part]) -> None:
    console.print("\n[bold]What their clients showed when Sluiceway said no[/bold]")
    for name, part in parts.items():
        for words, times in part.words.items():
            console.print(Text(f"  {name} ({times}x): {words}"))


def _compare(stage: Stage, console: Console) -> bool:
    """The ledger beside what the providers counted themselves: they must be equal, answer by answer."""
    counted = Counter(tokens_billed(served.usage) for served in stage.providers.billed if served.usage)
    with stage.deployment.store(writable=False) as store, store.read() as connection:
        rows = connection.execute(
            select(ledger.c.input_tokens, ledger.c.output_tokens).where(
                ledger.c.usage_source == "reported", ledger.c.operation != "count_tokens"
            )
        ).all()
        discrepancies = store.verify()
    recorded = Counter((row.input_tokens, row.output_tokens or 0) for row in rows)
    table = Table(
        box=None, pad_edge=False, title="The providers' own count, and the ledger", title_justify="left"
    )
    table.add_column("")
    for heading in ("answers", "input tokens", "output tokens"):
        table.add_column(heading, justify="right", min_width=12)
    for who, count in (("providers", counted), ("ledger", recorded)):
        sums = [sum(tokens[n] * times for tokens, times in count.items()) for n in (0, 1)]
        table.add_row(who, *(f"{value:,}" for value in (sum(count.values()), *sums)))
    console.print()
    console.print(table)
    equal = counted == recorded and not discrepancies
    console.print(
        "Equal, answer by answer; every budget counter equals its rows."
        if equal
        else "[bold red]They differ. That is a defect: please report it.[/bold red]"
    )
    return equal


def tokens_billed(usage: Mapping[str, Any]) -> tuple[int, int]:
    """Input and output tokens of a provider's usage object, worked out apart from the wire room."""
    if "promptTokenCount" in usage:
        put_in = usage["promptTokenCount"] + usage.get("toolUsePromptTokenCount", 0)
        return put_in, usage.get("candidatesTokenCount", 0) + usage.get("thoughtsTokenCount", 0)
    if "prompt_tokens" in usage:
        return usage["prompt_tokens"], usage.get("completion_tokens", 0)
    cached = usage.get("cache_creation_input_tokens", 0) + usage.get("cache_read_input_tokens", 0)
    return usage["input_tokens"] + cached, usage["output_tokens"]


def _report(stage: Stage, out: Path) -> None:
    now = datetime.now(UTC)
    week = Period(now - timedelta(days=7), now)
    with stage.deployment.store(writable=False) as store, store.read() as connection:
        page = build(
            connection,
            period=week,
            names=False,
            generated_at=now,
            version=__version__,
            title="AI usage report (demo)",
            **reporting.given(stage.deployment, store, week),
        )
    write(out, page)


def _keep(stage: Stage, console: Console) -> None:
    """Leaves it running and says how to point real clients at it."""
    certs = stage.deployment.settings.certs
    console.print(
        "\n[bold]Still running.[/bold] In another terminal, as alice (simulated answers, no key needed):\n"
    )
    for line in (
        f"export HTTPS_PROXY={stage.proxy_urls['alice']}",
        f"export NODE_EXTRA_CA_CERTS={certs / 'ca.pem'} SSL_CERT_FILE={certs / 'bundle.pem'}",
        "ANTHROPIC_API_KEY=demo claude -p 'say hi'",
        f"curl --cacert {certs / 'ca.pem'} https://api.anthropic.com/v1/messages -H 'x-api-key: demo' "
        "-H 'anthropic-version: 2023-06-01' -d '"
        '{"model":"claude-sonnet-4-6","max_tokens":99,"messages":[{"role":"user","content":"hi"}]}'
        "'",
        f"sluiceway status --config {stage.deployment.config}",
    ):
        console.print(Text(f"  {line}"), soft_wrap=True)
    console.print("\nCtrl-C ends it and removes everything.")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        console.print("ending")
