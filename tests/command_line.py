"""The command line in this process: all that the installed script does but start Python."""

from __future__ import annotations

import contextlib
import io
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from sluiceway.cli import main
from sluiceway.demo.terminal import Said

__all__ = ["Said", "sluiceway"]


def sluiceway(*arguments: str | Path, folder: Path) -> Said:
    """Runs a command in a folder, in this process."""
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    with (
        contextlib.chdir(folder),
        redirect_stdout(out),
        redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        main([*map(str, arguments)])
    out.seek(0)
    return Said(int(ended.value.code or 0), out.read(), err.getvalue())
