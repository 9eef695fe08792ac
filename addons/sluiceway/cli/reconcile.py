"""`sluiceway reconcile`: the provider's figures beside the ledger's, and why they differ."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from sluiceway.app.deployment import Deployment
from sluiceway.app.reconciling import Asked, Reconciled
from sluiceway.app.reconciling import reconcile as work_out
from sluiceway.cli.shape import DEFAULT_CONFIG, AsJson, Config, Progress, show, table
from sluiceway.report.bills.classes import HARMLESS, MEANING, Class, Difference
from sluiceway.report.text import plural
from sluiceway.types import to_usd

SHOWN = 40
NAMES = {
    "requests": "requests",
    "input_tokens": "input tokens",
    "output_tokens": "output tokens",
    "cache_read_tokens": "cache read tokens",
    "cache_write_tokens": "cache write tokens",
    "cost_nusd": "cost in USD",
}


class Family(StrEnum):
    """Whose exports can be read."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"


def reconcile(
    files: Annotated[
        list[Path],
        typer.Argument(help="Exports of usage, of costs, or of both: CSV or JSON.", metavar="FILE..."),
    ],
    provider: Annotated[Family | None, typer.Option(help="Whose they are, if the files do not say.")] = None,
    from_: Annotated[str | None, typer.Option("--from", metavar="DATE", help="First day (UTC).")] = None,
    to: Annotated[str | None, typer.Option("--to", metavar="DATE", help="Day after the last (UTC).")] = None,
    key: Annotated[
        list[str] | None, typer.Option(help="Only lines of this API key or workspace; may be repeated.")
    ] = None,
    tolerance: Annotated[
        float, typer.Option(min=0, max=100, help="How many percent may differ before it is an error.")
    ] = 0.1,
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Compare a provider's usage or cost export with the ledger. Exit 0: equal within the tolerance."""
    for file in files:
        if not file.is_file():
            raise typer.BadParameter(f"{file}: there is no such file")
    deployment = Deployment.load(config)
    family = None if provider is None else provider.value
    asked = Asked(files, family, _day(from_, "--from"), _day(to, "--to"), frozenset(key or ()))
    progress = Progress()
    with deployment.store(writable=False) as store, store.read() as connection:
        found = work_out(
            deployment, asked, connection, lambda done, size: progress("bytes read:", done, size)
        )
    progress.close()
    equal = found.compared.within(tolerance / 100)
    show(_plain(found, equal), as_json, _told(found, equal, tolerance))
    if not equal:
        raise typer.Exit(1)


def _day(text: str | None, option: str) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{option}: write a date such as 2026-11-01, not {text!r}") from None


def _plain(found: Reconciled, equal: bool) -> dict[str, Any]:
    compared = found.compared
    return {
        "equal": equal,
        "provider": found.family,
        "files": found.formats,
        "lines": found.lines,
        "from": found.first.isoformat(),
        "to": found.last.isoformat(),
        "by_service_tier": found.by_tier,
        "groups": compared.groups,
        "groups_equal": compared.equal,
        "totals": {
            _name(kind): {"provider": _value(kind, theirs), "ledger": _value(kind, ours)}
            for kind, (theirs, ours) in compared.totals.items()
        },
        "differences": [_difference(each) for each in compared.differences],
        "apart": {
            "subscription": _figures(found.apart.subscription),
            "personal": _figures(found.apart.personal),
            "unmetered_requests": sum(found.apart.unmetered.values()),
        },
        "keys_elsewhere": compared.keys,
    }


def _difference(each: Difference) -> dict[str, Any]:
    day, model, tier = each.group
    return {
        "day": day.isoformat(),
        "model": model,
        "service_tier": tier,
        "class": each.why.value,
        "harmless": each.why in HARMLESS,
        **_figures(each.amounts),
    }


def _figures(amounts: Any) -> dict[str, int | str]:
    return {_name(kind): _value(kind, value) for kind, value in amounts.items()}


def _name(kind: str) -> str:
    return "cost_usd" if kind == "cost_nusd" else kind


def _value(kind: str, value: int) -> int | str:
    return f"{to_usd(value):f}" if kind == "cost_nusd" else value


def _told(found: Reconciled, equal: bool, tolerance: float) -> str:
    compared = found.compared
    parts = [
        f"{found.family}, {found.first} to {found.last} (UTC days): "
        + ", ".join(f"{name} is {kind}" for name, kind in found.formats.items()),
        table([_total(kind, *figures) for kind, figures in compared.totals.items()], list(TOTALS)),
        f"{compared.equal:,} of {compared.groups:,} pairs of day and model are equal.",
    ]
    if compared.differences:
        rows = [_row(each) for each in compared.differences[:SHOWN]]
        columns = [name for name in COLUMNS if any(row.get(name) is not None for row in rows)]
        more = len(compared.differences) - SHOWN
        rest = f"\nand {more:,} more; --json has them all" if more > 0 else ""
        parts += ["The provider has more (+) or less (-):", table(rows, columns) + rest, _meanings(found)]
    parts += [*_apart(found), _verdict(equal, tolerance)]
    return "\n\n".join(parts)


TOTALS = ("figure", "provider", "ledger", "difference")
COLUMNS = ("day", "model", "tier", "why", "requests", "input", "output", "cache_read", "cache_write", "usd")


def _total(kind: str, theirs: int, ours: int) -> dict[str, Any]:
    return {
        "figure": NAMES[kind],
        "provider": _shown(kind, theirs),
        "ledger": _shown(kind, ours),
        "difference": _shown(kind, theirs - ours, sign=True),
    }


def _shown(kind: str, value: int, sign: bool = False) -> str:
    mark = "+" if sign and value > 0 else ""
    return mark + (f"{to_usd(value):,.4f}" if kind == "cost_nusd" else f"{value:,}")


def _row(each: Difference) -> dict[str, Any]:
    day, model, tier = each.group
    row: dict[str, Any] = {"day": day, "model": model, "tier": tier, "why": each.why.value}
    for kind, value in each.amounts.items():
        row["usd" if kind == "cost_nusd" else kind.removesuffix("_tokens")] = _shown(kind, value, sign=True)
    return row


def _meanings(found: Reconciled) -> str:
    there = [why for why in Class if any(each.why is why for each in found.compared.differences)]
    width = max(map(len, there))
    return "\n".join(f"{why.value.ljust(width)}  {MEANING[why]}" for why in there)


def _apart(found: Reconciled) -> list[str]:
    """What cannot be on this bill, so that nobody looks for it there."""
    said = []
    if rows := found.apart.subscription.get("requests"):
        said.append(f"{plural(rows, 'request')} with a login (a subscription): on no bill by use.")
    if rows := found.apart.personal.get("requests"):
        said.append(f"{plural(rows, 'request')} with a personal key: on somebody else's bill.")
    if rows := sum(found.apart.unmetered.values()):
        said.append(f"{plural(rows, 'request')} passed without being metered (unlisted paths).")
    if keys := found.compared.keys:
        named = ", ".join(sorted(keys, key=lambda name: -keys[name])[:5])
        said.append(f"What did not come through the proxy is of these keys or workspaces: {named}")
    return ["\n".join("".join(c if c.isprintable() else "?" for c in line) for line in said)] if said else []


def _verdict(equal: bool, tolerance: float) -> str:
    if equal:
        return f"Equal within {tolerance:g} %, beside what adds up to nothing."
    return f"NOT equal within {tolerance:g} %."
