"""`make pictures`: plays the demo and makes the pictures of the README from what it really showed.

Needs Chromium. Nothing leaves the machine: all pages are files or come through the demo's own proxy.
"""

from __future__ import annotations

import asyncio
import io
import json
import shutil
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI, TerminalTheme

from sluiceway.demo.people.asking import browse
from sluiceway.demo.stage import Stage, set_up
from sluiceway.demo.tour import perform, write_report
from tests.pictures.browser import Shot, photograph

PORTAL = "http://sluiceway.internal"
IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
TERMINAL = """\
<!DOCTYPE html><meta charset="utf-8"><style>
body {{ margin: 0; background: {background} }}
pre {{ margin: 0; padding: 18px 22px; color: {foreground}; background: {background};
font: 14px/1.45 "DejaVu Sans Mono", Menlo, Consolas, monospace; width: max-content }}
{stylesheet}</style><pre><code style="font-family: inherit">{code}</code></pre>
"""
SECTION = 'section[aria-labelledby="{}"]'
LINE_CHARACTERS = 104
WHITE = (255, 255, 255)  # so that dim text, half as bright, can still be read


def main() -> int:
    """Exit 1 if the demo failed: no pictures then."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        print("make pictures needs Chromium", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if not _pages(folder):
            return 1
        asyncio.run(photograph(chromium, _shots(folder), folder / "profile"))
    for picture in sorted(IMAGES.glob("*.png")):
        print(f"{picture.name}: {picture.stat().st_size // 1000} KB")
    return 0


def _pages(folder: Path) -> bool:
    """The pages to be photographed, as files; False if a claim of the demo did not hold."""
    with set_up(folder / "stage") as stage:
        console = Console(record=True, file=io.StringIO(), width=LINE_CHARACTERS, highlight=False)
        rules = json.loads(browse(f"{PORTAL}/api/me", stage.proxy_urls["alice"]))["audit"]["rules"]
        _save(folder / "notice.html", stage, rules[0]["notice"], "alice")
        print("playing the demo", flush=True)
        failed = perform(stage, console)
        for name in ("alice", "dave"):
            _save(folder / f"{name}.html", stage, "/", name)
        write_report(stage, folder / "report.html")
    colours = [MONOKAI.ansi_colors[number] for number in range(8)]
    theme = TerminalTheme((12, 12, 12), WHITE, colours)
    html = console.export_html(theme=theme, code_format=TERMINAL)
    (folder / "terminal.html").write_text(html)
    if failed:
        print(console.export_text(), file=sys.stderr)
    return not failed


def _save(file: Path, stage: Stage, path: str, name: str) -> None:
    file.write_text(browse(PORTAL + path, stage.proxy_urls[name]))


def _shots(folder: Path) -> list[Shot]:
    report = folder / "report.html"
    return [
        Shot(IMAGES / "demo.png", folder / "terminal.html", 960, "pre", skip=0),
        Shot(IMAGES / "report.png", report, 1100, ".mast", "#totals"),
        *(
            Shot(IMAGES / f"{name}.png", report, 1100, f"#{name}", skip=38)
            for name in ("caps", "routing", "guard", "audit", "verification")
        ),
        Shot(IMAGES / "failover.png", report, 1100, "#failovers", "#breakers", skip=38),
        Shot(IMAGES / "mirror.png", report, 1100, "#mirrors", "#deferred", skip=38),
        Shot(IMAGES / "portal.png", folder / "dave.html", 1000, ".mast", SECTION.format("caps")),
        Shot(IMAGES / "portal-audit.png", folder / "alice.html", 1000, SECTION.format("audit"), skip=38),
        Shot(IMAGES / "notice.png", folder / "notice.html", 1000, ".mast", "main"),
    ]


if __name__ == "__main__":
    sys.exit(main())
