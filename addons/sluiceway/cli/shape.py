"""What all commands have in common: their options, how they print, and how they show that they work."""

from __future__ import annotations

import json
import re
import sys
import time
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer

Config = Annotated[Path, typer.Option("--config", help="The deployment's sluiceway.yaml.", metavar="FILE")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
# What an audit is verified against, where somebody kept it elsewhere.
Checkpoints = Annotated[
    Path | None, typer.Option(help="The checkpoints kept off this machine; else the deployment's file.")
]
NodeKeys = Annotated[
    list[str] | None,
    typer.Option(metavar="KEY", help="The node's public key as `audit policy` once printed it."),
]
DEFAULT_CONFIG = Path("sluiceway.yaml")
SHOW_AFTER_S = 1.0
_NUMBER = re.compile(r"[\d,.]+%?", re.ASCII)


def application(help_text: str) -> typer.Typer:
    """A typer application with our habits: pretty exceptions off, because they print local variables."""
    return typer.Typer(
        help=help_text,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )


def show(result: Any, as_json: bool, text: str) -> None:
    """The answer: one JSON document, or words for people."""
    print(json.dumps(result, indent=2, default=str) if as_json else text)


def table(rows: list[dict[str, Any]], columns: list[str]) -> str:
    """A plain table with a heading, numbers to the right; unknown values are shown as a dash."""
    cells = [[_cell(row.get(column)) for column in columns] for row in rows]
    names = [name.upper().replace("_", " ") for name in columns]
    placed = [_placed(list(column)) for column in zip(names, *cells, strict=True)]
    return "\n".join("  ".join(line).rstrip() for line in zip(*placed, strict=True))


def _placed(column: list[str]) -> list[str]:
    width = max(len(cell) for cell in column)
    told = [cell for cell in column[1:] if cell != "-"]
    if told and all(_NUMBER.fullmatch(cell) for cell in told):
        return [cell.rjust(width) for cell in column]
    return [cell.ljust(width) for cell in column]


def facts(pairs: dict[str, Any]) -> str:
    """One fact a line, the values in a column; unknown values are shown as a dash."""
    width = max(len(name) for name in pairs)
    return "\n".join(f"{name.ljust(width)}  {_cell(value)}" for name, value in pairs.items())


def money(usd: str) -> str:
    """An amount for people: cents, and more digits only where cents would hide it."""
    amount = Decimal(usd)
    return f"{amount:,.2f}" if amount == round(amount, 2) else f"{amount:,.4f}"


def moment(text: str | None) -> str | None:
    """An ISO time for people: to the minute, with its zone."""
    if text is None:
        return None
    at = datetime.fromisoformat(text)
    return f"{at:%Y-%m-%d %H:%M} {at.tzname()}"


def _cell(value: Any) -> str:
    text = "-" if value is None else str(value)
    return "".join(c if c.isprintable() else "?" for c in text)


class Progress:
    """A line on a terminal's stderr for what takes longer than a moment; silent in a pipe."""

    def __init__(self) -> None:
        self._started_s = time.monotonic()
        self._shown = False

    def __call__(self, what: str, done: int, total: int) -> None:
        if sys.stderr.isatty() and time.monotonic() - self._started_s > SHOW_AFTER_S:
            self._shown = True
            count = f"{done:,}/{total:,}" if total else f"{done:,}"
            print(f"\r\033[K{what} {count}", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        if self._shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
