"""The command line: parses, calls `app`, prints. Exit 0 done, 1 failed with a reason, 2 wrong usage."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from sluiceway import __version__
from sluiceway.cli.commands import Commands
from sluiceway.cli.shape import application
from sluiceway.errors import SluicewayError

app = application("A corporate proxy for AI traffic: who calls, what it costs, and when to stop.")


def _version(wanted: bool) -> None:
    if wanted:
        print(f"sluiceway {__version__}")
        raise typer.Exit


@app.callback(cls=Commands)
def options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help="Show the version and exit.")
    ] = False,
) -> None:
    """A corporate proxy for AI traffic: who calls, what it costs, and when to stop."""


def main(arguments: Sequence[str] | None = None) -> None:
    """The `sluiceway` command, with the process's own arguments where none are given. Ends in SystemExit."""
    try:
        app(arguments, prog_name="sluiceway")
    except SluicewayError as error:
        _fail(str(error))
    except BrokenPipeError:
        # The reader (`head`, a closed pager) has what it wanted.
        sys.stderr.close()
        raise SystemExit(0) from None
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or type(error).__name__}")
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _fail(reason: str) -> None:
    print(f"sluiceway: {reason}", file=sys.stderr)
    raise SystemExit(1) from None
