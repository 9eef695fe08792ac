"""`sluiceway init`, `serve`, `demo`, `reload` and `status`: a deployment's life.

What only one command needs and takes long to import (mitmproxy, aiohttp, the SDKs) is imported inside it.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sluiceway.app import control, logs
from sluiceway.app.deployment import Deployment
from sluiceway.app.minting import in_words
from sluiceway.cli.shape import DEFAULT_CONFIG, AsJson, Config, facts, moment, show

if TYPE_CHECKING:
    from sluiceway.app.serve import Service


def init(
    folder: Annotated[Path, typer.Argument(help="Where the deployment goes.", metavar="DIR")],
    organisation: Annotated[
        str, typer.Option(help="The name in the certificates that machines will trust.")
    ] = "Sluiceway",
    as_json: AsJson = False,
) -> None:
    """Make a deployment: settings, rules, certificates, a ledger."""
    from sluiceway.app.init import init as make

    made = make(folder, organisation)
    settings = made.deployment.settings
    answer = {
        "config": str(made.deployment.config),
        "anchor": str(settings.certs / "ca.pem"),
        "anchor_key": str(made.anchor_key),
        "anchor_passphrase": made.passphrase,
    }
    secret = (
        f"\nThe passphrase of {made.anchor_key.name}, shown only now:\n\n    {made.passphrase}\n\n"
        f"Keep it, and move {made.anchor_key} off this machine: it is needed only for `sluiceway ca rotate`."
        if made.passphrase
        else ""
    )
    in_other_folder = "" if folder.resolve() == Path.cwd() else f" --config {made.deployment.config}"
    text = (
        f"A deployment is in {made.deployment.folder}.\n{secret}\n\nNext:\n"
        f"  sluiceway employee add alice --team core{in_other_folder}\n"
        f"  sluiceway serve{in_other_folder}"
    )
    show(answer, as_json, text)


def serve(
    config: Config = DEFAULT_CONFIG,
    workers: Annotated[
        int | None, typer.Option(help="So many processes on the same ports; the store must be PostgreSQL.")
    ] = None,
    worker: Annotated[int | None, typer.Option(hidden=True)] = None,
    ports: Annotated[str, typer.Option(hidden=True)] = "",
) -> None:
    """Run the proxy until SIGTERM or Ctrl-C. Streams in flight may then finish."""
    logs.to_stderr(logging.INFO)
    deployment = Deployment.load(config)
    if workers is not None or worker is not None:
        from sluiceway.app.workers import Supervisor, at_ports, must_be_possible

    if worker is not None:
        deployment = at_ports(deployment, worker, ports)
    elif workers is not None:
        must_be_possible(deployment, workers)
        if workers > 1:
            asyncio.run(Supervisor(deployment, workers).run())
            return
    from sluiceway.app.serve import serve as run

    asyncio.run(run(deployment, _announce))


def _announce(service: Service) -> None:
    for host, port in service.addresses:
        print(f"sluiceway: listening on {host}:{port}", file=sys.stderr, flush=True)
    if service.store and service.store.recovered:
        print(
            f"sluiceway: {service.store.recovered} requests of a run that was killed were settled "
            "at what was reserved for them",
            file=sys.stderr,
        )


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave the proxy running afterwards.")] = False,
    out: Annotated[Path, typer.Option(help="Where the report goes.")] = Path("report.html"),
) -> None:
    """See it work: real SDKs, simulated providers, a report."""
    from sluiceway.demo.tour import tour

    raise typer.Exit(tour(out, keep=keep))


def reload(config: Config = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Have the running serve read its rules again. Bad ones change nothing."""
    Deployment.load(config)
    answer = control.ask(config, "reload", {})
    show(answer, as_json, f"reloaded; policy version {answer['policy_version']}")


def status(config: Config = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """What the running serve is doing now."""
    Deployment.load(config)
    answer = control.ask(config, "status", {})
    words = {
        "listening on": ", ".join(answer["listening"]),
        "since": moment(answer["started_at"]),
        "state": "draining" if answer["draining"] else "serving",
        "requests in flight": answer["requests_in_flight"],
        "waiting for budget": answer["waiting"],
        "open reservations": answer["open_reservations"],
        "ends not yet on disk": answer["unsettled"],
        "settled after a crash": answer["recovered"],
        "policy version": answer["policy_version"],
        "rules": "as in the files"
        if answer["rules_problem"] is None
        else "REFUSED, the old ones stay in force",
    }
    for name, word in (
        ("nodes", "nodes of the store"),
        ("slices", "slices of hot budgets"),
        ("spooled", "rows in the spool"),
    ):
        if name in answer:
            words[word] = answer[name]
    if answer.get("breakers"):
        words["breakers"] = "; ".join(map(_breaker, answer["breakers"]))
    if answer.get("access_tokens"):
        words["access tokens"] = "; ".join(map(_token, answer["access_tokens"]))
    if answer.get("store_away"):
        words["store"] = "AWAY: it cannot be reached"
    if "workers" in answer:
        words["workers"] = ", ".join(
            f"{each['worker']}: {each['requests_in_flight']} in flight"
            if each["up"]
            else f"{each['worker']}: DOWN"
            for each in answer["workers"]
        )
    if answer["own_ports"] or answer["own_ports_not_open"]:
        words["people's own ports"] = ", ".join(map(str, answer["own_ports"])) or "none"
    if answer["own_ports_not_open"]:
        words["granted, not open"] = "; ".join(answer["own_ports_not_open"])
    problem = f"\n\n{answer['rules_problem']}" if answer["rules_problem"] else ""
    show(answer, as_json, facts(words) + problem)


def _token(each: dict[str, str | None]) -> str:
    """A company key that is a service account."""
    return in_words(each, moment(each["renewed_at"]), moment(each["good_until"]))


def _breaker(each: dict[str, str | None]) -> str:
    """Where nobody is sent for now."""
    state = {"open": "OPEN, not asked for now", "half_open": "half open, one request tries it"}
    key = f" (key {each['key']})" if each["key"] else ""
    return f"{each['provider']}/{each['model']}{key}: {state.get(each['state'] or '', each['state'])}"
