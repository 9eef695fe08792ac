"""`sluiceway rules` and `sluiceway budget`: check what people wrote, and see how the caps stand."""

from __future__ import annotations

import typer

from sluiceway.app import budgets
from sluiceway.app.check import check as check_rules
from sluiceway.app.deployment import Deployment
from sluiceway.cli.shape import DEFAULT_CONFIG, AsJson, Config, application, show, table

rules = application("Check the rules before they bite.")
budget = application("See how the budgets stand.")


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
    lines = [*found.errors, *(f"warning: {each}" for each in found.warnings)]
    summary = f"{found.summary}" if not found.errors else f"{len(found.errors)} to mend; nothing was changed"
    show(answer, as_json, "\n".join([*lines, summary]))
    if found.errors:
        raise typer.Exit(1)


@budget.command(name="list")
def list_(config: Config = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """How much of each budget is spent and reserved in its present window."""
    deployment = Deployment.load(config)
    with deployment.store(writable=False) as store:
        rows = budgets.listing(deployment, store)
    columns = ["budget", "scope", "window", "limit_usd", "spent_usd", "reserved_usd", "used", "resets_at"]
    show(rows, as_json, table(rows, columns) if rows else "no budgets in rules/policy/")
