"""The geometry of charts: numbers in, positions out; the macros in reports/charts.html.j2 draw them.

Horizontal positions are percentages and vertical ones pixels, so that a chart fits a phone and a desk
without scaling its text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

PLOT_PX = 180
_TICKS = 4
_LABELS = 5
_GAP = 0.28  # of a column's width


@dataclass(frozen=True, slots=True)
class Piece:
    """One part of a column: series number from 1, pixels from the top of the plot."""

    series: int
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Column:
    title: str
    x: float
    width: float
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Stacked:
    """Columns over time, each a stack of series. `x` and `width` in percent, `y` and `height` in pixels."""

    height: int
    columns: tuple[Column, ...]
    rows: tuple[Tick, ...]
    labels: tuple[Tick, ...]


def stacked(
    labels: Sequence[str],
    series: Sequence[Sequence[int]],
    show: Callable[[int], str],
    show_tick: Callable[[int], str] | None = None,
) -> Stacked:
    """`series[s][i]` is the value of series s at label i; `show` writes one. Below zero draws as nothing."""
    totals = [sum(max(0, values[i]) for values in series) for i in range(len(labels))]
    step = tick_step(max(totals, default=0))
    top = step * max(1, -(-max(totals, default=0) // step))
    width = 100 / max(1, len(labels))
    columns = []
    for i, label in enumerate(labels):
        pieces = _stack([max(0, values[i]) for values in series], top)
        title = f"{label}: {show(sum(values[i] for values in series))}"
        columns.append(Column(title, _round(width * (i + _GAP / 2)), _round(width * (1 - _GAP)), pieces))
    tick = show_tick or show
    rows = tuple(Tick(_round(PLOT_PX * (1 - value / top)), tick(value)) for value in range(0, top + 1, step))
    every = -(-len(labels) // _LABELS)
    marks = tuple(Tick(_round(width * (i + 0.5)), labels[i]) for i in range(0, len(labels), max(1, every)))
    return Stacked(PLOT_PX, tuple(columns), rows, marks)


def _stack(values: Sequence[int], top: int) -> tuple[Piece, ...]:
    pieces, below = [], 0
    for number, value in enumerate(values, start=1):
        if value > 0:
            # At least a pixel: something is not nothing.
            height = max(1.0, PLOT_PX * value / top)
            pieces.append(Piece(number, _round(PLOT_PX * (1 - below / top) - height), _round(height)))
        below += value
    return tuple(pieces)


def tick_step(largest: int) -> int:
    """A round step (1, 2 or 5 times a power of ten) that gives at most four lines above zero."""
    step = 1
    while True:
        for factor in (1, 2, 5):
            if largest <= step * factor * _TICKS:
                return step * factor
        step *= 10


def _round(value: float) -> float:
    return round(value, 2)
