"""`sluiceway ledger` and `sluiceway report`: the rows as data, and as a page people open."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sluiceway import __version__
from sluiceway.app import reporting
from sluiceway.app.deployment import Deployment
from sluiceway.app.operations import perform
from sluiceway.cli import corrections
from sluiceway.cli.shape import (
    DEFAULT_CONFIG,
    AsJson,
    Checkpoints,
    Config,
    NodeKeys,
    Progress,
    application,
    show,
)
from sluiceway.errors import ConfigError, StoreError
from sluiceway.report import Period, build, write
from sluiceway.report.export import export as export_rows
from sluiceway.store.records import Discrepancy
from sluiceway.types import Unit, to_usd

ledger = application("Export, verify and correct the ledger.")
ledger.command()(corrections.correct)

From = Annotated[str | None, typer.Option("--from", metavar="DATE", help="First day, or a time (UTC).")]
To = Annotated[str | None, typer.Option("--to", metavar="DATE", help="Day after the last, or a time (UTC).")]


class Format(StrEnum):
    """What `ledger export` can write."""

    JSONL = "jsonl"
    CSV = "csv"


@ledger.command()
def export(
    format: Annotated[Format, typer.Option(help="JSON lines, or CSV for spreadsheets.")] = Format.JSONL,
    out: Annotated[Path | None, typer.Option(help="A file; standard output without it.")] = None,
    from_: From = None,
    to: To = None,
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Write every ledger row of a period, names of people included; the export itself is recorded."""
    _check_folder(out)
    deployment = Deployment.load(config)
    span = period(from_, to, timedelta(days=36500))
    perform(deployment, "event.record", kind="ledger_exported", detail={"format": format.value})
    progress = Progress()

    def written(rows: int) -> None:
        progress("rows written:", rows, 0)

    with deployment.store(writable=False) as store, store.read() as connection:
        if out is None:
            export_rows(connection, format.value, sys.stdout.buffer, span.from_at, span.to_at, written)
        else:
            with out.open("wb") as file:
                export_rows(connection, format.value, file, span.from_at, span.to_at, written)
    progress.close()


@ledger.command()
def verify(config: Config = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Prove that every budget counter equals the sum of its ledger rows, to the nano-dollar."""
    with Deployment.load(config).store(writable=False) as store:
        found = store.verify()
    answer = [asdict(each) for each in found]
    if not as_json and found:
        raise StoreError("\n".join([f"{len(found)} counters differ from the ledger", *map(_in_words, found)]))
    show({"ok": not answer, "discrepancies": answer}, as_json, "every counter equals the ledger")
    if answer:
        raise typer.Exit(1)


@ledger.command()
def reprice(
    from_: From = None,
    to: To = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change; change nothing.")
    ] = False,
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Price past rows anew, the last 30 days if no period is given. Differences become rows of their own."""
    deployment = Deployment.load(config)
    corrections.reprice(deployment, period(from_, to, timedelta(days=30)), dry_run, as_json)


def _in_words(found: Discrepancy) -> str:
    figures = (found.spent, found.ledger_spent, found.reserved, found.ledger_reserved)
    spent, ledger_spent, reserved, ledger_reserved = [_amount(found.unit, figure) for figure in figures]
    return (
        f"{found.counter}: spent {spent} where the ledger says {ledger_spent}, "
        f"reserved {reserved} where it says {ledger_reserved}"
    )


def _amount(unit: Unit, value: int) -> str:
    return f"{to_usd(value)} USD" if unit == "usd" else f"{value:,}"


def report(
    out: Annotated[Path, typer.Option(help="The HTML file to write.")] = Path("report.html"),
    from_: From = None,
    to: To = None,
    names: Annotated[bool, typer.Option(help="Show people's names. That is recorded.")] = False,
    min_group: Annotated[
        int | None,
        typer.Option(
            min=1, help="Teams with fewer active people are shown together; can only raise the setting."
        ),
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify/--no-verify", help="Check counters and audit log, and say the result.")
    ] = True,
    checkpoints: Checkpoints = None,
    node_key: NodeKeys = None,
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Write one self-contained HTML page. Spend, caps, routing, findings, audit, and what was verified."""
    _check_folder(out)
    deployment = Deployment.load(config)
    group = _group(deployment, min_group)
    span = period(from_, to, timedelta(days=30))
    if names:
        detail = {"from": span.from_at.isoformat(), "to": span.to_at.isoformat(), "out": out.name}
        perform(deployment, "event.record", kind="report_with_names", detail=detail)
    progress = Progress()
    with deployment.store(writable=False) as store, store.read() as connection:
        page = build(
            connection,
            period=span,
            names=names,
            generated_at=datetime.now(UTC),
            version=__version__,
            min_group=group,
            progress=progress,
            **reporting.given(
                deployment,
                store,
                span,
                verify=verify,
                node_keys=node_key or (),
                checkpoints=checkpoints,
                progress=progress,
            ),
        )
    progress.close()
    write(out, page)
    show({"report": str(out), "names": names}, as_json, f"wrote {out}; open it in a browser")


def _group(deployment: Deployment, asked: int | None) -> int:
    """The group size to keep to: the setting's, or a larger one. Raises ConfigError for a smaller one."""
    least = deployment.settings.report.min_group
    if asked is None or asked >= least:
        return asked or least
    raise ConfigError(
        f"--min-group {asked}: in this company no report may show groups of fewer than {least} people "
        f"(report.min_group in {deployment.config.name}). Leave the option out, or give {least} or more. "
        f"If it has to be lower, ask {deployment.contact}: the setting is part of what was agreed on reports."
    )


def _check_folder(out: Path | None) -> None:
    if out is not None and not out.parent.is_dir():
        raise typer.BadParameter(f"--out: there is no folder {out.parent}")


def period(from_: str | None, to: str | None, default: timedelta) -> Period:
    """The days asked for; by default the last ones up to now."""
    end = _moment(to, "--to") if to else datetime.now(UTC)
    start = _moment(from_, "--from") if from_ else max(end - default, datetime(2020, 1, 1, tzinfo=UTC))
    if start >= end:
        raise typer.BadParameter("--from must be before --to")
    return Period(start, end)


def _moment(text: str, option: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{option}: write a date such as 2026-11-01, not {text!r}") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
