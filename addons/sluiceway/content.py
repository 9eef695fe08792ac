"""Where the content folders are: what people edit without Python, in a checkout or inside a wheel."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

PACKAGE = Path(__file__).resolve().parent


def folder(name: Literal["rules", "reports", "certs"]) -> Path:
    """The folder as shipped: `sluiceway/_content/<name>` in a wheel, else beside `addons/`."""
    shipped = PACKAGE / "_content" / name
    return shipped if shipped.is_dir() else PACKAGE.parents[1] / name
