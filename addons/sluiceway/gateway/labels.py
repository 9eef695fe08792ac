"""The name of a field beside its value: `{"password": "..."}` says what its value is, which alone may say
nothing. Where a name could mean a secret, the guard reads both, as they would stand in JSON."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from sluiceway.types import Finding
from sluiceway.wire.parts import Segment

# Wider than any detector's own list of names: those decide, this only says where to look twice.
_COULD_MEAN_A_SECRET = re.compile(
    r"pass|pwd|secret|token|key|credential|auth|kennwort|wachtwoord|senha|contrase", re.IGNORECASE
)
MOST_CHARACTERS = 300


def labelled(segments: Sequence[Segment]) -> tuple[list[str], list[int]]:
    """What is to be scanned for each segment, and how much of it comes before the segment's own text."""
    texts: list[str] = []
    offsets: list[int] = []
    for index, segment in enumerate(segments):
        name = _name(segment, segments[index - 1] if index else None)
        beside = name is not None and _fits(name) and _COULD_MEAN_A_SECRET.search(name) is not None
        plain = beside and _fits(segment.text) and '"' not in segment.text
        texts.append(f'"{name}": "{segment.text}"' if plain else segment.text)
        offsets.append(len(texts[-1]) - len(segment.text) - 1 if plain else 0)
    return texts, offsets


def own(findings: Sequence[Finding], segment: Segment, offset: int) -> tuple[Finding, ...]:
    """The findings as they lie in the segment's own text; what lies beside it is another segment's."""
    if not offset:
        return tuple(findings)
    length = len(segment.text)
    moved = (
        replace(each, start=max(0, each.start - offset), end=min(length, each.end - offset))
        for each in findings
    )
    return tuple(each for each in moved if each.start < each.end)


def _name(segment: Segment, before: Segment | None) -> str | None:
    """The field a text stands in. In JSON inside a string it is the piece before it."""
    last = segment.path[-1] if segment.path else None
    if isinstance(last, str):
        return last
    if last is None or last < 1 or before is None or before.path != (*segment.path[:-1], last - 1):
        return None
    return before.text


def _fits(text: str) -> bool:
    return 0 < len(text) <= MOST_CHARACTERS and "\n" not in text and "\\" not in text
