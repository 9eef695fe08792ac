"""`sluiceway seats`: how full people's subscription windows are."""

from __future__ import annotations

from typing import Annotated

import typer

from sluiceway.app.deployment import Deployment
from sluiceway.app.seats import listing
from sluiceway.cli.shape import DEFAULT_CONFIG, AsJson, Config, moment, show, table

COLUMNS = ["person", "provider", "window", "used", "status", "resets_at", "seen_at"]
NOBODY = (
    "No subscription has been seen. Windows appear when somebody uses Claude Code, Codex or Gemini CLI "
    "with a login instead of an API key."
)


def seats(
    person: Annotated[str | None, typer.Option(help="Only this person's.", metavar="NAME")] = None,
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """How full subscription windows are, person by person."""
    with Deployment.load(config).store(writable=False) as store:
        found = listing(store, person)
    rows = [
        {
            **each,
            "used": None if each["utilisation"] is None else f"{each['utilisation']:.0%}",
            "resets_at": moment(each["resets_at"]),
            "seen_at": moment(each["seen_at"]),
        }
        for each in found
    ]
    show(found, as_json, table(rows, COLUMNS) if rows else NOBODY)
