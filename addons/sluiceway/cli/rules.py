"""`sluiceway rules` and `sluiceway budget`: check what people wrote, and see how the caps stand."""

from __future__ import annotations

import sys
from typing import Any

import typer

from sluiceway.app import budgets
from sluiceway.app.check import check as check_rules
from sluiceway.app.deployment import Deployment
from sluiceway.cli.shape import (
    DEFAULT_CONFIG,
    AsJson,
    Config,
    application,
    moment,
    money,
    show,
    table,
)

rules = application("Check the rules before they bite.")
budget = application("See how the budgets stand.")

_NONE = "no budget applies to anybody yet: write one in rules/policy/, or add an employee"


@rules.callback()
def _rules() -> None:
    """Keeps `check` a subcommand while it is the only one."""


@budget.callback()
def _budget() -> None:
    """Keeps `list` a subcommand while it is the only one."""


@rules.command()
def check(config: Config = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Read every rules file and say what is wrong, where, and what to write instead."""
    found = check_rules(Deployment.load(config))
    answer = {"ok": not found.errors, "errors": found.errors, "warnings": found.warnings}
    warnings = [f"warning: {each}" for each in found.warnings]
    if found.errors and not as_json:
        print("\n".join([*found.errors, *warnings, f"{len(found.errors)} to mend"]), file=sys.stderr)
        raise typer.Exit(1)
    show(answer, as_json, "\n".join([*warnings, found.summary]))
    if found.errors:
        raise typer.Exit(1)


@budget.command(name="list")
def list_(config: Config = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """How much of each budget is spent and reserved in its present window."""
    deployment = Deployment.load(config)
    with deployment.store(writable=False) as store:
        rows = budgets.listing(deployment, store)
    columns = ["budget", "scope", "window", "unit", "limit", "spent", "reserved", "used", "resets_at"]
    words = [_in_words(row) for row in rows]
    show(rows, as_json, table(words, columns) if rows else _NONE)


def _in_words(row: dict[str, Any]) -> dict[str, Any]:
    amounts = {name: _shown(row[name]) for name in ("limit", "spent", "reserved")}
    return {**row, **amounts, "resets_at": moment(row["resets_at"]) or "never"}


def _shown(amount: str | int) -> str:
    """USD come as text, what is counted as a number."""
    return money(amount) if isinstance(amount, str) else f"{amount:,}"
