"""The page around the sections: templates, the one style sheet and the policy that allows nothing else."""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from sluiceway import content
from sluiceway.report import text


@cache
def environment() -> Environment:
    """Templates escape by default and fail on an undefined name."""
    made = Environment(
        loader=FileSystemLoader(content.folder("reports")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )
    made.filters.update(text.FILTERS)
    return made


@cache
def style() -> Markup:
    """The style sheet as it stands in the page: the policy's hash is over exactly these characters."""
    css = (content.folder("reports") / "report.css").read_text(encoding="utf-8").replace("\r\n", "\n")
    if "</" in css:
        raise ValueError("report.css must not contain '</': it would end the style element")
    return Markup(css)  # noqa: S704 - our own file, checked above; no request text is in it


def policy(css: str) -> str:
    """A Content-Security-Policy under which the page can load nothing, run nothing and send nothing."""
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def write(path: Path, html: str) -> None:
    """Put the report in place whole or not at all. Readable by its owner only: it is not for everybody."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(html)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
