"""What the guard finds in a text, without the text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """Something sensitive in a text: characters `start` up to `end`, a `type` by Presidio's name (SECRET
    for every credential), the `rule` that found it, and how sure it is (0 to 1). Holds no text."""

    type: str
    rule: str
    start: int
    end: int
    score: float = 1.0
