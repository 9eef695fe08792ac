"""What all commands have in common: their options, how they print, and how they show that they work."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

Config = Annotated[Path, typer.Option("--config", help="The deployment's sluiceway.yaml.", metavar="FILE")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
DEFAULT_CONFIG = Path("sluiceway.yaml")
SHOW_AFTER_S = 1.0


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
    """A plain table with a heading; unknown values are shown as a dash."""
    cells = [[_cell(row.get(column)) for column in columns] for row in rows]
    widths = [max([len(name), *(len(row[i]) for row in cells)]) for i, name in enumerate(columns)]
    lines = [[name.upper() for name in columns], *cells]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


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
