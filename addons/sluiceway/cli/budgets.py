"""`sluiceway budget`: see how the caps stand, and raise one for a while."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from sluiceway.app import budgets, raises
from sluiceway.app.deployment import Deployment
from sluiceway.app.operations import perform
from sluiceway.app.raises import Asked
from sluiceway.cli.shape import DEFAULT_CONFIG, AsJson, Config, application, moment, money, show, table
from sluiceway.policy import load_policy

budget = application("See how the budgets stand, and raise one for a while.")

_NONE = "no budget applies to anybody yet: write one in rules/policy/, or add an employee"
_COLUMNS = ["budget", "scope", "window", "unit", "limit", "spent", "reserved", "left", "used", "resets_at"]


@budget.command(name="list")
def list_(config: Config = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """How much of each budget is spent and reserved in its present window, and when that ends."""
    deployment = Deployment.load(config)
    with deployment.store(writable=False) as store:
        rows = budgets.listing(deployment, store)
    columns = [*_COLUMNS]
    for name, at, plain in (("raised_by", "limit", None), ("on_exceed", "used", "block")):
        if any(row[name] != plain for row in rows):
            columns.insert(columns.index(at) + 1, name)
    show(rows, as_json, table([in_words(row) for row in rows], columns) if rows else _NONE)


@budget.command(name="raise")
def raise_(
    name: Annotated[str, typer.Argument(help="The budget, as in rules/policy/.", metavar="NAME")],
    until: Annotated[
        str,
        typer.Option(
            metavar="TIME",
            help="When it ends: the last day (2026-12-31), a time (2026-12-31T18:00), or 4h, 3d.",
        ),
    ],
    requester: Annotated[str, typer.Option(help="Who asks for it.")],
    approver: Annotated[str, typer.Option(help="Who agrees; somebody else.")],
    reason: Annotated[str, typer.Option(help="Why; it is recorded with both names.")],
    by: Annotated[
        str | None, typer.Option(metavar="USD", help="By how much, in dollars or what the budget counts.")
    ] = None,
    to: Annotated[str | None, typer.Option(metavar="USD", help="To which limit, instead of --by.")] = None,
    only: Annotated[
        str | None,
        typer.Option(
            metavar="HOLDER", help="For one employee, team or model, where the budget is one for each."
        ),
    ] = None,
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Give a budget more for a while. In force at once, also in a running serve."""
    deployment = Deployment.load(config)
    settings = deployment.settings
    policy = load_policy(settings.rules / "policy")
    asked = Asked(name, until, requester, approver, reason, by, to, only)
    arguments = raises.checked(asked, policy, datetime.now(UTC), settings.zone)
    answer = perform(deployment, "budget.raise", **arguments)
    ends = datetime.fromisoformat(answer["until"]).astimezone(settings.zone)
    whom = f" for {only}" if only else ""
    text = (
        f"raise {answer['id']}: '{name}' is raised{whom} until {ends:%Y-%m-%d %H:%M %Z}.\n"
        f"To end it before: sluiceway budget withdraw {answer['id']}"
    )
    show(answer, as_json, text)


@budget.command(name="raises")
def raises_(config: Config = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Every raise there was: by how much, until when, who asked and who agreed."""
    deployment = Deployment.load(config)
    with deployment.store(writable=False) as store:
        rows = raises.listing(store, datetime.now(UTC))
    columns = ["id", "budget", "only", "by", "to", "until", "state", "requester", "approver", "reason"]
    if not any(row["only"] for row in rows):
        columns.remove("only")
    words = [{**row, **_amounts(row, "by", "to"), "until": moment(row["until"])} for row in rows]
    show(rows, as_json, table(words, columns) if rows else "no budget was ever raised")


@budget.command()
def withdraw(
    number: Annotated[int, typer.Argument(help="The raise's number.", metavar="ID")],
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """End a raise now."""
    answer = perform(Deployment.load(config), "budget.withdraw", id=number)
    show(answer, as_json, f"raise {number} of '{answer['budget']}' is withdrawn")


def in_words(row: dict[str, Any]) -> dict[str, Any]:
    """A row of amounts and a reset, for a table."""
    amounts = _amounts(row, "limit", "raised_by", "spent", "reserved", "left")
    return {**row, **amounts, "resets_at": moment(row["resets_at"]) or "never"}


def _amounts(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: _shown(row[name]) for name in names if row.get(name) is not None}


def _shown(amount: str | int) -> str:
    """USD come as text, what is counted as a number."""
    return money(amount) if isinstance(amount, str) else f"{amount:,}"
