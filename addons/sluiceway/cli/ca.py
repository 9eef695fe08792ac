"""`sluiceway ca`: the company's anchor, which machines trust, and the issuer that signs for AI hosts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from sluiceway.app import authority
from sluiceway.app.deployment import Deployment
from sluiceway.app.init import PASSPHRASE_VARIABLE
from sluiceway.cli.shape import DEFAULT_CONFIG, AsJson, Config, application, show

ca = application("Show and renew the certificates.")


@ca.command(name="show")
def show_(config: Config = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """What machines have to trust, until when, and which hosts the issuer may speak for."""
    found = authority.describe(Deployment.load(config))
    lines = [f"{name}: {value}" for name, value in found.items() if name != "hosts"]
    show(found, as_json, "\n".join([*lines, f"hosts: {', '.join(found['hosts'])}"]))


@ca.command()
def rotate(
    anchor_key: Annotated[
        Path | None, typer.Option(help="The anchor's key, if it was moved off this machine.")
    ] = None,
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Make a new issuer for the hosts of rules/providers.yaml. Machines need nothing new."""
    passphrase = os.environ.get(PASSPHRASE_VARIABLE) or typer.prompt(
        "Passphrase of the anchor's key", hide_input=True
    )
    hosts = authority.rotate(Deployment.load(config), passphrase, anchor_key)
    print(f"a new issuer for {len(hosts)} hosts is in place; a running serve uses it after a restart")
