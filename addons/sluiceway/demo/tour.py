"""`sluiceway demo`: builds a stage, lets its people work, shows what happened, and writes the report.

Each scene is a list of claims; the demo fails if one of them does not hold.
"""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import wrap

from rich.console import Console
from rich.text import Text

from sluiceway import __version__
from sluiceway.app import reporting
from sluiceway.demo.company import register_keys
from sluiceway.demo.play import Parts, gather, play
from sluiceway.demo.scenes.auditing import auditing
from sluiceway.demo.scenes.batching import batching
from sluiceway.demo.scenes.capping import capping
from sluiceway.demo.scenes.choosing import choosing
from sluiceway.demo.scenes.counting import counting
from sluiceway.demo.scenes.enrolling import enrolling
from sluiceway.demo.scenes.failing_over import failing_over
from sluiceway.demo.scenes.guarding import guarding
from sluiceway.demo.scenes.keys import keys
from sluiceway.demo.scenes.line import Line, Scene
from sluiceway.demo.scenes.mirroring import mirroring
from sluiceway.demo.scenes.reloading import reloading
from sluiceway.demo.scenes.routing import routing
from sluiceway.demo.scenes.translating import translating
from sluiceway.demo.scenes.ways_in import own_page, own_port
from sluiceway.demo.stage import Stage, set_up
from sluiceway.demo.terminal import warm_up
from sluiceway.errors import SluicewayError
from sluiceway.report import Period, build, write

# What needs nobody at work runs meanwhile; the rest looks at what they left behind; counting is last, when
# nobody asks anything any more.
MEANWHILE = {"Hot reload": reloading, "A new machine": enrolling, "A tool without credentials": own_port}
AFTERWARDS = {
    "A cap, and forty clients at once": capping,
    "A batch": batching,
    "A provider is overloaded": failing_over,
    "Another vendor's model behind the same SDK": translating,
    "Routes": routing,
    "Routes by task": choosing,
    "A copy for another model": mirroring,
    "The guard": guarding,
    "The audit": auditing,
    "Company keys": keys,
    "One's own page": own_page,
}
LAST = {"The providers' own count, and the ledger": counting}
MARKS = {True: ("✓", "green"), False: ("✗", "bold red"), None: (" ", "")}

type Lines = Sequence[Line]


def tour(out: Path, *, keep: bool) -> int:
    """Runs the demo. Returns the exit code: 1 if any claim did not hold."""
    console = Console(highlight=False)
    started_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sluiceway-demo-") as folder:
        console.print(f"[bold]Sluiceway {__version__}[/bold]: a deployment in {folder}", soft_wrap=True)
        with contextlib.ExitStack() as standing:
            with console.status("setting the stage: certificates, rules, simulated providers"):
                warm_up()
                stage = standing.enter_context(set_up(Path(folder)))
            console.print(
                f"Simulated providers on 127.0.0.1:{stage.providers.port}, the proxy at "
                f"{stage.deployment.settings.public_url}.\n"
                "Four employees set HTTPS_PROXY and start to work.\n",
                soft_wrap=True,
            )
            failed = perform(stage, console)
            with console.status("writing the report"):
                write_report(stage, out)
            console.print(
                f"\nThe report is in [bold]{out.resolve()}[/bold]; "
                f"all this took {time.monotonic() - started_s:.0f} s.",
                soft_wrap=True,
            )
            if failed:
                console.print(f"[bold red]Claims that did not hold: {failed}. Please report this.[/bold red]")
            if keep:
                _keep(stage, console)
    return 1 if failed else 0


def perform(stage: Stage, console: Console) -> int:
    """Plays every scene; how many claims did not hold."""
    parts = gather(stage)
    register_keys(stage.operator)
    with ThreadPoolExecutor() as pool:
        running = {title: pool.submit(played, scene, stage, parts) for title, scene in MEANWHILE.items()}
        play(stage, parts, console)
        _stranger(stage)
        looking = {title: pool.submit(played, scene, stage, parts) for title, scene in AFTERWARDS.items()}
        told = [line for each in (looking | running).items() for line in _awaited(console, *each)]
        last = {title: pool.submit(played, scene, stage, parts) for title, scene in LAST.items()}
        told += [line for each in last.items() for line in _awaited(console, *each)]
    console.print(f"\n[bold green]{sum(line.held is True for line in told)} claims held.[/bold green]")
    return sum(line.held is False for line in told)


def played(scene: Scene, stage: Stage, parts: Parts) -> Lines:
    """All it told; a scene that breaks off tells so as a claim that did not hold."""
    lines: list[Line] = []
    try:
        lines.extend(scene(stage, parts))
    except (SluicewayError, OSError, ValueError, LookupError, AttributeError, TypeError) as error:
        lines.append(Line(f"it broke off: {type(error).__name__}: {error}", held=False))
    return lines


def _awaited(console: Console, title: str, running: Future[Lines]) -> Lines:
    with console.status(title):
        lines = running.result()
    tell(console, title, lines)
    return lines


def tell(console: Console, title: str, lines: Lines) -> int:
    """Prints a scene; how many of its claims did not hold."""
    console.print(f"\n[bold]{title}[/bold]")
    for line in lines:
        mark, style = MARKS[line.held]
        first, *rest = wrap(line.text, console.width - 2, break_on_hyphens=False) or [""]
        of_text = "dim" if line.held is None else ""
        console.print(Text.assemble((f"{mark} ", style), (first, of_text)))
        for further in rest:
            console.print(Text(f"  {further}", of_text))
    return sum(line.held is False for line in lines)


def _stranger(stage: Stage) -> None:
    """Somebody with an old token: let in nowhere, told why."""
    proxy = stage.proxy_urls["nobody"]
    ca = str(stage.deployment.settings.certs / "ca.pem")
    command = ["curl", "-s", "-m", "5", "-x", proxy, "--cacert", ca, "https://api.anthropic.com/v1/models"]
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):  # no curl here: one refusal less to see
        subprocess.run(command, capture_output=True, timeout=10, check=False)


def write_report(stage: Stage, out: Path) -> None:
    """The week up to now, as `sluiceway report` has it."""
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
    console.print("\n[bold]Still running.[/bold] In another terminal, as alice (simulated answers):\n")
    for line in (
        f"export HTTPS_PROXY={stage.proxy_urls['alice']}",
        f"export NODE_EXTRA_CA_CERTS={certs / 'ca.pem'} SSL_CERT_FILE={certs / 'bundle.pem'}",
        "ANTHROPIC_API_KEY=sluiceway claude -p 'say hi'",
        f"curl --cacert {certs / 'ca.pem'} https://api.anthropic.com/v1/messages -H 'x-api-key: sluiceway' "
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
