"""`sluiceway key`: the company's provider keys, which employees use without holding them."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sluiceway.app.deployment import Deployment
from sluiceway.app.keys import ACCOUNT, listing, perform
from sluiceway.cli.shape import DEFAULT_CONFIG, AsJson, Config, application, moment, show, table
from sluiceway.cli.unseen import typed
from sluiceway.errors import SluicewayError

key = application("Register the company's provider keys, list and retire them.")

Label = Annotated[str, typer.Argument(help="A name for the key, for example main or core-2026.")]
MINTED = ", as access tokens that are minted for it and renewed by themselves"
READ_CHARACTERS = 16_384  # more is no key, nor the key file of a service account


class Whose(StrEnum):
    """`company`: sealed, and injected where a rule says so. `personal`: only recognised, never injected."""

    COMPANY = "company"
    PERSONAL = "personal"


@key.command()
def add(
    label: Label,
    provider: Annotated[str, typer.Option(help="Its provider's name in rules/providers.yaml.")],
    whose: Annotated[Whose, typer.Option("--class", help="Whose money it spends.")] = Whose.COMPANY,
    from_file: Annotated[
        Path | None,
        typer.Option(
            help="The file that holds it, such as a Google service account's JSON; without one it is read "
            "from the input."
        ),
    ] = None,
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Register a key, read from a file or the input: a command line is seen by others."""
    deployment = Deployment.load(config)
    secret = _from_input() if from_file is None else _from_file(from_file)
    added = perform(
        deployment, "key.add", label=label, provider=provider, key_class=whose.value, secret=secret
    )
    for warning in added["warnings"]:
        print(f"sluiceway: warning: {warning}", file=sys.stderr)
    used = (
        f"it is injected where an inject rule says so{MINTED if added['kind'] == ACCOUNT else ''}"
        if whose is Whose.COMPANY
        else "its owner's requests are metered apart and never capped in money"
    )
    show(added, as_json, f"{label} is registered for {provider} ({added['fingerprint']}); {used}")


def _from_file(path: Path) -> str:
    try:
        return path.read_text("ascii")[:READ_CHARACTERS]
    except UnicodeDecodeError:
        raise SluicewayError(f"{path}: holds more than a key") from None


def _from_input() -> str:
    if sys.stdin.isatty():
        return typed(READ_CHARACTERS)
    return sys.stdin.read(READ_CHARACTERS)


@key.command(name="list")
def list_(config: Config = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """List the keys by label, with their fingerprints as the ledger has them. Keys are never shown."""
    deployment = Deployment.load(config)
    with deployment.store(writable=False) as store:
        rows = listing(deployment, store)
    shown = [
        {**row, "added": moment(row["created_at"]), "retired": moment(row["retired_at"])} for row in rows
    ]
    columns = ["label", "provider", "class", "kind", "fingerprint", "state", "added", "retired"]
    nothing = "none yet: sluiceway key add LABEL --provider NAME --from-file FILE"
    show(rows, as_json, table(shown, columns) if rows else nothing)


@key.command()
def retire(label: Label, config: Config = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Stop using a key and destroy its sealed form. Who still sends it is told so."""
    done = perform(Deployment.load(config), "key.retire", label=label)
    show(done, as_json, f"{label} is retired; its sealed form is destroyed")
