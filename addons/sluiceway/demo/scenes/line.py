"""What a scene tells: claims that held or did not, and what somebody saw."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from textwrap import shorten

from sluiceway.demo.play import Parts
from sluiceway.demo.stage import Stage

MOST_SHOWN_CHARS = 280


@dataclass(frozen=True, slots=True)
class Line:
    """`held` None: nothing is claimed, something is shown."""

    text: str
    held: bool | None = None


type Scene = Callable[[Stage, Parts], Iterator[Line]]


def claim(held: object, text: str) -> Line:
    """Something the demo is there to prove."""
    return Line(text, bool(held))


def shown(text: str) -> Line:
    """What somebody sees, shortened, on one line."""
    return Line(shorten(text, MOST_SHOWN_CHARS, placeholder=" ..."))
