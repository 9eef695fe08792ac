"""`sluiceway ca`: the company's anchor, which machines trust, and the issuer that signs for AI hosts.

The certificates' code takes long to import, so each command imports it for itself.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Annotated

import typer

from sluiceway.app.deployment import Deployment
from sluiceway.cli.shape import DEFAULT_CONFIG, AsJson, Config, application, facts, show

ca = application("Show and renew the certificates.")


@ca.command(name="show")
def show_(config: Config = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """What machines have to trust, until when, and which hosts the issuer may speak for."""
    from sluiceway.app import authority

    found = authority.describe(Deployment.load(config))
    where = "on this machine: move it to a safe place" if found["anchor_key_on_this_machine"] else "elsewhere"
    words = {
        "machines trust": found["anchor"],
        "SHA-256": found["anchor_sha256"],
        "until": found["anchor_until"],
        "its key": where,
        "issuer until": found["issuer_until"],
        "issuer speaks for": f"{len(found['hosts'])} hosts, listed below, and what is under them",
        "problems": "; ".join(found["problems"]) or "none",
    }
    show(found, as_json, f"{facts(words)}\n\n{_in_columns(found['hosts'])}")
    if found["problems"]:
        raise typer.Exit(1)


def _in_columns(hosts: list[str]) -> str:
    """By their owners, down as many columns as the terminal has room for."""
    ordered = sorted(hosts, key=lambda host: (host.split(".")[-2], host))
    width = max(map(len, ordered), default=0) + 2
    lines = -(-len(ordered) // max(1, (shutil.get_terminal_size().columns - 2) // width))
    rows = (ordered[first::lines] for first in range(lines))
    return "\n".join("  " + "".join(host.ljust(width) for host in row).rstrip() for row in rows)


@ca.command()
def rotate(
    anchor_key: Annotated[
        Path | None, typer.Option(help="The anchor's key, if it was moved off this machine.")
    ] = None,
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Make a new issuer for the hosts of rules/providers.yaml. Machines need nothing new."""
    from sluiceway.app import authority
    from sluiceway.app.init import PASSPHRASE_VARIABLE

    passphrase = os.environ.get(PASSPHRASE_VARIABLE) or typer.prompt(
        "Passphrase of the anchor's key", hide_input=True
    )
    hosts = authority.rotate(Deployment.load(config), passphrase, anchor_key)
    print(f"a new issuer for {len(hosts)} hosts is in place; a running serve uses it after a restart")
