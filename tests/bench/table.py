"""The results as people and as programs read them."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from .figures import Against, Path, Result, Spread

_HEADINGS = ("", "direct", "mitmdump", "sluiceway", "ratio", "least-most", "aim", "")


def text(results: Sequence[Result]) -> str:
    """The table; figures are medians, the ratio is the median of the rounds' own ratios."""
    lines = [_HEADINGS, *(_line(result) for result in results)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADINGS))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _line(result: Result) -> tuple[str, ...]:
    metric, ratio = result.metric, result.ratio
    ours = result.figures.get(Path.OURS)
    spread = ratio if metric.against is Against.RATIO else ours
    sign = "x" if metric.against is Against.RATIO else ""
    aim = "-" if metric.aim is None else f"<= {metric.aim:g}{sign or ' ' + metric.unit}".rstrip()
    verdict = {True: "met", False: "MISSED", None: ""}[result.met]
    return (
        f"{metric.title} ({metric.unit})" if metric.unit else metric.title,
        *(_figure(result.figures.get(path)) for path in Path),
        f"{ratio.median:.2f}x" if ratio else "-",
        f"{_short(spread.least)}-{_short(spread.most)}{sign}" if spread else "-",
        aim,
        verdict,
    )


def _figure(spread: Spread | None) -> str:
    return "-" if spread is None else _short(spread.median)


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.2f}"


def disk(syncs_ms: Sequence[float]) -> str:
    """What the disk adds to each admission, in words."""
    took = Spread.of(syncs_ms)
    return (
        f"The disk took {_short(took.median)} ms ({_short(took.least)}-{_short(took.most)}) to keep 4 KB; "
        "Sluiceway waits for that before it forwards a request, mitmdump keeps nothing."
    )


def document(
    results: Sequence[Result], *, rounds: int, requests: int, syncs_ms: Sequence[float]
) -> dict[str, Any]:
    """What `--json` writes: the same figures with their spreads, and what they were taken on."""
    return {
        "machine": {
            "cores": os.cpu_count(),
            "load_1m": os.getloadavg()[0],
            "disk_sync_ms": _spread(Spread.of(syncs_ms)),
            "system": platform.platform(),
            "python": platform.python_version(),
            "mitmproxy": version("mitmproxy"),
            "sluiceway": version("sluiceway"),
        },
        "rounds": rounds,
        "requests_in_ledger": requests,
        "metrics": [_entry(result) for result in results],
    }


def _entry(result: Result) -> dict[str, Any]:
    metric = result.metric
    return {
        "name": metric.name,
        "title": metric.title,
        "unit": metric.unit,
        "figures": {str(path): _spread(spread) for path, spread in result.figures.items()},
        "ratio": _spread(result.ratio) if result.ratio else None,
        "aim": metric.aim,
        "aim_is_about": None if metric.aim is None else metric.against.name.lower(),
        "met": result.met,
    }


def _spread(spread: Spread) -> dict[str, float]:
    return {
        "median": round(spread.median, 4),
        "least": round(spread.least, 4),
        "most": round(spread.most, 4),
    }
