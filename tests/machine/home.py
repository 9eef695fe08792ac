"""A home folder for the tests of enrolment: set up, looked at whole, with a company CA of its own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from sluiceway.app import enrolment
from sluiceway.front.certificate import make_anchor
from sluiceway.machine.anchor import Anchor, join, read_anchor
from sluiceway.machine.enrol import Wanted
from sluiceway.machine.journal import Done
from sluiceway.machine.proxy import parse_proxy_url

NOW = datetime.now(UTC)
TOKEN = "swy_0123456789"
PROXY = f"http://alice:{TOKEN}@proxy.example:8080"


@cache
def company() -> bytes:
    return join([make_anchor("Test", NOW).cert])


def enrol(
    home: Path,
    proxy: str = PROXY,
    *,
    environ: Mapping[str, str] | None = None,
    no_proxy: tuple[str, ...] = (),
    shells: tuple[str, ...] = (),
    java: bool = False,
    pem: bytes | None = None,
    dry_run: bool = False,
) -> tuple[Done, ...]:
    """As the command does, for this home and this environment."""
    anchor = read_anchor(pem or company(), "ca.pem", datetime.now(UTC))
    wanted = Wanted(parse_proxy_url(proxy), anchor, home, environ or {}, no_proxy, shells, java)
    return enrolment.enrol(wanted, dry_run=dry_run).done


def anchor_of(home: Path) -> Anchor:
    return read_anchor((home / ".config" / "sluiceway" / "ca.pem").read_bytes(), "ca.pem", datetime.now(UTC))


def tree(home: Path) -> dict[str, tuple[int, bytes]]:
    """Every file and folder below, with its mode and its bytes."""
    return {
        str(path.relative_to(home)): (path.lstat().st_mode, path.read_bytes() if path.is_file() else b"")
        for path in sorted(home.rglob("*"))
    }
